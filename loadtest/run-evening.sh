#!/bin/sh
# A realistic mix with a ramp: idle listeners, rooms, 1:1 messages, comings and goings, gifts, and the API. Shows how they
# get on together. About two minutes.
#
#   loadtest/run-evening.sh [options of `loadtest evening`, such as --users 5000]
set -eu
exec "$(dirname "$0")/start.sh" "$0" evening evening --budget evening "$@"
