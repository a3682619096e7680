-- One event of a channel with history: order, keep and publish in one step (realtime.md §5).
-- KEYS: meta hash {e = epoch, o = last offset}, stream
-- ARGV: payload, pub/sub channel, most events kept, stream ttl ms, meta ttl ms, epoch to begin with, '~' or '='
local epoch = redis.call('HGET', KEYS[1], 'e')
if not epoch then
  -- The meta was lost: what is left of the stream belongs to offsets nobody can trust.
  redis.call('DEL', KEYS[2])
  epoch = ARGV[6]
  redis.call('HSET', KEYS[1], 'e', epoch)
end
local offset = redis.call('HINCRBY', KEYS[1], 'o', 1)
local id = string.format('%.0f', offset)
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[7], ARGV[3], id .. '-0', 'd', ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PUBLISH', ARGV[2], id .. ':' .. epoch .. ':' .. ARGV[1])
return {offset, epoch}
