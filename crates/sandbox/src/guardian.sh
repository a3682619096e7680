# Runs one server and ends it when the program that wanted it is gone, however it went.
# sh -c THIS guardian GRACE REMOVE_A REMOVE_B LOG INPUT PROGRAM ARGS…
#   stdin   a pipe whose other end the owner holds: its end of file means "stop the server"
#   stdout  one line: the server's process id
#   stderr  the locked file of the data directory: held open by the server too, so that the lock lasts as long as it lives
grace=$1 remove_a=$2 remove_b=$3 log=$4 input=$5
shift 5
exec 3<&0 4>&2 </dev/null 2>>"$log" || exit 126
trap '' HUP INT
"$@" <"$input" >&2 3<&- &
server=$!
echo "$server"
exec >/dev/null
(
  read -r _ <&3
  if [ "$grace" -gt 0 ]; then
    kill -TERM "$server"
    tries=$((grace * 10))
    while [ "$tries" -gt 0 ] && kill -0 "$server"; do
      sleep 0.1
      tries=$((tries - 1))
    done
  fi
  kill -KILL "$server"
) 2>/dev/null &
watcher=$!
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null
for directory in "$remove_a" "$remove_b"; do
  [ -z "$directory" ] || rm -rf -- "$directory"
done
exit "$status"
