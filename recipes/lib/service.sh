#!/bin/sh
# Prints a record for each unit of systemd: NAME LOAD STATE PID FOLDER WANTED KILLMODE TIMEOUT
#   LOAD, STATE   loaded, active and so on, as systemctl show has them
#   PID, FOLDER   its main process and where that works; empty where unknown
#   WANTED        the folder in which a new one would start, such as the release that current points to
#   TIMEOUT       how long it may take to stop, such as 1min 30s
# Arguments: the units.
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records
for unit in "$@"; do
  load='' state='' pid=0 folder='' wanted='' mode='' timeout=''
  while IFS='=' read -r key value; do
    case $key in
    LoadState) load=$value ;;
    ActiveState) state=$value ;;
    MainPID) pid=$value ;;
    WorkingDirectory) wanted=${value#!} ;;
    KillMode) mode=$value ;;
    TimeoutStopUSec) timeout=$value ;;
    esac
  done <<END
$(systemctl show --property LoadState,ActiveState,MainPID,WorkingDirectory,KillMode,TimeoutStopUSec "$unit" 2>&1)
END
  if [ "$pid" -gt 0 ]; then folder=$(readlink "/proc/$pid/cwd" 2>/dev/null); fi
  wanted=$(cd -P -- "${wanted:-/nonexistent}" 2>/dev/null && pwd -P)
  say "$unit" "$load" "$state" "$pid" "$folder" "$wanted" "$mode" "$timeout"
done
