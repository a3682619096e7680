-- KEYS[5]: users of the node      ARGV: user ids
for i = 1, #ARGV do
  if redis.call('SREM', KEYS[5], ARGV[i]) == 1 then
    release(ARGV[i])
  end
end
return edges
