#!/bin/sh
# Takes the lock $file for $holder, or waits up to $wait seconds for it. $groups are process groups
# to end if the connection dies. Then it reads from stdin, a line each:
#   group N  a process group to end if the connection dies
#   gone N   a process group that has ended
#   alive    a sign of life
#   bye      the orderly end
# If stdin ends without "bye", or nothing comes for $silence seconds, runbook is dead: the groups
# are ended first, and then the lock goes with this process. Each answer begins with $mark, which no
# file's content can know.
#
# Nothing that is started here may inherit the lock, hence 9>&-.
# shellcheck disable=SC2154 # mark, file, holder, wait, group, groups and silence are set before, and endgroup is defined
# shellcheck disable=SC2086 # $limit and $groups are lists of words
trap '' HUP PIPE
groups=" $groups "
say() { printf '%s %s\n' "$mark" "$1"; }
refuse() { say "closed $1"; exit 0; }
command -v flock >/dev/null 2>&1 || { say 'none'; exit 0; }
[ ! -L "$file" ] || refuse 'it is a link'
[ -f "$file" ] || [ ! -e "$file" ] || refuse 'it is not a regular file'
{ command exec 9<>"$file"; } 2>/dev/null || refuse "$( ( : 9<>"$file" ) 2>&1 )"
open=/proc/self/fd/9
opened=$(stat -L -c %d:%i "$open" 2>/dev/null) || refuse 'stat(1) or /proc is missing on the host'
case "$(stat -c '%d:%i %f %h' "$file")" in
  "$opened 8"???' 1') ;;
  "$opened 8"*) refuse 'it has another name, too (a hard link)' ;;
  "$opened "*) refuse 'it is not a regular file' ;;
  *) refuse 'it was replaced meanwhile' ;;
esac
case $file in */*) folder=${file%/*}/ ;; *) folder=. ;; esac
[ -O "$open" ] || {
  me=$(id -u)
  case $me:$(stat -L -c %u "$open") in
    0:*) refuse 'it belongs to another user' ;;
    *:0 | *:"$(stat -c %u "$folder")") ;;
    *:*) [ -n "$group" ] && [ "$(stat -L -c %G "$open")" = "$group" ] || refuse 'it belongs to another user' ;;
  esac
}
n=0
while :; do
  flock -n 9; s=$?
  [ $s -eq 0 ] && break
  [ $s -eq 1 ] || { say "broken $s"; exit 0; }
  say "held $(head -c 200 <"$open" | head -n 1 | LC_ALL=C tr -d '\n' | LC_ALL=C tr '\000-\037\177' '?')"
  [ $n -ge $wait ] && { say 'over'; exit 0; }
  n=$((n+1))
  sleep 1 9>&-
done
printf '%s\n' "$holder" >"$open"
say 'taken'
limit=
[ "$silence" -gt 0 ] && command -v timeout >/dev/null 2>&1 && limit="timeout $silence"
# shellcheck disable=SC2016 # the inner shell expands it
while line=$(exec 2>/dev/null 9>&-; exec $limit /bin/sh -c 'read -r line && echo "$line"'); do
  case $line in
    group\ *) groups="$groups${line#* } " ;;
    gone\ *)
      number=${line#* }
      case $groups in *" $number "*) groups="${groups%% "$number" *} ${groups#* "$number" }" ;; esac ;;
    bye) : >"$open"; exit 0 ;;
  esac
done
for g in $groups; do endgroup "$g" 9>&-; done
: >"$open"
