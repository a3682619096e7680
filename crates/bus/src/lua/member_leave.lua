-- ARGV: node, most users of whom moves are told, clients
-- Answer: users, clients, and of each client its user (0: it was not there) and 1 if it was the user's last one
local answer = {0, 0}
for at = 3, #ARGV do
  local user, last = drop(ARGV[at], ARGV[1])
  if last == 1 then
    move(user, '0', ARGV[at], '', ARGV[2])
  end
  answer[#answer + 1], answer[#answer + 2] = user or 0, last or 0
end
answer[1], answer[2] = redis.call('HLEN', KEYS[2]), redis.call('HLEN', KEYS[1])
return answer
