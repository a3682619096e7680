-- One event of a channel with history: order, keep and publish in one step (realtime.md §5).
-- ARGV after the shared one: payload, pub/sub channel, most events kept, stream ttl ms, meta ttl ms, '~' or '=',
-- PUBLISH or SPUBLISH
local offset = redis.call('HINCRBY', KEYS[1], 'o', 1)
local id = string.format('%.0f', offset)
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[7], ARGV[4], id .. '-0', 'd', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call(ARGV[8], ARGV[3], id .. ':' .. epoch .. ':' .. ARGV[2])
return {offset, epoch}
