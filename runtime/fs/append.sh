#!/bin/sh
# Usage: append PATH MODE SIZE
# Appends a text of SIZE bytes from stdin, at most 32 KiB, to a file by one write. A new file gets MODE.
path=$1 mode=$2 size=$3
LC_ALL=C
export LC_ALL
[ -d "${path%/*}/" ] || exit 46
[ -e "$path" ] || { (umask 077; set -C; : >"$path") && chmod -- "$mode" "$path"; } || exit 1
before=$(wc -c <"$path")
dd ibs=1024 obs=32768 >>"$path" && exit
# A disk that became full has taken the beginning of the text.
after=$(wc -c <"$path")
[ $((after - before)) -ge "$size" ] || truncate -s $((before)) -- "$path"
exit 1
