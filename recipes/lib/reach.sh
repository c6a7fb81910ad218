#!/bin/sh
# Prints the first folder that a user cannot enter on the way to the real paths of folders, and its
# mode. A login as root tests it as this user, where setpriv allows that. Otherwise the modes
# decide, except where an access list does. Arguments: the user, the user's group, and folders,
# which need not exist.
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records
user=$1 group=$2
shift 2
as() { setpriv --reuid="$user" --regid="$group" --init-groups -- "$@"; }
# can_enter compares the fields of ls -ldn.
can_enter() {
  mode=$1 owner=$3 of=$4
  case $mode in *+) return 0 ;; esac
  if [ "$owner" = "$uid" ]; then case $mode in ???[xs]*) return 0 ;; esac
  else
    case " $gids " in
      *" $of "*) case $mode in ??????[xs]*) return 0 ;; esac ;;
      *) case $mode in ?????????[xt]*) return 0 ;; esac ;;
    esac
  fi
  return 1
}
uid=$(id -u "$user") && gids="$(id -G "$user") $(getent group "$group" | cut -d: -f3)" || exit 0
[ "$uid" != 0 ] || exit 0
asks=
[ "$(id -u)" != 0 ] || ! as true 2>/dev/null || asks=yes
# first_closed prints the first of some folders that the user cannot enter.
first_closed() {
  if [ -n "$asks" ]; then
    # shellcheck disable=SC2016 # the user's shell expands it
    as sh -c 'for at do cd -- "$at" 2>/dev/null || { printf %s "$at"; exit; }; done' sh "$@"
  else
    for at do
      # shellcheck disable=SC2046 # the fields of ls
      can_enter $(ls -ldn -- "$at" | head -n 1) || { printf %s "$at"; return; }
    done
  fi
}
set -f
for path do
  rest=$(cd -P -- "$path" 2>/dev/null && pwd -P) || continue
  set -- /
  at=''
  while rest=${rest#/}; [ -n "$rest" ]; do
    at=$at/${rest%%/*}
    set -- "$@" "$at"
    case $rest in */*) rest=/${rest#*/} ;; *) rest= ;; esac
  done
  closed=$(first_closed "$@"; echo .) # the dot keeps newlines at the end
  closed=${closed%?}
  [ -z "$closed" ] || {
    say "$closed" "$(ls -ld -- "$closed" | cut -d' ' -f1)"
    exit 0
  }
done
exit 0
