-- KEYS: value, version      ARGV: number of the head, head, version ttl ms
-- The value is `number\nhead\nrest`. A greater number brings its head; whoever read the database before cannot fill.
if redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('INCR', KEYS[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
local value = redis.call('GET', KEYS[1])
if not value then
  return 0
end
local number, rest = string.match(value, '^(%d+)\n[^\n]*\n(.*)$')
if not number then
  redis.call('DEL', KEYS[1])
  return 0
end
if tonumber(ARGV[1]) > tonumber(number) then
  redis.call('SET', KEYS[1], ARGV[1] .. '\n' .. ARGV[2] .. '\n' .. rest, 'KEEPTTL')
end
return 1
