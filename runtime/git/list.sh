#!/bin/sh
# Usage: list URL PATTERN…
#
# git keeps the server's whole answer in memory before it prints a line. 1 GiB holds about five million names. A system
# without this limit runs without it.
#
# shellcheck disable=SC3045
ulimit -v 1048576 2>/dev/null
git ls-remote -- "$@"
