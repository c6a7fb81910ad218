#!/bin/sh
# Usage: put PATH TEMPORARY MODE SIZE KEEP OWNER [VALIDATE…]
# Writes a file of SIZE bytes from stdin to TEMPORARY, a name beside PATH, and renames it to PATH. The new file gets the owner and
# group KEEP if that is possible, and OWNER in any case. The command VALIDATE must succeed before the rename.
path=$1 tmp=$2 mode=$3 size=$4 keep=$5 owner=$6
shift 6
LC_ALL=C
export LC_ALL
trap 'rm -f -- "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
[ -d "${path%/*}/" ] || exit 46
[ ! -d "$path" ] || exit 41
umask 077
set -C
: >"$tmp" || exit 1
cat >>"$tmp" || exit 1
# When the connection dies, stdin ends just like a complete text.
# shellcheck disable=SC2046 # wc may print spaces
[ $(wc -c <"$tmp") -eq "$size" ] || exit 45
[ -z "$keep" ] || chown -- "$keep" "$tmp" 2>/dev/null
[ -z "$owner" ] || chown -- "$owner" "$tmp" || exit 1
chmod -- "$mode" "$tmp" || exit 1
sync -- "$tmp" 2>/dev/null # old ones take no file, or write all files
if [ $# -gt 0 ]; then
  "$@" </dev/null >&2 || { echo $?; exit 49; }
fi
mv -fT -- "$tmp" "$path" 2>/dev/null || { [ ! -d "$path" ] && mv -f -- "$tmp" "$path"; }
