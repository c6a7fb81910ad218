#!/bin/sh
# Usage: upload KIND TARGET TEMPORARY FOLDER MODE SIZE
# KIND is "file", with its MODE and SIZE; "folder", for a tar archive; or "changed", for an archive
# that replaces a folder. TEMPORARY is a name in FOLDER, the folder of TARGET.
#
# What is removed may share its files with what stays, so modes of files are never changed.
kind=$1 to=$2 tmp=$3 parent=$4 mode=$5 size=$6
clean() {
  if [ -e "$tmp.old" ] && [ ! -e "$to" ]; then mv -T -- "$tmp.old" "$to"; fi
  find "$tmp" "$tmp.old" -type d ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null
  rm -rf -- "$tmp" "$tmp.old" "$tmp.end"
}
trap clean EXIT
trap 'exit 1' HUP INT TERM
[ -d "$parent" ] || exit 46
if [ "$kind" = file ]; then
  [ ! -d "$to" ] || [ -L "$to" ] || exit 41
  umask 077
  set -C
  : > "$tmp" || exit 1
  cat >> "$tmp" || exit 1
  # shellcheck disable=SC2046 # wc may print spaces
  [ $(wc -c < "$tmp") -eq "$size" ] || exit 45
  chmod "$mode" -- "$tmp" || exit 1
else
  if [ "$kind" = folder ] && { [ -e "$to" ] || [ -L "$to" ]; }; then exit 42; fi
  command -v tar >/dev/null 2>&1 || exit 44
  tar -C "$parent" -xpmof - || exit 1
  [ -e "$tmp.end" ] || exit 45
  rm -f -- "$tmp.end"
fi
if [ "$kind" = changed ]; then
  mv --exchange -T -- "$tmp" "$to" 2>/dev/null || { mv -T -- "$to" "$tmp.old" && mv -T -- "$tmp" "$to"; }
  exit
fi
mv -fT -- "$tmp" "$to" 2>/dev/null || { [ ! -d "$to" ] && mv -f -- "$tmp" "$to"; }
