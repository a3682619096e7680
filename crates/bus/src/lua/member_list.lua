-- KEYS: members, users      ARGV: most clients listed      Answer: clients, users, {client, value, client, value...}
local clients = redis.call('HLEN', KEYS[1])
local list = {}
if clients <= tonumber(ARGV[1]) then
  list = redis.call('HGETALL', KEYS[1])
end
return {clients, redis.call('HLEN', KEYS[2]), list}
