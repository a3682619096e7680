-- Shared beginning of publish.lua, history.lua and recover.lua: the epoch and the top of a channel, made if absent so
-- that the position given out stays true until the first event comes.
-- KEYS: meta hash {e = epoch, o = last offset, h = the server's history that both belong to}, stream
-- ARGV[1]: epoch to begin with
-- A server has a new replication id whenever its data may not be what it was: started again, promoted from replica,
-- promoted again after it had been demoted. Offsets given out meanwhile may be lost then, so a new epoch begins.
local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(............)') or '-'
local meta = redis.call('HMGET', KEYS[1], 'e', 'o', 'h')
local epoch, top = meta[1], meta[2]
if not epoch or not top or meta[3] ~= history then
  -- What is left of the stream belongs to offsets nobody can trust.
  redis.call('DEL', KEYS[2])
  epoch, top = ARGV[1], '0'
  redis.call('HSET', KEYS[1], 'e', epoch, 'o', top, 'h', history)
end
