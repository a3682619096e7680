#!/bin/sh
# What durability costs: 1:1 messages acknowledged a second (stored, ordered, heard by both users' devices) beside the
# single-row commits a second that 64 plain clients get from the same database, in turns. Shows both and their ratio.
# About two minutes.
#
#   loadtest/run-durable.sh [options of `loadtest durable`, such as --room: 2,000 messages a second into one room]
set -eu
exec "$(dirname "$0")/start.sh" "$0" durable durable --at-least 1.0 --seconds 10 "$@"
