-- What is to be told of a channel's members: at most once in a while over all nodes, to whoever asks first.
-- KEYS: users, moves, gate, users told last      ARGV: while in ms, most users of whom moves are told
-- Answer: {0}: nothing new · {1, ms}: ask again then · {2, users, 1 if that number is to be told, {user, move...}}
local users = redis.call('HLEN', KEYS[1])
if users == 0 then
  -- Nobody is there who could be told.
  redis.call('DEL', KEYS[2], KEYS[4])
  return {0}
end
if users > tonumber(ARGV[2]) then
  redis.call('DEL', KEYS[2])
end
local changed = 0
if redis.call('GET', KEYS[4]) ~= string.format('%.0f', users) then
  changed = 1
end
if changed == 0 and redis.call('EXISTS', KEYS[2]) == 0 then
  return {0}
end
local wait = redis.call('PTTL', KEYS[3])
if wait > 0 then
  return {1, wait}
end
local moves = redis.call('HGETALL', KEYS[2])
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[3], 1, 'PX', ARGV[1])
return {2, users, changed, moves}
