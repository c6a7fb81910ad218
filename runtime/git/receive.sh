#!/bin/sh
# Usage: receive MIRROR REVISION FILE BRANCH FRESH
# Adds the pack FILE, "" for none, to the mirror. Then the mirror must have all that the commit
# consists of. With FRESH, or where there is no mirror, it is made from FILE alone.
#
# index-pack compares every object with its name. --strict is not used: it refuses the old mistakes
# that many a history has, such as file modes with zeros before them, which git clone accepts.
#
# shellcheck disable=SC2034 # the EXIT trap in prelude.sh reads d and undo
m=$1 revision=$2 file=$3 branch=$4 fresh=$5
d=$file
if [ -L "$m" ]; then
	m=$(cd -P -- "$m" 2>/dev/null && pwd -P) || exit 92
fi
mine "$m"
if [ -e "$m" ] && [ "$(git --git-dir="$m" rev-parse --is-bare-repository 2>/dev/null)" != true ]; then
	[ -d "$m" ] || exit 92
	{ [ -d "$m/objects" ] && [ -d "$m/refs" ]; } || [ -z "$(ls -A "$m")" ] || exit 92
	fresh=yes
fi
rm -rf -- "$m.new" "$m.old" # of a killed run
to=$m
if [ -n "$fresh" ] || [ ! -e "$m" ]; then
	to=$m.new
	undo=$to
	init "$revision" --bare -- "$to" || exit
fi
r() { git --git-dir="$to" "$@"; }
# Only one run works in the mirror at a time, so a lock in it was left by a git that was killed.
tidy() {
	find "$to" -type f \( -name '*.lock' -o -name 'tmp_obj_*' -o -name 'tmp_pack_*' -o -name 'tmp_idx_*' -o -name 'tmp_rev_*' \) \
		-exec rm -f {} + 2>/dev/null
}
tidy
if [ -n "$file" ]; then
	said=$(r index-pack --stdin --fix-thin <"$file" 2>&1) || {
		tidy
		printf '%s\n' "$said" >&2
		case $said in *"o space left"* | *"uota exceeded"*) exit 1 ;; esac
		exit 106
	}
fi
r cat-file -e "$revision^{commit}" 2>/dev/null || exit 106
said=$(r rev-list --objects --quiet "$revision" --not --all 2>&1) || { printf '%s\n' "$said" >&2; exit 106; }
r update-ref refs/runbook/sent "$revision" || exit
if [ -n "$branch" ] && ! r update-ref "$branch" "$revision" 2>/dev/null; then
	# A branch of this name was a folder of branches, or the other way round.
	r for-each-ref --format='delete %(refname)' refs/heads refs/tags | r update-ref --stdin &&
		r update-ref "$branch" "$revision" || exit
fi
if [ "$to" != "$m" ]; then
	if [ -e "$m" ]; then
		mv -- "$m" "$m.old" || exit
	fi
	mv -- "$to" "$m" || exit
	undo=
	rm -rf -- "$m.old"
	echo made
fi
git --git-dir="$m" -c gc.autoDetach=false -c maintenance.autoDetach=false gc --auto --quiet || :
