-- KEYS: lease      ARGV: owner      Answer: 1 if it was the owner's and is free now
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
