#!/bin/sh
# Removes the shared virtualenvs that no release has a link to, and prints their names. It compares
# resolved paths, because ROOT may be reached by more than one name. Argument: ROOT.
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records
cd "$1/venvs" || exit 0
for venv in *; do
  [ -d "$venv" ] && [ ! -L "$venv" ] || continue
  here=$(cd -P -- "$venv" && pwd -P) || continue
  for link in ../releases/*/venv; do
    [ "$(cd -P -- "$link" 2>/dev/null && pwd -P)" = "$here" ] && continue 2
  done
  rm -rf -- "$venv" && say "$venv"
done
:
