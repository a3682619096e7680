-- Makes an edge of what is true of users of whom none was told since Redis was emptied.      ARGV: user ids
for i = 1, #ARGV do
  if is_unannounced(ARGV[i]) then
    keep_edge(ARGV[i], redis.call('HEXISTS', KEYS[1], ARGV[i]))
  end
end
return edges
