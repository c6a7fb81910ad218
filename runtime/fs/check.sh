#!/bin/sh
# Usage: check PATH SIZE
# Prints what is at PATH, a line each: "nothing", "file", "folder", "link" or "other"; its mode, user id, group id, size, user and
# group. Then the target of a link, or the SHA-256 sum of a file of SIZE bytes.
path=$1 wanted=$2
LC_ALL=C
export LC_ALL
if [ -L "$path" ]; then kind='link'
elif [ -f "$path" ]; then kind='file'
elif [ -d "$path" ]; then kind='folder'
elif [ -e "$path" ]; then kind='other'
else
  [ -d "${path%/*}/" ] || exit 46
  ls -d -- "$path" >/dev/null 2>&1 || { [ -x "${path%/*}/" ] || { echo ': Permission denied' >&2; exit 1; }; }
  echo nothing
  exit
fi
# Each $( ) and exec costs one process only. The second stat is of BSD.
about=$(stat -c '%a
%u
%g
%s
%U
%G' -- "$path" 2>/dev/null) || about=$(stat -f '%Lp%n%u%n%g%n%z%n%Su%n%Sg' -- "$path") || exit
printf '%s\n%s\n' "$kind" "$about"
case $kind in
  link) exec readlink -n -- "$path" ;;
  file)
    case $about in *"
$wanted
"*) ;; *) exit 0 ;; esac
    if command -v sha256sum >/dev/null 2>&1; then exec sha256sum <"$path"; else exec shasum -a 256 <"$path"; fi
    ;;
esac
