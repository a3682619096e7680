-- Events of channels with history: order, keep and publish in one step (realtime.md §5).
-- KEYS: meta and stream of each channel
-- ARGV after the shared one: PUBLISH or SPUBLISH; then of each channel: its name in pub/sub, how many events, most events
-- kept, ttl ms; if there are several, their lengths in bytes, joined by commas; the events
-- Answer: of each channel its top before and its epoch
-- What is published: offset:epoch:event, or firstoffset+:epoch:lengths:events for several.
-- The ids of entries are offsets: as numbers they would be written with an exponent from 10^14 on only.
local call, word, answer, at = redis.call, ARGV[2], {}, 3
for key = 1, #KEYS, 2 do
  local meta, stream = KEYS[key], KEYS[key + 1]
  local epoch, top = position(meta, stream)
  answer[key], answer[key + 1] = top, epoch

  local channel, count, most, ttl = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], tonumber(ARGV[at + 3])
  -- Looking costs less than writing: an expiry is written again when a part of it has passed.
  local is_old = call('PTTL', stream) < ttl
  call('HINCRBY', meta, 'o', count)
  at = count > 1 and at + 5 or at + 4
  local last = at + count - 1
  for entry = at, last - 1 do
    call('XADD', stream, top + entry - at + 1, 'd', ARGV[entry])
  end
  -- From 200 on the stream is trimmed by whole blocks (some 100 events more are kept), which is cheaper.
  call('XADD', stream, 'MAXLEN', tonumber(most) < 200 and '=' or '~', most, top + count, 'd', ARGV[last])
  if is_old then
    local longer = ttl + math.ceil(ttl / 32)
    call('PEXPIRE', stream, longer)
    -- A day longer than its events, so that an idle channel whose events have run out still knows its last offset.
    call('PEXPIRE', meta, longer + 86400000)
  end

  if count == 1 then
    call(word, channel, top + 1 .. ':' .. epoch .. ':' .. ARGV[at])
  else
    call(word, channel, top + 1 .. '+:' .. epoch .. ':' .. ARGV[at - 1] .. ':' .. table.concat(ARGV, '', at, last))
  end
  at = last + 1
end
return answer
