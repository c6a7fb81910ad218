#!/bin/sh
# Sends a command to HAProxy's runtime socket and prints the answer. Arguments: the socket, the
# command, and "quiet" if any answer is a failure.
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records
[ -S "$1" ] || { echo "there is no socket $1, or $(id -un 2>/dev/null || id -u) may not enter its folder; haproxy.cfg opens it by: stats socket $1" >&2; exit 1; }
[ -w "$1" ] || { echo "$(id -un 2>/dev/null || id -u) may not write to $1: see its mode in haproxy.cfg, or sudo = true in app.lua" >&2; exit 1; }
if command -v socat >/dev/null; then answer=$(printf '%s\n' "$2" | socat -t 10 - "UNIX-CONNECT:$1") || exit
elif command -v python3 >/dev/null; then answer=$(python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
while True:
    part = s.recv(65536)
    if not part:
        break
    sys.stdout.write(part.decode())
' "$1" "$2") || exit
else echo "talking to HAProxy wants socat or python3 there" >&2; exit 1
fi
say "$answer"
[ "$3" != quiet ] || [ -z "$answer" ] || { echo "HAProxy did not take it: $answer" >&2; exit 1; }
