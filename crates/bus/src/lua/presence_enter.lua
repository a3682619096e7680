-- KEYS[5]: users of the node, KEYS[6]: leases      ARGV: node, lease ttl ms, 1 to enter again, user ids...
-- A node that enters users without a lease gets one, else nobody would ever sweep it.
redis.call('ZADD', KEYS[6], 'NX', string.format('%.0f', now + ARGV[2]), ARGV[1])
for i = 4, #ARGV do
  if redis.call('SADD', KEYS[5], ARGV[i]) == 1 then
    hold(ARGV[i], ARGV[3] == '1')
  end
end
return edges
