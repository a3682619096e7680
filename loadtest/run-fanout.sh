#!/bin/sh
# What one delivery costs the hub beside the least that could do it: 1,000 subscribers, 1 and 8 messages in flight; the hub
# with sign-in, ordered streams, presence and Redis, in turns with a bare epoll server that writes the same bytes. Shows
# both costs and their ratio. About two minutes.
#
#   loadtest/run-fanout.sh [options of `loadtest fanout`, such as --subscribers 10000 or --idle-rooms 2000]
set -eu
exec "$(dirname "$0")/start.sh" "$0" fanout fanout --at-most 1.0 "$@"
