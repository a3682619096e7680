#!/bin/sh
# 1:1 messages across two nodes, each stored and heard by every device of both: 200 people, 500 messages a second, 30 s.
# Shows the latency from sending to hearing and to the acknowledgement. About a minute.
#
#   loadtest/run-chat.sh [options of `loadtest chat`, such as --rate 1000 or --kill-hub 10]
set -eu
exec "$(dirname "$0")/start.sh" "$0" chat \
  chat --hubs 2 --users 200 --rate 500 --seconds 30 --budget chat "$@"
