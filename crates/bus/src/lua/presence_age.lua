-- KEYS: since when presence is kept here      Answer: for how many ms; 0 from now on where nobody noted it
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SETNX', KEYS[1], string.format('%.0f', now))
return math.max(0, now - tonumber(redis.call('GET', KEYS[1])))
