-- ARGV: client, node, most users of whom moves are told      Answer: {} or {user, last, users, clients}
local user, last = drop(ARGV[1], ARGV[2])
if not user then
  return {}
end
if last == 1 then
  move(user, '0', ARGV[1], '', ARGV[3])
end
return {user, last, redis.call('HLEN', KEYS[2]), redis.call('HLEN', KEYS[1])}
