#!/bin/sh
# The wave: 10,000 sockets are cut off at once, miss messages, and come back. Shows how long until all are connected and
# up to date, and how many statements MySQL is asked meanwhile. About 1.5 minutes.
#
#   loadtest/run-reconnect.sh [options of `loadtest reconnect`, such as --users 2000]
set -eu
exec "$(dirname "$0")/start.sh" "$0" reconnect \
  reconnect --hubs 2 --users 10000 --ramp 15 --budget reconnect "$@"
