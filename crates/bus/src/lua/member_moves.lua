-- Shared beginning of the scripts by which somebody comes or goes: keeps the moves of users until they are told.
-- KEYS[4]: moves (user -> '1\nclient\ninfo' for a coming, '0\nclient\n' for a going), KEYS[5]: users told last
local function move(user, came, client, info, most)
  if came == '1' then
    -- Whoever subscribed a moment ago may have read another number than the one told last, even if it is the same
    -- again: after a coming the number is told in any case.
    redis.call('DEL', KEYS[5])
  end
  if redis.call('HLEN', KEYS[2]) > tonumber(most) then
    return
  end
  local other = redis.call('HGET', KEYS[4], user)
  if other and string.sub(other, 1, 1) ~= came then
    -- Came and went, or went and came: nothing happened.
    redis.call('HDEL', KEYS[4], user)
  else
    redis.call('HSET', KEYS[4], user, came .. '\n' .. client .. '\n' .. info)
    -- In case that nobody asks for them.
    redis.call('PEXPIRE', KEYS[4], 60000)
  end
end
