-- KEYS: members (client -> 'node\nuser\ninfo'), users (user -> how many clients), clients of the node here, and
--       those of member_moves.lua
-- ARGV: client, node, user, info, most users of whom moves are told
-- Answer: 1 if the user's first client, users, clients
local first = 0
local known = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. '\n' .. ARGV[3] .. '\n' .. ARGV[4])
redis.call('SADD', KEYS[3], ARGV[1])
if not known and redis.call('HINCRBY', KEYS[2], ARGV[3], 1) == 1 then
  first = 1
  move(ARGV[3], '1', ARGV[1], ARGV[4], ARGV[5])
end
return {first, redis.call('HLEN', KEYS[2]), redis.call('HLEN', KEYS[1])}
