#!/bin/sh
# Shares with a group what the user owns in folders: the members can change it, and new files in a
# folder belong to the group. Files that not even the owner can write to, such as git's objects, remain
# as they are. Prints how much was changed, if anything. Root shares nothing. Arguments: the group, a
# folder whose content is left alone or "", and the folders.
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records
group=$1 except=${2:-none}
shift 2
[ "$(id -u)" != 0 ] || exit 0
mine() {
  for folder in "$@"; do
    [ ! -d "$folder" ] || find "$folder" -path "$except/*" -prune -o -user "$(id -u)" ! -type l \
      \( ! -group "$group" -o -type d ! -perm -2070 -o -type f -perm -0200 ! -perm -0060 \) -print0
  done
}
n=$(mine "$@" | tr -dc '\000' | wc -c)
[ "$((n))" != 0 ] || exit 0
# shellcheck disable=SC2016 # the inner shell expands it
mine "$@" | xargs -0 sh -c 'chgrp -- "$0" "$@" && for item; do
  if [ -d "$item" ]; then chmod g+rwxs -- "$item"; elif [ -w "$item" ]; then chmod g+rw -- "$item"; fi || exit
done' "$group" || exit
say "$((n))"
