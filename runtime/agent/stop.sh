#!/bin/sh
# Usage: stop DIR
if pid=$(cat "$1/pid" 2>/dev/null) && [ -n "$pid" ]; then
	kill "$pid" 2>/dev/null
	tries=0
	while [ -e "$1" ] && kill -0 "$pid" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries != 300 ] || kill -s KILL "$pid" 2>/dev/null
		[ $tries -lt 600 ] || exit 96
		sleep 0.01 2>/dev/null || sleep 1
	done
fi
rm -rf -- "$1"
