#!/bin/sh
# Usage: append PATH MODE SIZE LINE SOURCE [TEXT]
# Appends a text of SIZE bytes, at most 32 KiB, to a file by one write: TEXT if SOURCE is "here", or from stdin. A new file gets MODE.
# If LINE is yes, a line that another process has not finished is ended before. It prints appended, or what put prints where there is
# no file to append to.
path=$1 mode=$2 size=$3 line=$4 source=$5 text=$6 start=
LC_ALL=C
export LC_ALL
if [ -L "$path" ]; then echo link; exec readlink -n -- "$path"
elif [ -d "$path" ]; then echo folder; exit
elif [ -e "$path" ] && [ ! -f "$path" ]; then echo other; exit
elif [ ! -d "${path%/*}/" ]; then echo nofolder; exit
fi
[ -e "$path" ] || { (umask 077; set -C; : >"$path") && chmod -- "$mode" "$path"; } || exit 1
[ "$line" != yes ] || [ -z "$(tail -c 1 -- "$path" 2>/dev/null)" ] || start='
'
before=$(wc -c <"$path")
{ printf %s "$start"; if [ "$source" = here ]; then printf %s "$text"; else cat; fi; } | dd ibs=1024 obs=65536 >>"$path" && { echo appended; exit; }
# A disk that became full has taken the beginning of the text.
after=$(wc -c <"$path")
[ $((after - before)) -ge "$size" ] || truncate -s $((before)) -- "$path"
exit 1
