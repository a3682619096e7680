#!/bin/sh
# Does a hub's cost of a delivery stay when there are more hubs? 1, 2 and 4 hubs with 1,000 subscribers on each, in turns.
# Shows the CPU of a delivery at each size, its spread, and the ratio to one hub. About three minutes.
#
#   loadtest/run-scaleout.sh [options of `loadtest scaleout`, such as --nodes 8]
set -eu
exec "$(dirname "$0")/start.sh" "$0" scaleout scaleout --at-most 1.1 --rounds 5 "$@"
