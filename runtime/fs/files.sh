#!/bin/sh
# Usage: files OPERATION PATH [ARGUMENT]
# One operation on a file, for another user than the login user: SFTP has no sudo. Paths are absolute.
operation=$1 path=$2 argument=$3
LC_ALL=C
export LC_ALL
case $operation in
  lstat) stat -c '%f %s %Y %u %g' -- "$path" ;;
  stat) stat -L -c '%f %s %Y %u %g' -- "$path" ;;
  space) stat -f -c '%S %b %a %c %d' -- "$path" ;;
  readlink) readlink -n -- "$path" ;;
  symlink) ln -s -- "$argument" "$path" ;;
  mkdir) mkdir -- "$path" ;;
  rmdir) rmdir -- "$path" ;;
  remove) rm -f -- "$path" ;;
  chmod) chmod -- "$argument" "$path" ;;
  chown) chown -- "$argument" "$path" ;;
  read) head -c "$argument" <"$path" ;;
  names)
    cd -- "$path" 2>/dev/null || { ls -d -- "$path/." >/dev/null; exit 1; } # the words of shells differ
    find . ! -name . -prune -print0
    ;;
  rename)
    # mv would copy a file to another file system, which is not atomic.
    from=$(stat -c %d -- "$path") && to=$(stat -L -c %d -- "${argument%/*}/") || exit
    [ "$from" = "$to" ] || { echo 'Invalid cross-device link' >&2; exit 1; }
    mv -fT -- "$path" "$argument"
    ;;
esac
