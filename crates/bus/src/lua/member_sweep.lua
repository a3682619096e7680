-- ARGV: node, most clients, most users of whom moves are told
-- Answer: 1 when no client of the node is left, {client, user, last, users, clients}...
local clients = redis.call('SRANDMEMBER', KEYS[3], ARGV[2])
local dropped = {}
for _, client in ipairs(clients) do
  local user, last = drop(client, ARGV[1])
  if user then
    if last == 1 then
      move(user, '0', client, '', ARGV[3])
    end
    dropped[#dropped + 1] = {client, user, last, redis.call('HLEN', KEYS[2]), redis.call('HLEN', KEYS[1])}
  end
end
return {1 - redis.call('EXISTS', KEYS[3]), dropped}
