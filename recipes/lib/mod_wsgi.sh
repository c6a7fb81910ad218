#!/bin/sh
# Runs the Apache that mod_wsgi-express configured in SERVER_ROOT. Usage: mod_wsgi.sh ACTION
# SERVER_ROOT [ARGUMENT…]; the actions are at the end. A systemd unit runs a copy of this file with
# SERVER_ROOT as the only argument, which means start.
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records
case $1 in /*) set -- start "$1" ;; esac
action=$1 root=$2
shift 2

# read_pid sets pid, to "" where httpd.pid has no number of a process. 0 and -1 would stand for several.
read_pid() {
  pid=
  { read -r pid <"$root/httpd.pid"; } 2>/dev/null
  case $pid in '' | 0* | *[!0-9]*) pid=; return 1 ;; esac
}

# is_running sets pid. After a reboot the number in httpd.pid may belong to another program, so the
# command line is compared where it can be read.
is_running() {
  read_pid || return
  if [ -r "/proc/$pid/cmdline" ]; then tr '\0' ' ' < "/proc/$pid/cmdline" | grep -qF -- "$root"
  else kill -0 "$pid" 2>/dev/null
  fi
}

# start_apache retries while the port is in use: the children of an Apache that was just stopped may
# keep it for a moment after httpd.pid is gone. Seen with mod_wsgi 6.0.5, once in ten.
start_apache() {
  n=0
  until said=$("$root/apachectl" start 2>&1); do
    n=$((n + 1))
    case $said in *AH00072:*) [ $n -gt 50 ] || { sleep 0.1; continue; } ;; esac
    printf '%s\n' "$said" >&2
    exit 1
  done
  printf '%s\n' "$said" >&2
}

# end_orphans ends the children of an Apache that was killed: they go on serving, and keep its port.
# Call it when the server itself is gone. An orphan is a process of Apache's own program, started
# with this configuration file, by the same user, and with the same view of the file system. Daemon
# processes finish their requests within 3 seconds. A worker process of Apache 2.4 ignores TERM
# without its parent, so it is killed.
end_orphans() {
  find_orphans
  [ -n "$orphans" ] || return 0
  echo "ended processes$orphans" >&2
  say ended "${orphans# }"
  n=0
  signal_orphans -TERM
  while signaled=; signal_orphans -0; [ -n "$signaled" ] && [ $n -lt 15 ]; do sleep 0.2; n=$((n + 1)); done
  signal_orphans -KILL
  return 0
}
find_orphans() {
  orphans='' user='' view=''
  # One program looks at all processes first, since a host may have thousands.
  # shellcheck disable=SC2013 # paths without spaces
  for dir in $(grep -lsF -- "$root/httpd.conf" /proc/[0-9]*/cmdline); do
    dir=${dir%/cmdline}
    [ -d "$dir" ] || continue # grep itself
    [ -n "$user" ] || { user=$(id -u) view=$(readlink /proc/self/ns/mnt); }
    [ "$user" = 0 ] || [ -O "$dir" ] || continue
    case $(readlink "$dir/exe" 2>/dev/null) in */apache2 | */httpd | */apache2\ * | */httpd\ *) ;; *) continue ;; esac
    [ "$(readlink "$dir/ns/mnt")" = "$view" ] || continue
    case " $(tr '\0' ' ' < "$dir/cmdline" 2>/dev/null)" in *" -f $root/httpd.conf "*) orphans="$orphans ${dir#/proc/}" ;; esac
  done
}
signal_orphans() { for orphan in $orphans; do kill "$1" "$orphan" 2>/dev/null && signaled=yes; done; }

# me prints the name of the login, or its number if it has none.
me() { id -un 2>/dev/null || id -u; }

