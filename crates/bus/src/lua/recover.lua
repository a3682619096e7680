-- KEYS: meta, stream
-- ARGV after the shared one: least ttl of the meta in ms, epoch and offset of the client, most events to recover.
-- The last member of the answer is 1 only if nothing is missing: never a part (realtime.md §5).
local epoch, top = position(KEYS[1], KEYS[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
local since, last = tonumber(ARGV[4]), tonumber(top)
local missed = last - since
if epoch ~= ARGV[3] or missed < 0 or missed > tonumber(ARGV[5]) then
  return {top, epoch, {}, 0}
end
if missed == 0 then
  return {top, epoch, {}, 1}
end
local entries = redis.call('XRANGE', KEYS[2], string.format('%.0f-0', since + 1), top .. '-0')
if #entries ~= missed then
  return {top, epoch, {}, 0}
end
return {top, epoch, entries, 1}
