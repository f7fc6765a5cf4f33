# Words for transcripts, beside kubectl itself. Files stand in the directory of the transcript.

# start NAME PATTERN COMMAND...: starts a command that goes on, and returns once it has printed the pattern.
start() {
  name=$1 pattern=$2
  shift 2
  : >"$name.out"
  "$@" >"$name.out" 2>&1 &
  echo $! >"$name.pid"
  seen "$name" "$pattern"
}

# seen NAME PATTERN: waits until the command has printed the pattern, or has ended.
seen() {
  until grep -qe "$2" "$1.out"; do
    kill -0 "$(cat "$1.pid")" 2>/dev/null || break
    sleep 0.05
  done
}

# stop NAME PATTERN: waits for the pattern, ends the command, and shows all that it has printed.
stop() {
  seen "$1" "$2"
  kill "$(cat "$1.pid")" 2>/dev/null
  cat "$1.out"
}

# ended NAME: waits until the command ends by itself, and shows all that it has printed.
ended() {
  while kill -0 "$(cat "$1.pid")" 2>/dev/null; do sleep 0.05; done
  cat "$1.out"
}

# terminal COMMAND [PATTERN LINE]...: runs a command on a terminal; each line is typed once its pattern has been shown.
terminal() {
  command=$1
  shift
  rm -f keys terminal.out
  mkfifo keys
  script -qec "stty rows 24 cols 80; $command" /dev/null <keys >terminal.out 2>&1 &
  terminal=$!
  exec 9>keys
  while [ $# -gt 1 ]; do
    until grep -qe "$1" terminal.out; do
      kill -0 $terminal 2>/dev/null || break
      sleep 0.05
    done
    printf '%s\n' "$2" >&9
    shift 2
  done
  wait $terminal
  code=$?
  exec 9>&-
  cat terminal.out
  return $code
}
