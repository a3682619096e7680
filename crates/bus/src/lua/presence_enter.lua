-- KEYS[5]: users of the node, KEYS[6]: leases      ARGV: node, lease ttl ms, user ids...
-- A node that enters users without a lease gets one, else nobody would ever sweep it.
redis.call('ZADD', KEYS[6], 'NX', string.format('%.0f', now + ARGV[2]), ARGV[1])
for i = 3, #ARGV do
  if redis.call('SADD', KEYS[5], ARGV[i]) == 1 then
    hold(ARGV[i])
  end
end
return edges
