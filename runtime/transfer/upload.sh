#!/bin/sh
# Usage: upload KIND TARGET TEMPORARY FOLDER MODE SIZE OWNER EXCHANGE
# KIND is "file", with its SIZE; "split", for a file of which pieces.sh writes a part; "folder", for a
# tar archive; or "changed", for an archive that replaces a folder. TEMPORARY is a name in FOLDER, the
# folder of TARGET. MODE and OWNER are those of the file or the folder itself. EXCHANGE is exchange.py.
#
# An archive also has a folder TEMPORARY.end with lists of paths, each ended by NUL: sent, of all
# that was sent for OWNER; owners/UID:GID, of what replaces something with that owner; stay, of what
# keeps files that other programs have just put there. Its file "complete" is the last in an archive.
#
# What is removed may share its files with what stays, so modes of files are never changed.
kind=$1 to=$2 tmp=$3 parent=$4 mode=$5 size=$6 owner=$7 exchange=$8
LC_ALL=C
export LC_ALL
clean() {
  if [ -e "$tmp.old" ] && [ ! -e "$to" ]; then mv -T -- "$tmp.old" "$to"; fi
  find "$tmp" "$tmp.old" -type d ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null
  rm -rf -- "$tmp" "$tmp.old" "$tmp.end"
}
trap clean EXIT
trap 'exit 1' HUP INT TERM
[ -d "$parent" ] || exit 46

# finish gives the file or folder its owner and mode. Nobody else could enter it before.
finish() {
  [ -z "$1" ] || chown -h -- "$1" "$tmp" 2>/dev/null
  [ -z "$owner" ] || chown -h -- "$owner" "$tmp" || exit 1
  chmod "$mode" -- "$tmp" || exit 1
}

# owners gives what was sent its owners.
owners() {
  for list in "$tmp.end/owners"/*; do
    [ ! -f "$list" ] || (cd -- "$tmp" && xargs -0r chown -h -- "${list##*/}" <"$list") 2>/dev/null
  done
  [ ! -f "$tmp.end/sent" ] || (cd -- "$tmp" && xargs -0r chown -h -- "$owner" <"$tmp.end/sent") || exit 1
}

# swap puts the new folder in the place of the old one, which is called $old then.
swap() {
  old=$tmp
  mv --exchange -T -- "$tmp" "$to" 2>/dev/null && return
  python3 -I -S -c "$exchange" "$tmp" "$to" 2>/dev/null && return
  old=$tmp.old
  mv -T -- "$to" "$old" && mv -T -- "$tmp" "$to"
}

# rescue keeps what other programs have put into the old folder since it was listed. All that stays
# has a second link already.
# shellcheck disable=SC2016 # the inner shell expands
rescue() {
  (cd -- "$old" && xargs -0r sh -c 'find "$@" ! -type d -links 1 -print0' sh <"$tmp.end/stay" 2>/dev/null |
    xargs -0r sh -c '
      new=$1 failed=0
      shift
      for file; do
        [ -e "$new/$file" ] || [ -L "$new/$file" ] || if [ -d "$new/${file%/*}" ]; then ln -P -- "$file" "$new/$file"
        else cp -al --parents -- "$file" "$new/"; fi || failed=1
      done
      exit $failed' sh "$1")
}

if [ "$kind" = file ] || [ "$kind" = split ]; then
  [ ! -d "$to" ] || [ -L "$to" ] || exit 41
  umask 077
  set -C
  exec 3>"$tmp" || exit 1
  total=
  # pieces.sh needs Linux, and dd(1) of coreutils or busybox. It finds the files by this process.
  if [ "$kind" = split ] && [ -r /proc/self/fdinfo/3 ] &&
    dd if=/dev/null of=/proc/self/fd/3 ibs=1 obs=2 iflag=fullblock conv=notrunc 2>/dev/null; then
    exec 4>"$tmp.end" || exit 1
    total=0
    echo $$
  fi
  cat >&3 || exit 1
  # shellcheck disable=SC2046 # wc may print spaces
  [ $(wc -c < "$tmp") -eq "$size" ] || exit 45
  if [ -n "$total" ]; then
    # The size says nothing: pieces.sh writes the end first. cat has stopped at "pos".
    read -r _ total </proc/self/fdinfo/3
    while read -r part; do total=$((total + part)); done </proc/self/fd/4
    [ "$total" -eq "$size" ] || exit 45
  fi
  finish "$([ ! -f "$to" ] || [ -L "$to" ] || stat -c %u:%g -- "$to" 2>/dev/null)"
else
  if [ "$kind" = folder ] && { [ -e "$to" ] || [ -L "$to" ]; }; then exit 42; fi
  command -v tar >/dev/null 2>&1 || exit 44
  tar -C "$parent" -xpmof - || exit 1
  [ -e "$tmp.end/complete" ] || exit 45
  owners
  finish "$([ "$kind" = folder ] || stat -c %u:%g -- "$to" 2>/dev/null)"
fi
if [ "$kind" = changed ]; then
  new=$(cd -- "$parent" && pwd)/${to##*/}
  swap || exit
  rescue "$new" && exit
  trap - EXIT
  echo "the new folder is in place; files of other programs that came meanwhile are left in $old" >&2
  exit 1
fi
mv -fT -- "$tmp" "$to" 2>/dev/null || { [ ! -d "$to" ] && mv -f -- "$tmp" "$to"; }
