#!/bin/sh
# Usage: change OPERATION PATH [ARGUMENT…]
# One change of a file, a folder or a link, with the looks before and after it. The first line that it prints says what was done or
# found:
#   mkdir PATH MODE PARENTS                   made, there, or "blocked KIND" and what is in the way
#   remove PATH RECURSIVE                     removed
#   rename PATH TO                            nothing
#   symlink PATH TARGET TEMPORARY REPLACE     linked, same, "link" and its target, another KIND, or "changed" and its target
#   chmod PATH MODE BITS                      link, or the mode that it had. BITS is MODE without the zeros before it
#   chown PATH USER GROUP OWNER               link, same or given. OWNER is the argument of chown(1)
# KIND is file, folder, link or other.
operation=$1 path=$2
LC_ALL=C
export LC_ALL
kind() {
  if [ -L "$1" ]; then echo link; elif [ -f "$1" ]; then echo file; elif [ -d "$1" ]; then echo folder; else echo other; fi
}
is() { [ -z "$1" ] || case $2 in *":$1:"*) ;; *) return 1 ;; esac; }
target_of() { target=$(readlink -n -- "$1"; echo .) && target=${target%.}; } # the dot keeps newlines at the end
move() { # by one rename(2); BSD's mv has -h instead of -T
  said=$(mv -fT -- "$1" "$2" 2>&1) && return
  case $said in
    *'illegal option -- T'*) mv -fh -- "$1" "$2" ;;
    *) printf '%s\n' "$said" >&2; return 1 ;;
  esac
}
case $operation in
  mkdir)
    mode=$3 parents=$4
    [ ! -d "$path" ] || { echo there; exit; }
    at=$path
    until [ -z "$at" ] || [ -e "$at" ] || [ -L "$at" ]; do at=${at%/*}; done
    [ -d "$at/" ] || { echo "blocked $(kind "$at")"; printf %s "$at"; exit; }
    [ "$parents" != yes ] || mkdir -p -- "${path%/*}/" || exit
    mkdir -- "$path" || { [ -d "$path" ] && echo there; exit; } # another process may have made it since
    [ -z "$mode" ] || chmod -- "$mode" "$path" || exit
    echo made
    ;;
  remove)
    if [ ! -d "$path" ] || [ -L "$path" ]; then
      [ -e "$path" ] || [ -L "$path" ] || { ls -d -- "$path" >/dev/null; exit 1; }
      rm -f -- "$path"
    elif [ "$3" = yes ]; then rm -rf -- "$path"
    else rmdir -- "$path"
    fi && echo removed
    ;;
  rename)
    # mv would copy a file to another file system, which is not atomic.
    from=$(stat -c %d -- "$path" 2>/dev/null || stat -f %d -- "$path") || exit
    to=$(stat -L -c %d -- "${3%/*}/" 2>/dev/null || stat -L -f %d -- "${3%/*}/") || exit
    [ "$from" = "$to" ] || { echo ': Invalid cross-device link' >&2; exit 1; }
    move "$path" "$3"
    ;;
  symlink)
    wanted=$3 temporary=$4
    if [ -L "$path" ]; then
      target_of "$path" || exit
      [ "$target" != "$wanted" ] || { echo same; exit; }
      [ "$5" = yes ] || { echo link; printf %s "$target"; exit; }
    elif [ -e "$path" ]; then kind "$path"; exit
    fi
    trap 'rm -f -- "$temporary"' EXIT
    trap 'exit 1' HUP INT TERM
    ln -s -- "$wanted" "$temporary" || exit
    move "$temporary" "$path" || exit
    target_of "$path"
    [ "$target" = "$wanted" ] && echo linked || { echo changed; printf %s "$target"; }
    ;;
  chmod)
    [ ! -L "$path" ] || { echo link; exit; }
    now=$(stat -c %a -- "$path" 2>/dev/null || stat -f %Mp%Lp -- "$path") || exit
    echo "$now"
    # By five digits GNU's chmod also clears a folder's setgid.
    [ "${now#"${now%%[!0]*}"}" = "$4" ] || chmod -- "0$3" "$path"
    ;;
  chown)
    [ ! -L "$path" ] || { echo link; exit; }
    now=$(stat -c ':%u:%U: :%g:%G:' -- "$path" 2>/dev/null || stat -f ':%u:%Su: :%g:%Sg:' -- "$path") || exit
    if is "$3" "${now%% :*}" && is "$4" "${now#*: }"; then echo same; exit; fi
    chown -- "$5" "$path" && echo given
    ;;
esac
