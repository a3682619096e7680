-- Shared beginning of the presence scripts (realtime.md §6).
-- KEYS: holders (user -> how many nodes hold them), states (user -> 'edge id:online:at:last seen'),
--       pending (user -> since when an edge waits for its announcement, ms), edge sequence
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local edges = {}

local function keep_edge(user, online)
  local id = redis.call('INCR', KEYS[4])
  local at = string.format('%.0f', now)
  local seen = at
  if online == 1 then
    local before = redis.call('HGET', KEYS[2], user)
    seen = before and string.match(before, '[^:]*$') or ''
  end
  redis.call('HSET', KEYS[2], user, string.format('%.0f', id) .. ':' .. online .. ':' .. at .. ':' .. seen)
  redis.call('ZADD', KEYS[3], at, user)
  edges[#edges + 1] = {user, id, online, now}
end

local function hold(user)
  if redis.call('HINCRBY', KEYS[1], user, 1) == 1 then
    keep_edge(user, 1)
  end
end

local function release(user)
  if redis.call('HINCRBY', KEYS[1], user, -1) <= 0 then
    redis.call('HDEL', KEYS[1], user)
    keep_edge(user, 0)
  end
end
