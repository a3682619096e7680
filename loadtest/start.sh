#!/bin/sh
# What the run-*.sh scripts have in common: builds once, makes the folder for reports, and calls the load tester.
#
#   loadtest/start.sh SCRIPT REPORT COMMAND [OPTIONS]
#
# LOADTEST=/path/to/loadtest   uses this program instead of building one
# LOADTEST_OUT=DIR             is where REPORT.json and REPORT.html go [default: target/loadtest]
set -eu

script=$1 report=$2 command=$3
shift 3

for option in "$@"; do
  case $option in
  -h | --help)
    # The comment on top of the script.
    sed -n -e '1d' -e '/^#/!q' -e 's/^# \{0,1\}//p' "$script"
    exit 0
    ;;
  esac
done

root=$(cd "$(dirname "$0")/.." && pwd)
loadtest=${LOADTEST:-}
if [ -z "$loadtest" ]; then
  cargo build --release --manifest-path "$root/Cargo.toml" -p majlis -p loadtest
  loadtest=${CARGO_TARGET_DIR:-$root/target}/release/loadtest
fi
out=${LOADTEST_OUT:-$root/target/loadtest}
mkdir -p "$out"

case $command in
fanout | scaleout | durable | reads) ;; # comparisons: a table and JSON, no page
*) set -- --html "$out/$report.html" "$@" ;;
esac
exec "$loadtest" "$command" --json "$out/$report.json" "$@"
