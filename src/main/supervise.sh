#!/bin/sh
# Keeps one process of a cloud alive: starts it again at once when it ends, later and later while it keeps ending soon.
# usage: supervise.sh [--after PID TICKS] LOG COMMAND [ARGUMENT...]
# With --after it takes over a process that runs and isn't its child, because the supervisor before it was killed.
# A shell, because it takes less than a megabyte. `nimbo down` ends it first, then the process itself.
after=
if [ "$1" = --after ]; then
  after=$2
  ticks=$3
  shift 3
fi
log=$1
shift
delay=0
trap 'exit 0' TERM
trap '' HUP INT

# The tick at which the process started tells it from another that has got its number since.
runs() { read -r stat 2> /dev/null < "/proc/$after/stat" && stat=${stat##*) } && set -- $stat && [ "${20}" = "$ticks" ] && [ "$1" != Z ]; }
if [ -n "$after" ]; then
  while runs; do
    sleep 1 &
    wait $!
  done
  echo "supervisor: process $after, which another had started, ended" >> "$log"
fi

uptime() { read -r now _ < /proc/uptime; now=${now%.*}; }

while :; do
  # Kept bounded: the log of before stays as one older file.
  if [ -n "$(find "$log" -size +20480k 2> /dev/null)" ]; then mv -f "$log" "$log.1"; fi
  uptime
  started=$now
  "$@" >> "$log" 2>&1 < /dev/null &
  wait $!
  code=$?
  # 78 is sysexits' EX_CONFIG: starting again can't help.
  if [ $code -eq 78 ]; then
    echo "supervisor: it can't run with this configuration (see above): not started again" >> "$log"
    exit 78
  fi
  uptime
  # What has run so long has served: it comes back at once.
  if [ $((now - started)) -ge 10 ]; then delay=0; fi
  echo "supervisor: ended with $code after $((now - started)) s, starts again in $delay s" >> "$log"
  sleep $delay &
  wait $!
  delay=$((delay * 2 + 1))
  if [ $delay -gt 30 ]; then delay=30; fi
done
