#!/bin/sh
# Lists the processes of a server, itself and its children, each a record of these fields:
#   process PID AGE KIND FOLDER   AGE in seconds; KIND is "daemon" for a daemon process of mod_wsgi, else "other"; FOLDER is where it
#                                 works, empty for a process of another user
#   folder NAME PATH              a folder that was named, and its real path
#   unknown                       there is no /proc
# Arguments: the file with the server's process id;
# "own" if the command line must name the folder of that file, because after a reboot the number may
# belong to another program; and folders.
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records
[ -r /proc/self/stat ] || { say unknown; exit 0; }
file=$1 own=$2
shift 2
for folder in "$@"; do
  say folder "$folder" "$(cd -P -- "$folder" 2>/dev/null && pwd -P)"
done
server=
{ read -r server <"$file"; } 2>/dev/null
case $server in '' | *[!0-9]*) exit 0 ;; esac
title() { tr '\0\n\t' '   ' < "/proc/$1/cmdline" 2>/dev/null; }
[ "$own" != own ] || [ ! -r "/proc/$server/cmdline" ] || case $(title "$server") in *"${file%/*}"*) ;; *) exit 0 ;; esac
read -r up rest < /proc/uptime
ticks=$(getconf CLK_TCK 2>/dev/null) || ticks=100
# One program looks at all processes first, since a host may have thousands. Whoever names a process
# can break its line in two, so each is read again.
# shellcheck disable=SC2013 # the words are numbers
for pid in $(cat /proc/[0-9]*/stat 2>/dev/null | awk -v server="$server" '
  { pid = $1; sub(/.*\) /, "") } pid ~ /^[0-9]+$/ && (pid == server || $2 == server) { print pid }'); do
  read -r line 2>/dev/null < "/proc/$pid/stat" || continue
  # shellcheck disable=SC2086 # the fields of proc(5) after the name
  set -- ${line##*) }
  [ "$pid" = "$server" ] || [ "$2" = "$server" ] || continue
  [ "$1" != Z ] || continue
  case $(title "$pid") in '(wsgi:'*) kind=daemon ;; *) kind=other ;; esac
  folder=$(readlink -n "/proc/$pid/cwd" 2>/dev/null; echo .) # the dot keeps newlines at the end
  say process "$pid" "$((${up%%.*} - ${20} / ticks))" "$kind" "${folder%?}"
done
