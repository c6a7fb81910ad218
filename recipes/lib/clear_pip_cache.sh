#!/bin/sh
# Removes from pip's cache what pip wrote since a file was made: a full disk leaves incomplete files there,
# which pip would use later. Arguments: Python, and the file.
cache=$("$1" -m pip cache dir 2>/dev/null | tail -n 1)
[ -n "$cache" ] || cache=${PIP_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/pip}
case $cache in /*) [ ! -d "$cache" ] || find "$cache" -type f -newer "$2" -exec rm -f -- {} + ;; esac
