#!/usr/bin/env bash
# Every target of the product, one run each, as a table: target, figure, limit, kept or missed. About 12 minutes; the
# machine should do nothing else meanwhile. Goes on after a miss, and exits with 1 at the end if there was one, with 2 if
# something could not be run. Reports (JSON, and HTML of the scenarios) go to target/loadtest/, what was printed to
# target/loadtest/NAME.log, and the table to target/loadtest/table.txt.
#
#   loadtest/run-all.sh [NAME ...]      all, or only these: fanout fanout-10000 idle room chat durable room-2000
#                                       reconnect reads scaleout evening
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
case ${1:-} in -h | --help) exec "$here/start.sh" "$0" - - --help ;; esac
root=$(dirname "$here")
export LOADTEST_OUT=${LOADTEST_OUT:-$root/target/loadtest}
if [ -z "${LOADTEST:-}" ]; then
  cargo build --release --manifest-path "$root/Cargo.toml" -p majlis -p loadtest
  export LOADTEST=${CARGO_TARGET_DIR:-$root/target}/release/loadtest
fi
mkdir -p "$LOADTEST_OUT"
table=$LOADTEST_OUT/table.txt
only=" $* " worst=0

# The judged figures of a report: what, figure, limit, kept.
figures() {
  awk -F'": ' '
    function plain(text) { gsub(/^[ "]+|[",]+$/, "", text); return text }
    / "(name|what)": / { what = plain($2); limit = figure = "" }
    / "(value|figure)": / { figure = plain($2); if (figure ~ /^-?[0-9.]+(e-?[0-9]+)?$/) figure = sprintf(figure >= 1000 ? "%.0f" : "%.3g", figure) }
    / "limit": "/ { limit = plain($2) }
    / "limit": "none"/ { print what "\t" figure "\t-\ttold" }
    / "at_most": / { limit = "<= " plain($2); kept = figure + 0 <= plain($2) + 0 ? "kept" : "MISSED" }
    / "at_least": / { limit = ">= " plain($2); kept = figure + 0 >= plain($2) + 0 ? "kept" : "MISSED" }
    / "kept": / { kept = $2 ~ /true/ ? "kept" : "MISSED" }
    / "(source|at_most|at_least)": / { print what "\t" figure "\t" limit "\t" kept }
  ' "$1"
}

# run NAME TARGET FIGURE SCRIPT [OPTIONS]: runs the script with these options. Its lines of the table are the figures that
# the pattern names, and whatever else was missed.
run() {
  local name=$1 target=$2 pattern=$3 script=$4 began=$SECONDS status=0 report
  shift 4
  if [ "$only" != "  " ] && [[ $only != *" $name "* ]]; then return 0; fi
  report=$LOADTEST_OUT/$name.json
  rm -f "$report"
  "$here/run-$script.sh" --json "$report" "$@" >"$LOADTEST_OUT/$name.log" 2>&1 || status=$?
  if [ -f "$report" ]; then
    figures "$report" | while IFS=$'\t' read -r what figure limit kept; do
      if [ "$kept" = MISSED ] || [[ $what =~ $pattern ]]; then row "$target" "$what" "$figure" "$limit" "$kept"; fi
    done
  fi
  if [ "$status" -gt 1 ]; then row "$target" "could not be run, see $name.log" - - MISSED; fi
  if [ "$status" -gt "$worst" ]; then worst=$status; fi
  echo "  $name: $((SECONDS - began)) s, exit code $status"
}

row() { printf '%-34s %-66s %-10s %-11s %s\n' "$@" | tee -a "$table"; }

: >"$table"
row target figure value limit outcome
run fanout '1 fan-out, 1,000 subscribers' '.' fanout --idle-rooms 1000
run fanout-10000 '1 fan-out, 10,000 subscribers' '.' fanout --subscribers 10000 --rounds 2
run idle '2 memory, 15,000 connections' '^kb' idle --own-stack
run room '3 latency, 20 rooms' '^p99$' room --own-stack
run chat '3 latency, 1:1 across two nodes' '^p99$' chat --own-stack
run durable '4 durable sends to plain commits' 'multiples' durable
run room-2000 '5 2,000 messages/s into one room' 'acknowledged of' durable --room --at-least 0.98
run reconnect '6 wave of 10,000 reconnects' '^reconnect' reconnect --own-stack
run reads '7 REST reads to a bare handler' '.' reads
run scaleout '8 scale-out, 1 to 4 nodes' '.' scaleout
run evening '- an evening' '^p99$' evening --own-stack
echo
echo "The table is in $table"
exit "$worst"
