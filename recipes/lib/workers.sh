#!/bin/sh
# Looks at a worker by the file with its process id, or sends it a signal.
# look FILE FOLDER     prints its process id, or nothing for none, the folder in which it works, and what FOLDER points to
# SIGNAL FILE FOLDER   sends the signal, if the process is there
# A process counts only if it works in a folder beside the release that FOLDER points to, or in that
# release: after a reboot the number may belong to another program.
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records
wanted=$(cd -P -- "$3" 2>/dev/null && pwd -P)
pid=$(head -n 1 "$2" 2>/dev/null | tr -cd 0-9)
folder=''
[ -z "$pid" ] || folder=$(readlink "/proc/$pid/cwd" 2>/dev/null)
case ${wanted:+$folder} in
"${wanted%/*}"/?*) read -r _ _ state _ < "/proc/$pid/stat" 2>/dev/null && [ "$state" != Z ] || pid='' ;;
*) pid='' ;;
esac
case $1 in
look) say "$pid" "$folder" "$wanted" ;;
*) [ -z "$pid" ] || kill "-$1" "$pid" ;;
esac
