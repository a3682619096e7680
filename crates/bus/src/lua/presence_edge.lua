-- Shared beginning of the presence scripts (realtime.md §6).
-- KEYS: holders (user -> how many nodes hold them), states (user -> 'edge id:online:at:last seen'),
--       pending (user -> since when an edge waits for its announcement, ms), edge sequence
-- Edge id 0: no edge made this state since Redis was emptied, so nobody was told of it since.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local edges = {}

local function seen_of(user)
  local before = redis.call('HGET', KEYS[2], user)
  return before and string.match(before, '[^:]*$') or ''
end

local function keep_state(user, id, online, seen)
  local at = string.format('%.0f', now)
  redis.call('HSET', KEYS[2], user, string.format('%.0f', id) .. ':' .. online .. ':' .. at .. ':' .. (seen or at))
  return at
end

local function keep_edge(user, online)
  local id = redis.call('INCR', KEYS[4])
  local at = keep_state(user, id, online, online == 1 and seen_of(user) or nil)
  redis.call('ZADD', KEYS[3], at, user)
  edges[#edges + 1] = {user, id, online, now}
end

local function is_unannounced(user)
  local state = redis.call('HGET', KEYS[2], user)
  return not state or string.sub(state, 1, 2) == '0:'
end

-- again: the node held the user before Redis was emptied, so whoever watches has heard of it and no edge is made, unless
-- an edge said meanwhile that the user is gone.
local function hold(user, again)
  if redis.call('HINCRBY', KEYS[1], user, 1) == 1 then
    if again and is_unannounced(user) then
      keep_state(user, 0, 1, seen_of(user))
    else
      keep_edge(user, 1)
    end
  end
end

local function release(user)
  if redis.call('HINCRBY', KEYS[1], user, -1) <= 0 then
    redis.call('HDEL', KEYS[1], user)
    keep_edge(user, 0)
  end
end

