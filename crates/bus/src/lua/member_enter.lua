-- KEYS: members (client -> 'node\nuser\ninfo'), users (user -> how many clients), clients of the node here, and
--       those of member_moves.lua
-- ARGV: node, most users of whom moves are told; then of each client: itself, user, info
-- Answer: users, clients, and of each client 1 if it is the user's first one
local answer = {0, 0}
for at = 3, #ARGV, 3 do
  local client, user, info, first = ARGV[at], ARGV[at + 1], ARGV[at + 2], 0
  -- 1 for a client that was not there.
  if redis.call('HSET', KEYS[1], client, ARGV[1] .. '\n' .. user .. '\n' .. info) == 1 then
    if redis.call('HINCRBY', KEYS[2], user, 1) == 1 then
      first = 1
      move(user, '1', client, info, ARGV[2])
    end
  end
  redis.call('SADD', KEYS[3], client)
  answer[#answer + 1] = first
end
answer[1], answer[2] = redis.call('HLEN', KEYS[2]), redis.call('HLEN', KEYS[1])
return answer
