#!/bin/sh
# Usage: store REPOSITORY REF NAME
# Reads a stream for git fast-import, which makes the commit REF. Prints the commit, and keeps it as
# NAME.
r() { git --git-dir="$repository" "$@"; }
repository=$1 ref=$2 name=$3
mine "$repository"
if [ "$(r rev-parse --is-bare-repository 2>/dev/null)" != true ]; then
	rm -rf -- "$repository"
	init '' --bare -- "$repository" || exit
fi
find "$repository/objects" -type f -name 'tmp_*' -mmin +1440 -exec rm -f {} + 2>/dev/null
find "$repository" -type f -name '*.lock' -mmin +60 -exec rm -f {} + 2>/dev/null # of a git that was killed
# Larger files are not kept in memory.
if ! r -c core.bigFileThreshold=16m fast-import --quiet --done --force; then
	rm -f -- "$repository"/fast_import_crash_* # its notes about the stream
	exit 1
fi
commit=$(r rev-parse --verify "$ref") && r update-ref "$name" "$commit" && r update-ref -d "$ref" || exit
r -c gc.autoDetach=false -c maintenance.autoDetach=false gc --auto --quiet || :
printf '%s\n' "$commit"
