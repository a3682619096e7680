-- ARGV after the shared two: lowest id, highest id, most entries (0 = only the position), '1' = newest first
local entries = {}
if ARGV[5] ~= '0' then
  if ARGV[6] == '1' then
    entries = redis.call('XREVRANGE', KEYS[2], ARGV[4], ARGV[3], 'COUNT', ARGV[5])
  else
    entries = redis.call('XRANGE', KEYS[2], ARGV[3], ARGV[4], 'COUNT', ARGV[5])
  end
end
return {top, epoch, entries}
