-- KEYS: states, pending      ARGV: user, edge id, user, edge id...
-- Answer: {user, state} of those whose state has moved on, unless the newer edge is confirmed here as well.
local confirmed = {}
for i = 1, #ARGV, 2 do
  confirmed[ARGV[i] .. ':' .. ARGV[i + 1]] = true
end
local overtaken = {}
for i = 1, #ARGV, 2 do
  local state = redis.call('HGET', KEYS[1], ARGV[i])
  local id = state and string.match(state, '^[^:]*')
  if id == ARGV[i + 1] then
    redis.call('ZREM', KEYS[2], ARGV[i])
  elseif id and not confirmed[ARGV[i] .. ':' .. id] then
    overtaken[#overtaken + 1] = {ARGV[i], state}
  end
end
return overtaken
