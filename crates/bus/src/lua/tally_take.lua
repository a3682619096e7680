-- KEYS: tally      ARGV: about how many      Answer: [name, count, …] of some, which are in the tally no more
local found = redis.call('HSCAN', KEYS[1], 0, 'COUNT', ARGV[1])[2]
for place = 1, #found, 2 do
  redis.call('HDEL', KEYS[1], found[place])
end
return found
