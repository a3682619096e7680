-- Claims edges that nobody confirmed for ARGV[1] ms: they look new again afterwards, so one caller gets each.
-- KEYS: states, pending      ARGV: age ms, most edges      Answer: {user, state}...
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local users = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now - ARGV[1]), 'LIMIT', 0, ARGV[2])
local edges = {}
for _, user in ipairs(users) do
  local state = redis.call('HGET', KEYS[1], user)
  if state then
    redis.call('ZADD', KEYS[2], string.format('%.0f', now), user)
    edges[#edges + 1] = {user, state}
  else
    redis.call('ZREM', KEYS[2], user)
  end
end
return edges
