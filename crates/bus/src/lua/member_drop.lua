-- Shared beginning of member_leave.lua and member_sweep.lua. KEYS as in member_enter.lua.
-- Takes one client of that node away: user and 1 if it was the user's last client, or nil if it is not there.
local function drop(client, node)
  local known = redis.call('HGET', KEYS[1], client)
  redis.call('SREM', KEYS[3], client)
  if not known then
    return nil
  end
  local holder, user = string.match(known, '^([^\n]*)\n([^\n]*)\n')
  if holder ~= node then
    return nil
  end
  redis.call('HDEL', KEYS[1], client)
  if redis.call('HINCRBY', KEYS[2], user, -1) > 0 then
    return user, 0
  end
  redis.call('HDEL', KEYS[2], user)
  return user, 1
end
