#!/bin/sh
# What the API adds to a query: requests a second of a list page beside a bare axum and sqlx handler that runs the same
# statements, in turns. Shows both and their ratio. About a minute.
#
#   loadtest/run-reads.sh [options of `loadtest reads`, such as --path /api/v1/conversations]
set -eu
exec "$(dirname "$0")/start.sh" "$0" reads reads --at-least 0.8 "$@"
