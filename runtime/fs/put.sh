#!/bin/sh
# Usage: put PATH TEMPORARY MODE NEWMODE SIZE COMPARE USER GROUP OWNER SOURCE [TEXT [VALIDATE…]]
# Makes PATH a file with a text of SIZE bytes, by TEMPORARY, a name beside it, and a rename. MODE is the mode,
# or "" to keep that of the file; a new one gets NEWMODE then. The file keeps its owner where that is possible, and in any case gets
# OWNER, the argument of chown(1) for USER and GROUP. The command VALIDATE must succeed before the rename. SOURCE is where the text
# is: "here" for TEXT, "stdin", or "none" to compare only.
# The first line that it prints is: sum, if COMPARE is yes and all but the text is right, and the SHA-256 sum of the file on the next,
# so that one process less is needed where nothing changes; differs, for "none"; wrote; "link" and its target, folder or other, where a file can't
# replace what is there; nofolder; part, for a text that ended early; or "invalid" and the status of VALIDATE.
path=$1 temporary=$2 mode=$3 newmode=$4 size=$5 compare=$6 user=$7 group=$8 owner=$9
shift 9
source=$1 text=$2 keep=
shift 2
LC_ALL=C
export LC_ALL
is() { [ -z "$1" ] || case $2 in *":$1:"*) ;; *) return 1 ;; esac; }
if [ -L "$path" ]; then echo link; exec readlink -n -- "$path"
elif [ -f "$path" ]; then
  # The second stat is of BSD.
  about=$(stat -c '%a %s %u:%g :%u:%U: :%g:%G:' -- "$path" 2>/dev/null || stat -f '%Mp%Lp %z %u:%g :%u:%Su: :%g:%Sg:' -- "$path") || exit
  now=${about%% *} about=${about#* }
  had=${about%% *} about=${about#* }
  keep=${about%% *} about=${about#* }
  now=${now#"${now%%[!0]*}"}
  [ -n "$mode" ] || mode=${now:-0}
  if [ "$compare" = yes ] && [ -r "$path" ] && [ "$now $had" = "${mode#"${mode%%[!0]*}"} $size" ] &&
    is "$user" "${about%% :*}" && is "$group" "${about#*: }"; then
    echo sum
    if command -v sha256sum >/dev/null 2>&1; then exec sha256sum <"$path"; else exec shasum -a 256 <"$path"; fi
  fi
elif [ -d "$path" ]; then echo folder; exit
elif [ -e "$path" ]; then echo other; exit
elif [ ! -d "${path%/*}/" ]; then echo nofolder; exit
elif [ ! -x "${path%/*}/" ]; then echo ': Permission denied' >&2; exit 1
fi
[ "$source" != none ] || { echo differs; exit; }
trap 'rm -f -- "$temporary"' EXIT
trap 'exit 1' HUP INT TERM
umask 077
set -C
: >"$temporary" || exit 1
# cat has better words for a full disk than some shells.
if [ "$source" = here ]; then printf %s "$text" | cat; else cat; fi >>"$temporary" || exit 1
# When the connection dies, stdin ends just like a complete text.
# shellcheck disable=SC2046 # wc may print spaces
[ $(wc -c <"$temporary") -eq "$size" ] || { echo part; exit; }
[ -z "$keep" ] || chown -- "$keep" "$temporary" 2>/dev/null
[ -z "$owner" ] || chown -- "$owner" "$temporary" || exit 1
chmod -- "${mode:-$newmode}" "$temporary" || exit 1
sync -- "$temporary" 2>/dev/null # old ones take no file, or write all files
if [ $# -gt 0 ]; then
  "$@" </dev/null >&2
  status=$?
  [ "$status" -eq 0 ] || { echo invalid; echo "$status"; exit; }
fi
mv -fT -- "$temporary" "$path" 2>/dev/null || { [ ! -d "$path" ] && mv -f -- "$temporary" "$path"; } || exit
echo wrote
