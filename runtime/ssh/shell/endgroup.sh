#!/bin/sh
# alive GROUP succeeds if a process group has a process that is not a zombie. Where nothing reaps
# orphans, as in some containers, zombies stay forever. Without /proc or awk it believes kill(1).
# "kill -s TERM -- -GROUP" is the one spelling that dash and bash share.
alive() {
  kill -s 0 -- "-$1" 2>/dev/null || return 1
  [ -r /proc/self/stat ] || return 0
  cat /proc/[0-9]*/stat 2>/dev/null | awk -v g="$1" '{ sub(/.*\) /, ""); if ($3 == g && $1 != "Z" && $1 != "X") f = 1 } END { exit !f }' 2>/dev/null
  [ $? -ne 1 ]
}
# endgroup GROUP sends TERM, and KILL from the third second on. It waits six seconds, and fails if
# the group is still alive.
endgroup() {
  kill -s TERM -- "-$1" 2>/dev/null || return 0
  i=0
  while kill -s 0 -- "-$1" 2>/dev/null; do
    i=$((i+1))
    [ $((i%5)) -gt 1 ] || alive "$1" || return 0
    [ $i -ge 30 ] && kill -s KILL -- "-$1" 2>/dev/null
    [ $i -ge 60 ] && { ! alive "$1"; return; }
    sleep 0.1 2>/dev/null || { sleep 1; i=$((i+9)); }
  done
  return 0
}
# look PID sets parent and group to those of a process, or to nothing.
look() {
  parent='' group=''
  if [ -r /proc/self/stat ]; then
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
    line=${line##*) }
  else
    line="? $(ps -o ppid= -o pgid= -p "$1" 2>/dev/null)"
  fi
  read -r _ parent group _ <<X
$line
X
}
# endothers ends the other sessions of this connection: process groups whose leaders have the same
# parent as the leader of this one. It prints "gone", "none" if there are none, or "left" if one is
# still alive. It looks twice: a session that has just started leads no group for a moment.
endothers() {
  look $$
  mine=$group
  look "$mine"
  server=$parent
  ended=none
  # Without the server, such as in a PID namespace, others could be anybody's.
  [ "${server:-0}" -gt 1 ] || { echo none; return; }
  for pause in 1 0; do
    for other in $(if [ -r /proc/self/stat ]; then cd /proc && echo [0-9]*; else ps -A -o pid=; fi); do
      look "$other"
      [ "$other" = "$group" ] && [ "$parent" = "$server" ] && [ "$other" != "$mine" ] || continue
      endgroup "$other" || { echo left; return; }
      ended=gone
    done
    [ $ended = none ] || break
    sleep $pause
  done
  echo $ended
}
