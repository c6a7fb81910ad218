#!/bin/sh
# Usage: tips MIRROR REVISION
# Prints "has" if the mirror has the commit; otherwise the objects that its refs name, one a line.
# The first ones are those that were sent before.
m=$1
[ -d "$m" ] || exit 0
mine "$m"
if git --git-dir="$m" cat-file -e "$2^{commit}" 2>/dev/null; then
	echo has
	exit
fi
for folder in refs/runbook refs/heads refs/tags; do
	git --git-dir="$m" for-each-ref --count=5000 --format='%(objectname)%0a%(*objectname)' "$folder" 2>/dev/null
done
:
