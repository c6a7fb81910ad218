#!/bin/sh
# Ends process groups if the connection dies, and can hold a lock until then. It reads from stdin, a
# line each:
#   group N    a process group to end if the connection dies
#   gone N     a process group that has ended
#   alive      a sign of life
#   lock CODE  takes the lock. CODE sets $1, the file; $2, the text for it; and $3, a group
#   bye        the orderly end
# If stdin ends without "bye", or nothing comes for $silence seconds, runbook is dead: the groups
# are ended first, and then the lock goes with this process. Each answer begins with $mark, which no
# file's content can know.
#
# Nothing that is started here may inherit the lock, hence 9>&-.
# shellcheck disable=SC2154 # mark and silence are set before, and endgroup is defined
# shellcheck disable=SC2086 # $limit and $groups are lists of words
trap '' HUP PIPE
groups=' ' locked='' open=/proc/self/fd/9
say() { printf '%s %s\n' "$mark" "$1"; }
# unfit prints why what was opened cannot be the lock, or nothing.
unfit() {
  opened=$(stat -L -c %d:%i "$open" 2>/dev/null) || { echo 'stat(1) or /proc is missing on the host'; return; }
  case "$(stat -c '%d:%i %f %h' "$file")" in
    "$opened 8"???' 1') ;;
    "$opened 8"*) echo 'it has another name, too (a hard link)'; return ;;
    "$opened "*) echo 'it is not a regular file'; return ;;
    *) echo 'it was replaced meanwhile'; return ;;
  esac
  [ ! -O "$open" ] || return
  case $file in */*) folder=${file%/*}/ ;; *) folder=. ;; esac
  me=$(id -u)
  case $me:$(stat -L -c %u "$open") in
    0:*) ;;
    *:0 | *:"$(stat -c %u "$folder")") return ;;
    *:*) [ -z "$group" ] || [ "$(stat -L -c %G "$open")" != "$group" ] || return ;;
  esac
  echo 'it belongs to another user'
}
# take prints "taken", "held HOLDER", or why it cannot lock.
take() {
  command -v flock >/dev/null 2>&1 || { say none; return; }
  [ ! -L "$file" ] || { say 'closed it is a link'; return; }
  [ -f "$file" ] || [ ! -e "$file" ] || { say 'closed it is not a regular file'; return; }
  { command exec 9<>"$file"; } 2>/dev/null || { say "closed $( ( : 9<>"$file" ) 2>&1 )"; return; }
  answer=$(unfit)
  if [ -n "$answer" ]; then
    answer="closed $answer"
  else
    flock -n 9; status=$?
    case $status in
      0) printf '%s\n' "$holder" >"$open"; locked=1; say taken; return ;;
      1) answer="held $(head -c 200 <"$open" | head -n 1 | LC_ALL=C tr -d '\n' | LC_ALL=C tr '\000-\037\177' '?')" ;;
      *) answer="broken $status" ;;
    esac
  fi
  exec 9>&-
  say "$answer"
}
limit=
[ "$silence" -gt 0 ] && command -v timeout >/dev/null 2>&1 && limit="timeout $silence"
# shellcheck disable=SC2016 # the inner shell expands it
while line=$(exec 2>/dev/null 9>&-; exec $limit /bin/sh -c 'read -r line && printf "%s\n" "$line"'); do
  case $line in
    group\ *) groups="$groups${line#* } " ;;
    gone\ *)
      number=${line#* }
      case $groups in *" $number "*) groups="${groups%% "$number" *} ${groups#* "$number" }" ;; esac ;;
    lock\ *) eval "${line#* }"; file=$1 holder=$2 group=$3; take ;;
    bye) break ;;
  esac
done
[ "$line" = bye ] || for g in $groups; do endgroup "$g" 9>&-; done
[ -z "$locked" ] || : >"$open"
