#!/bin/sh
# Prints the first folder in the path $2 inside $1 that is a link. The repository decides where such
# a link points.
say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records
at=$1 rest=$2
while [ "$rest" != "${rest#*/}" ]; do
  at=$at/${rest%%/*} rest=${rest#*/}
  [ ! -L "$at" ] || { say "${at#"$1/"}"; exit; }
done
