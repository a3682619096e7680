-- Shared beginning of publish.lua, history.lua and recover.lua: the epoch and the top of a channel, made if absent so
-- that the position given out stays true until the first event comes.
-- ARGV[1]: epoch to begin with
-- A server has a new replication id whenever its data may not be what it was: started again, promoted from replica,
-- promoted again after it had been demoted. Offsets given out meanwhile may be lost then, so a new epoch begins.
-- Asked once a call: it cannot change while a script runs.
local info = redis.call('INFO', 'replication')
local _, before = string.find(info, 'master_replid:', 1, true)
local history = before and string.sub(info, before + 1, before + 12) or '-'

-- meta: the key of a hash {e = epoch, o = last offset, h = the server's history that both belong to}; stream: a key
local function position(meta, stream)
  local known = redis.call('HMGET', meta, 'e', 'o', 'h')
  if known[1] and known[2] and known[3] == history then
    return known[1], known[2]
  end
  -- What is left of the stream belongs to offsets nobody can trust.
  redis.call('DEL', stream)
  redis.call('HSET', meta, 'e', ARGV[1], 'o', '0', 'h', history)
  return ARGV[1], '0'
end
