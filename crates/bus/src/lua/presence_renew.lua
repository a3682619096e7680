-- KEYS: leases, users of the node, nodes whose channel members are to be swept, since when presence is kept, nodes that
-- have renewed (a node that enters users gets a lease too, which must not hide that its renewals are unknown here)
-- ARGV: node, ttl ms
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
redis.call('SREM', KEYS[3], ARGV[1])
redis.call('SETNX', KEYS[4], string.format('%.0f', now))
return {redis.call('SADD', KEYS[5], ARGV[1]), redis.call('SCARD', KEYS[2])}
