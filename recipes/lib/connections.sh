#!/bin/sh
# Prints how many connections to a local port are open. An idle connection counts, too, because it
# looks like a slow request; mod_wsgi-express keeps none. Argument: the port.
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records
port=$(printf '%04X' "$1")
say "$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v end=":$port" '
substr($2, length($2) - 4) == end && $4 == "01" { n++ }
END { print n + 0 }')"
