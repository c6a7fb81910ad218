#!/bin/sh
# Usage: look stat PATH           prints mode (hexadecimal), size, time, and the owner as "1 2:user:group"; on the next line a link's target
#        look missing PATH…       prints the paths that do not exist, each with a NUL
#        look names PATH          prints the names in a folder, each with a NUL
#        look read PATH SIZE      prints the first SIZE bytes of a file
#        look space PATH          prints block size, blocks, free blocks, inodes and free inodes of a file system
operation=$1
shift
LC_ALL=C
export LC_ALL
# absent succeeds where a path surely does not exist: a folder that may be searched hides nothing.
absent() { [ ! -e "$1" ] && [ ! -L "$1" ] && [ -d "${1%/*}/" ] && [ -x "${1%/*}/" ]; }
case $operation in
  stat)
    ! absent "$1" || { echo ': No such file or directory' >&2; exit 1; }
    # The second stat is of BSD.
    stat -c '%f %s %Y %u %g:%U:%G' -- "$1" 2>/dev/null || stat -f '%Xp %z %m %u %g:%Su:%Sg' -- "$1" || exit
    [ ! -L "$1" ] || readlink -n -- "$1"
    ;;
  missing)
    for path; do
      [ -e "$path" ] || [ -L "$path" ] || {
        absent "$path" || case $(ls -d -- "$path" 2>&1) in
          *': No such file'* | *': Not a directory'*) ;;
          *) ls -d -- "$path" >/dev/null || exit ;;
        esac
        printf '%s\0' "$path"
      }
    done
    ;;
  names)
    cd -- "$1" 2>/dev/null || { ls -d -- "$1/." >/dev/null; exit 1; } # the words of shells differ
    find . ! -name . -prune -print0
    ;;
  read) head -c "$2" <"$1" ;;
  space)
    stat -f -c '%S %b %a %c %d' -- "$1" 2>/dev/null || {
      shown=$(df -Pk -- "$1") && printf '%s\n' "$shown" | awk 'NR == 2 { print 1024, $2, $4, 0, 0 }' # BSD's stat -f differs
    }
    ;;
esac
