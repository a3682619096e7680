-- ARGV: client, node      Answer: {} or {user, last, users, clients}
local user, last = drop(ARGV[1], ARGV[2])
if not user then
  return {}
end
return {user, last, redis.call('HLEN', KEYS[2]), redis.call('HLEN', KEYS[1])}
