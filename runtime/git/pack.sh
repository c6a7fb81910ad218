#!/bin/sh
# Usage: pack REPOSITORY REVISION HAVE FILE
# Packs the commit and its history into FILE, without the commits in the file HAVE, one a line, and
# what they consist of. The commits that the repository does not know are ignored.
#
# Commits of archives have no history in common. So of the first ones, all files are left out, too.
GIT_NO_REPLACE_OBJECTS=1 GIT_NO_LAZY_FETCH=1
export GIT_NO_REPLACE_OBJECTS GIT_NO_LAZY_FETCH
{
	printf '%s\n' "$2"
	git -C "$1" cat-file --batch-check='%(objectname) %(objecttype)' <"$3" |
		awk '$2 == "commit" { print "^" $1; if (n++ < 20) print "^" $1 "^{tree}" }'
} | git -C "$1" pack-objects --revs --thin --delta-base-offset --stdout -q >"$4"
