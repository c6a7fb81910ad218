#!/bin/sh
# Prints the time of the host and the start time of Apache, both local like the times in the log, and
# the end of the log that httpd.conf names. The start time is empty where Apache does not run,
# or where date cannot convert. Arguments: SERVER_ROOT, and the number of bytes.
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records
root=$1
log=$(sed -n "s/^[[:space:]]*ErrorLog[[:space:]]*[\"']\{0,1\}\(\/[^\"']*\)[\"']\{0,1\}[[:space:]]*\$/\1/p" "$root/httpd.conf" 2>/dev/null | tail -n 1)
[ -n "$log" ] || log=$root/error_log
started=
pid=$(head -n 1 "$root/httpd.pid" 2>/dev/null | tr -cd 0-9)
if [ -n "$pid" ] && read -r line 2>/dev/null < "/proc/$pid/stat" && read -r up rest < /proc/uptime; then
  ticks=$(getconf CLK_TCK 2>/dev/null) || ticks=100
  # shellcheck disable=SC2086 # the fields of proc(5) after the name
  set -- "$2" ${line##*) }
  started=$(date -d "@$(($(date +%s) - ${up%%.*} + ${21} / ticks - 2))" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null)
else
  set -- "$2"
fi
text=
[ ! -f "$log" ] || text=$(tail -c "$1" "$log" | tr -d '\000')
say "$(date +%Y-%m-%dT%H:%M:%SZ)" "$started" "$text"
