-- KEYS: leases, users of the node, nodes whose channel members are to be swept      ARGV: node, ttl ms
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local added = redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
redis.call('SREM', KEYS[3], ARGV[1])
return {added, redis.call('SCARD', KEYS[2])}
