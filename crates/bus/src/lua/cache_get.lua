-- KEYS: value, version      ARGV: version ttl ms
-- A version begins at the clock's microseconds, so it is never one that was given out before a flush.
local version = redis.call('GET', KEYS[2])
if not version then
  local time = redis.call('TIME')
  version = string.format('%.0f', time[1] * 1000000 + time[2])
  redis.call('SET', KEYS[2], version, 'PX', ARGV[1])
  redis.call('DEL', KEYS[1])
end
return {version, redis.call('GET', KEYS[1])}
