-- Token bucket by the server's clock.
-- KEYS: bucket {n = tokens, t = when, in seconds}      ARGV: cost, capacity, tokens a second
-- Answer: 1 if allowed, whole tokens left, ms until the cost could be paid
local cost, capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local bucket = redis.call('HMGET', KEYS[1], 'n', 't')
local tokens = tonumber(bucket[1] or capacity)
local elapsed = math.max(0, now - tonumber(bucket[2] or now))
tokens = math.min(capacity, tokens + elapsed * rate)
local allowed, wait = 0, 0
if tokens >= cost then
  tokens, allowed = tokens - cost, 1
else
  wait = math.ceil((cost - tokens) / rate * 1000)
end
redis.call('HSET', KEYS[1], 'n', string.format('%.6f', tokens), 't', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((capacity - tokens) / rate * 1000) + 1000)
return {allowed, math.floor(tokens), wait}
