-- Shared beginning of history.lua and recover.lua: the epoch and the top of a channel, made if absent so
-- that the position given out stays true until the first event comes.
-- KEYS: meta hash, stream      ARGV[1]: epoch to begin with, ARGV[2]: least ttl of the meta in ms
local meta = redis.call('HMGET', KEYS[1], 'e', 'o')
local epoch, top = meta[1], meta[2] or '0'
if not epoch then
  redis.call('DEL', KEYS[2])
  epoch, top = ARGV[1], '0'
  redis.call('HSET', KEYS[1], 'e', epoch, 'o', top)
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
