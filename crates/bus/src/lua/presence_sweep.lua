-- Takes away at most ARGV[2] users of a node whose lease ended (or of any node if ARGV[3] is '1').
-- KEYS[5]: users of the node, KEYS[6]: leases, KEYS[7]: nodes whose channel members are still to be swept,
-- KEYS[8]: nodes that have renewed
-- Answer: edges, how many were taken, 1 when nothing is left
local lease = redis.call('ZSCORE', KEYS[6], ARGV[1])
if ARGV[3] ~= '1' and (not lease or tonumber(lease) > now) then
  return {edges, 0, 1}
end
local users = redis.call('SPOP', KEYS[5], ARGV[2])
for _, user in ipairs(users) do
  release(user)
end
if redis.call('EXISTS', KEYS[5]) == 1 then
  return {edges, #users, 0}
end
redis.call('ZREM', KEYS[6], ARGV[1])
redis.call('SADD', KEYS[7], ARGV[1])
redis.call('SREM', KEYS[8], ARGV[1])
return {edges, #users, 1}