# look prints what is in SERVER_ROOT, by name and value. Arguments: the file with the command that wrote
# the configuration; the WSGI script and the port, "" for none, to look for obstacles; and programs.
#   ours         yes, if runbook wrote the configuration      record    that command
#   foreign      the command line in the header of apachectl, if something else wrote the configuration
#   envvars      ours or foreign, if there are variables      written   the checksum of ours
#   log          the size of the error log in bytes
#   running      yes, if Apache runs                          theirs    its user, if the login cannot signal it
#   environment  the checksum of the variables that it was started with
#   obstacle     what the login cannot do here                busy      the port, if another program listens there
#   nowhere      why SERVER_ROOT cannot be made
#   program      the first of the programs that can be executed
#   unloaded     yes, if Apache has not read the configuration: it writes httpd.pid at every start and restart
look() {
  if [ -f "$root/$1" ]; then
    say ours yes
    [ -x "$root/apachectl" ] && [ -s "$root/$1" ] && say record "$(head -c 65536 "$root/$1")" # $( ) drops NULs
  elif [ -f "$root/apachectl" ] && [ -f "$root/httpd.conf" ]; then
    say foreign "$(sed -n '3s/^# //p' "$root/apachectl" | head -c 16384)"
  fi
  if grep -q '^# Written by runbook' "$root/envvars" 2>/dev/null; then
    # shellcheck disable=SC2016 # $s is sed's last line
    say envvars ours
    say written "$(sed -n '$s/^export RUNBOOK_ENVIRONMENT=//p' "$root/envvars")"
  elif [ -s "$root/envvars" ]; then say envvars foreign
  fi
  [ ! -r "$root/error_log" ] || { size=$(wc -c <"$root/error_log") && say log "$((size))"; }
  [ -z "$2" ] || find_obstacle "$2"
  [ -z "$3" ] || find_other "$3"
  shift 3
  find_program "$@"
  is_running || return 0
  say running yes
  kill -0 "$pid" 2>/dev/null || say theirs "$(ls -ld "/proc/$pid" | awk '{ print $3 }')"
  [ ! -r "/proc/$pid/environ" ] ||
    say environment "$(tr '\0' '\n' < "/proc/$pid/environ" | sed -n 's/^RUNBOOK_ENVIRONMENT=//p')"
  # shellcheck disable=SC3013 # dash, ash, bash and ksh have -nt
  [ ! "$root/httpd.conf" -nt "$root/httpd.pid" ] || say unloaded yes
}

# start starts Apache unless it runs. First it removes what would keep Apache from starting after a
# kill or a reboot: orphans on its port, and an old httpd.pid, whose number another process may have
# now.
start() {
  is_running && return
  end_orphans
  rm -f "$root/httpd.pid" && start_apache
}

# stop stops Apache and waits until it has ended. Requests in flight get the given number of
# seconds. A graceful stop removes httpd.pid and closes the port at once.
stop() {
  n=$(($1 * 10))
  read_pid || return 0
  "$root/apachectl" graceful-stop || exit
  has_ended || { say cut; n=100; kill -TERM "$pid"; has_ended; } ||
    { echo "process $pid does not end" >&2; exit 1; }
  rm -f "$root/httpd.pid"
}
has_ended() {
  while kill -0 "$pid" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do
    n=$((n - 1))
    [ "$n" -gt 0 ] || return
    sleep 0.1
  done
}

# replace restarts Apache as a new process: only that takes new limits and variables. The new
# process serves while the old one finishes its requests in flight. Seen with mod_wsgi 6.0.5:
# connections are refused for about 70 ms, and requests of 8 s finish.
replace() {
  "$root/apachectl" configtest && "$root/apachectl" graceful-stop || exit
  is_gone || { "$root/apachectl" stop && is_gone; } || { echo "Apache does not stop: $root/httpd.pid stays" >&2; exit 1; }
  start_apache
}
is_gone() {
  n=0
  while [ -e "$root/httpd.pid" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
  [ ! -e "$root/httpd.pid" ]
}

# find_limits prints whether Apache logged, after the given byte of the error log, that it cut a
# setting to a limit, which a restart did not raise. Apache also logs that it keeps a limit that is
# higher than configured (AH00501, AH00506); that cuts nothing.
find_limits() {
  [ ! -f "$root/error_log" ] || ! tail -c "+$(($1 + 1))" "$root/error_log" | grep -qE 'AH00(508|514|516)[: ]' || say limits
}

# reload_stale sends USR1 to the daemon processes that do not work in a release.
reload_stale() {
  is_running && server=$pid && release=$(cd -P -- "$1" && pwd -P) || return 0
  # See processes.sh.
  # shellcheck disable=SC2013 # the words are numbers
  for pid in $(cat /proc/[0-9]*/stat 2>/dev/null | awk -v server="$server" '
    { pid = $1; sub(/.*\) /, "") } pid ~ /^[0-9]+$/ && $2 == server { print pid }'); do
    read -r line 2>/dev/null < "/proc/$pid/stat" || continue
    # shellcheck disable=SC2086 # the fields of proc(5) after the name
    set -- ${line##*) }
    [ "$2" = "$server" ] || continue
    case $(tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null) in '(wsgi:'*) ;; *) continue ;; esac
    folder=$(readlink "/proc/$pid/cwd" 2>/dev/null) && [ "$folder" != "$release" ] && kill -USR1 "$pid"
  done
  return 0
}

