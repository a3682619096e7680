#!/bin/sh
# What an idle connection costs: 15,000 signed-in sockets on one hub, each with its user's channel and one room, are held
# for 30 s. Shows the hub's resident memory a connection, and its CPU for pings. About 1.5 minutes.
#
#   loadtest/run-idle.sh [options of `loadtest idle`, such as --users 5000]
#
# 15,000 sockets are 15,000 open files of the tester and of the hub: see `ulimit -n`.
set -eu
exec "$(dirname "$0")/start.sh" "$0" idle \
  idle --hubs 1 --users 15000 --ramp 20 --seconds 30 --budget idle "$@"
