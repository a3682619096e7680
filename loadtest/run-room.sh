#!/bin/sh
# Live rooms: 1,000 listeners in 20 rooms, 50 messages a second into each (50,000 deliveries a second in all), every
# message stored. Shows the latency from posting to hearing. About a minute.
#
#   loadtest/run-room.sh [options of `loadtest room`, such as --subscribers 2000 or --set room.rooms=1]
set -eu
exec "$(dirname "$0")/start.sh" "$0" room \
  room --hubs 2 --subscribers 1000 --publishers 20 --rate 1000 --set room.rooms=20 --seconds 30 --budget rooms "$@"