# copy copies the files of the configuration from one folder to another.
copy() {
  for file in apachectl httpd.conf envvars handler.wsgi resource.wsgi default.wsgi rewrite.conf; do
    [ ! -f "$1/$file" ] || cp -p "$1/$file" "$2/" || exit
  done
}

# take replaces the files of other admins by copies that this user owns, because mod_wsgi-express
# sets modes, which only the owner may.
take() {
  for file in "$root"/*; do
    case $file in *_log* | */httpd.pid) continue ;; esac
    [ ! -f "$file" ] || [ -L "$file" ] || [ -O "$file" ] || { cp -p -- "$file" "$file.new" && mv -f -- "$file.new" "$file"; } || exit
  done
}

# find_obstacle prints which file of the configuration the login cannot write, or that it cannot write
# the given WSGI script, which a touch changes.
find_obstacle() {
  near=$root
  until [ -e "$near" ] || [ -L "$near" ]; do near=$(dirname -- "$near"); done
  [ "$near" = "$root" ] || [ -d "$near" ] && [ -w "$near" ] || say nowhere "$(me) may not make $root in $near"
  for file in "$root" "$root/httpd.conf" "$root/apachectl" "$root/handler.wsgi" "$root/error_log" "$1"; do
    [ ! -e "$file" ] || [ -w "$file" ] || { say obstacle "$(me) may not write to $file"; return; }
  done
}

# find_other prints the given port if a process listens there that is not of this Apache: not the
# process of httpd.pid, and no child that a killed Apache left. An address other than 127.0.0.1 and
# all addresses does not keep Apache from listening.
find_other() {
  sockets=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port="$(printf ':%04X' "$1")" '
    $4 == "0A" && $2 ~ "^(0100007F|0+|0000000000000000FFFF00000100007F)" port "$" { print $10 }')
  [ -n "$sockets" ] || return 0
  is_running || pid=
  [ -z "$pid" ] || ls "/proc/$pid/fd" >/dev/null 2>&1 || return 0 # whose sockets these are is unknown
  for socket in $sockets; do
    [ -n "$pid" ] && has_socket "$pid" "$socket" && continue
    find_orphans
    for orphan in $orphans -; do
      [ "$orphan" != - ] || { say busy "$1"; return; }
      ! has_socket "$orphan" "$socket" || break
    done
  done
}
# shellcheck disable=SC2010 # the names are numbers
has_socket() { ls -l "/proc/$1/fd" 2>/dev/null | grep -qF "socket:[$2]"; }

# find_program prints the first of the programs that can be executed.
find_program() {
  for program in "$@"; do
    found=$(command -v "$program") && [ -x "$found" ] && [ ! -d "$found" ] && { say program "$found"; return; }
  done
  return 0
}

case $action in
  look) look "$@" ;;                        # RECORD SCRIPT PORT [PROGRAM…]
  start) start ;;
  stop) stop "$1" ;;                        # SECONDS
  replace) replace ;;
  limits) find_limits "$1" ;;               # BYTES
  reload-stale) reload_stale "$1" ;;        # RELEASE
  keep) copy "$root" "$1" ;;                # FOLDER
  put-back) copy "$1" "$root" ;;            # FOLDER
  take) take ;;
  *) echo "unknown action: $action" >&2; exit 2 ;;
esac
