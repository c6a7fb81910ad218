#!/bin/sh
# Finds uv, and prints its path and version. A name is looked for on PATH, and then where uv's own
# installer puts it, which is not on the PATH of a login without a terminal. Argument: the name, or
# a path, in which ~/ is the home of the login.
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records
PATH=$PATH:${XDG_BIN_HOME:-$HOME/.local/bin}:$HOME/.local/bin:$HOME/.cargo/bin
case $1 in
  \~/*) program=$HOME/${1#??} ;;
  *) program=$(command -v "$1") ;;
esac
[ -x "$program" ] && [ ! -d "$program" ] && say "$program" "$("$program" --version 2>/dev/null)"
exit 0
