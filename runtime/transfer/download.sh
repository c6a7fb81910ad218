#!/bin/sh
# Usage: download PATH
# Prints a line and the contents: the mode of a file and the file, or "folder" and a tar archive of
# what is in it.
from=$1
[ -e "$from" ] || exit 46
if [ -d "$from" ]; then
  command -v tar >/dev/null 2>&1 || exit 44
  odd=$(find "$from/." ! -type f ! -type d ! -type l | head -n 1)
  [ -z "$odd" ] || { printf '%s' "$odd" >&2; exit 47; }
  echo folder && tar -C "$from/." -cf - .
elif [ -f "$from" ]; then
  mode=$(stat -L -c %a -- "$from" 2>/dev/null || stat -L -f %Lp -- "$from") || exit
  echo "$mode" && cat -- "$from"
else
  printf '%s' "$from" >&2
  exit 47
fi
