#!/bin/sh
# Prints facts about a host, each a record of a name and a value. A fact that does not hold is left
# out. Arguments: ROOT, the Python ("" for none), SERVER_ROOT, "yes" to measure what the current
# release takes, and the group that shares ROOT or "".
root=$1 python=$2 server_root=$3 measure=$4 group=$5
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records
# shellcheck disable=SC2046 # the fields of ls
owner() { set -- $(ls -ld "$1"); echo "$3"; }
say clock "$(date +%s)"
uid=$(id -u)
say user "$(id -un 2>/dev/null || echo "$uid")"
say uid "$uid"
# What the scripts of this folder run, some of them only after the switch.
for program in awk cat cksum cut df dirname find flock grep head ls mv readlink rm sed sleep stat tail touch tr wc; do
  command -v "$program" >/dev/null || say missing "$program"
done
if [ -d "$root" ]; then say root folder; say owner "$(owner "$root/.")"
elif [ -e "$root" ] || [ -L "$root" ]; then say root 'not a folder'
fi
near=$root
until [ -d "$near" ]; do near=$(dirname "$near"); done
say near "$near"
space=$(df -Pk "$near" | awk 'NR == 2 { printf "%d %s", $4 / 1024, $6 }')
mount=${space#* }
if [ -w "$near" ]; then say writable yes
elif awk -v m="$mount" '$2 == m { o = $4 } END { exit o !~ /^ro(,|$)/ }' /proc/mounts 2>/dev/null; then say readonly "$mount"
fi
for name in releases repo.git releases.log .runbook.lock; do
  if [ -L "$root/$name" ]; then say link "$root/$name"
  elif [ -e "$root/$name" ] && [ ! -w "$root/$name" ]; then say unwritable "$root/$name"
  fi
done
for name in releases.log .runbook.lock; do
  [ ! -e "$root/$name" ] || [ -f "$root/$name" ] || [ -d "$root/$name" ] || say odd "$root/$name"
done
if [ -e "$root/releases" ]; then
  [ -d "$root/releases" ] || say file "$root/releases"
  on() { stat -c '%d %m' "$1" 2>/dev/null || df -P "$1" | awk 'NR == 2 { print $1, $6 }'; }
  [ "$(on "$root")" = "$(on "$root/releases")" ] || say elsewhere "$root/releases"
fi
if [ -n "$group" ] && [ "$uid" != 0 ]; then
  gid=$(getent group "$group" | cut -d: -f3)
  case " $(id -G) " in *" ${gid:-none} "*) say member yes ;; esac
  for name in . releases repo.git venvs shared releases.log .runbook.lock "$server_root"; do
    case $name in .) item=$root ;; /*) item=$name ;; *) item=$root/$name ;; esac
    if [ -e "$item" ] && [ -n "$(find "$item" -prune \( ! -group "$group" -o ! -perm -0020 -o -type d ! -perm -2000 \) 2>&1)" ]; then
      say unshared "$item"
      [ -O "$item" ] || say unowned "$item"
    fi
  done
fi
command -v git >/dev/null && say git yes
for name in PYTHONPATH PYTHONHOME PYTHONUSERBASE PIP_TARGET PIP_PREFIX PIP_ROOT PIP_USER PIP_NO_DEPS \
  PIP_DRY_RUN PIP_PYTHON PIP_REQUIREMENT; do
  eval "[ -z \"\${$name-}\" ]" || say cleared "$name"
done
[ -n "$python" ] && program=$(command -v "$python") && [ -x "$program" ] && [ ! -d "$program" ] && {
  say executable yes
  "$python" -c 'import sys
say = lambda *fields: sys.stdout.write("\0" + "".join(field + "\t\0" for field in fields) + "\0\n")
say("python", sys.version.split()[0])
from importlib.util import find_spec
def has(name):
    spec = find_spec(name) # to import them takes four times as long
    return spec is not None and spec.has_location
if has("virtualenv"):
    say("virtualenv", "yes")
if has("venv") and has("ensurepip"):
    say("venv", "yes")' 2>/dev/null
}
say megabytes "${space%% *}"
say inodes "$(df -Pi "$near" 2>/dev/null | awk 'NR == 2 && $2 > 0 { printf "%d", $4 }')"
last=$(readlink "$root/current") && [ "$measure" = yes ] && case $last in "$root"/releases/*)
  if [ -d "$last" ]; then
    say lastmegabytes "$(du -sk "$last" 2>/dev/null | awk '{ printf "%d", $1 / 1024 + 1 }')"
    say lastfiles "$(find "$last" 2>/dev/null | wc -l)"
  fi
esac

# The rest lists what another user than root can change, if the login is root: whoever can change
# what root runs and reads decides what root does. It prints "foreign" with owner, mode and path, up to
# 16 KiB. It covers ROOT, SERVER_ROOT, every folder and link on the way to them, and what
# runbook runs and reads there. Shared files and what the application writes in its releases are
# data. A sticky folder such as /tmp is safe: nobody can rename the files of others there.
on_the_way() {
  at=/ rest=$1 links=40
  printf '%s\0' /
  while rest=${rest#"${rest%%[!/]*}"}; [ -n "$rest" ]; do
    name=${rest%%/*} rest=${rest#"${rest%%/*}"}
    case $name in
      .) continue ;;
      ..) at=$(dirname -- "$at"); continue ;;
    esac
    next=${at%/}/$name
    [ -e "$next" ] || [ -L "$next" ] || return 0
    printf '%s\0' "$next"
    if [ -L "$next" ]; then
      links=$((links - 1))
      [ "$links" -gt 0 ] || return 0
      target=$(readlink "$next")
      case $target in /*) at=/ ;; esac
      rest=$target/$rest
    else
      at=$next
    fi
  done
}
in_use() {
  for item in "$root" "$server_root" "$root/current" "$root/releases.log" "$root/.runbook.lock" "$root/.runbook.drained" "$root/releases" \
    "$root"/releases/* "$root"/releases/*/.runbook.json "$root"/releases/*/.git "$root"/releases/*/.git/*; do
    printf '%s\0' "$item"
  done
}
# find's expressions, split into words: open matches what others can change; way does too, but
# accepts sticky folders. The group root may write: with umask 002, root makes such files.
open='( ! -user 0 -o ! -type l ( -perm -002 -o -perm -020 ! -group 0 ) ) -print0'
way='( ! -user 0 -o ! -type l ! -perm -1000 ( -perm -002 -o -perm -020 ) ) -print0'
# shellcheck disable=SC2016 # the inner shell expands them
look() { xargs -0 sh -c 'exec find "$@" -prune $0' "$1"; }
if [ "$uid" = 0 ]; then
  # shellcheck disable=SC2086 # lists of words
  find / -prune $open -o -prune $way >/dev/null || say foreign - - find
  # shellcheck disable=SC2016,SC2086 # the inner shell expands them; $open is a list of words
  {
    { on_the_way "$root"; on_the_way "$server_root"; } | look "$way"
    in_use | look "$open"
    find "$root/repo.git" "$root/venvs" "$root"/releases/*/venv $open
    find "$server_root" -type f ! -name '*_log*' $open
  } 2>/dev/null | xargs -0 sh -fc 'for item; do
    set -- $(ls -ld -- "$item" | head -n 1)
    printf "\0foreign\t\0%s\t\0%s\t\0%s\t\0\0\n" "$3" "$1" "$item"
  done' sh 2>/dev/null | head -c 16384
fi
exit 0
