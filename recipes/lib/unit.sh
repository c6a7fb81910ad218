#!/bin/sh
# Asks systemd-analyze, where there is one, whether its standard input is a valid unit. Argument: the name of the unit.
# Complaints about other units, and about programs that the first release brings, do not count.
command -v systemd-analyze >/dev/null || exit 0
folder=$(mktemp -d) || exit
trap 'rm -rf "$folder"' EXIT
cat > "$folder/$1" || exit
case $1 in # a socket is nothing without its service
*.socket) printf '[Service]\nExecStart=/bin/true\n' > "$folder/${1%.socket}.service" ;;
*) printf '[Socket]\nListenStream=/run/nothing\n' > "$folder/${1%.service}.socket" ;;
esac
wrong=$(SYSTEMD_UNIT_PATH=$folder: systemd-analyze verify "$folder/$1" 2>&1 |
  grep -F -e "$folder/$1:" -e "$1: " -e "$1:" | grep -v ' is not executable: No such file or directory$')
[ -z "$wrong" ] || { echo "$wrong" >&2; exit 1; }
