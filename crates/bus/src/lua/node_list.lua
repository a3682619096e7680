-- Takes away those who have said nothing for too long.
-- KEYS: nodes      ARGV: too long in ms      Answer: {node, ms since its last word, JSON}...
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local all = redis.call('HGETALL', KEYS[1])
local nodes = {}
for i = 1, #all, 2 do
  local at, said = string.match(all[i + 1], '^(%d+):(.*)$')
  local age = at and now - tonumber(at)
  if age and age <= tonumber(ARGV[1]) then
    nodes[#nodes + 1] = {all[i], math.max(0, age), said}
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return nodes
