-- KEYS: meta, stream
-- ARGV after the shared one: least ttl of the meta in ms, lowest id, highest id, most entries (0 = only the position),
-- '1' = newest first
local epoch, top = position(KEYS[1], KEYS[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
local entries = {}
if ARGV[5] ~= '0' then
  if ARGV[6] == '1' then
    entries = redis.call('XREVRANGE', KEYS[2], ARGV[4], ARGV[3], 'COUNT', ARGV[5])
  else
    entries = redis.call('XRANGE', KEYS[2], ARGV[3], ARGV[4], 'COUNT', ARGV[5])
  end
end
return {top, epoch, entries}
