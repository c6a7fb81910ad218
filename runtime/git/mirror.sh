#!/bin/sh
# Usage: mirror URL PATH REVISION BRANCH. Prints "made" when it created the mirror. It fetches nothing if the mirror has the commit
# REVISION on BRANCH, or on any branch or tag if BRANCH is "".
#
# fetch starts no gc in the background, which would outlive the run. gc --auto in the foreground does nothing until about
# fifty fetches have left a pack each.
#
# git keeps the partial files of a failed or killed fetch; on a full disk they would keep it full. Its locks would stop the
# next fetch. Only one run works in the mirror at a time.
#
# A failed fetch does not prove a broken mirror. The mirror is rebuilt only when the server answers, and only a path that
# looks like a repository is moved away.
#
# shellcheck disable=SC2034 # the EXIT trap in prelude.sh reads undo
url=$1 m=$2 revision=$3 branch=$4 sha256=0000000000000000000000000000000000000000000000000000000000000000
fetch() {
	git --git-dir="$1" -c gc.auto=0 -c maintenance.auto=false fetch --quiet --prune --no-tags -- "$url" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'
}
tidy() {
	find "$1" -type f \( -name '*.lock' -o -name 'tmp_obj_*' -o -name 'tmp_pack_*' -o -name 'tmp_idx_*' -o -name 'tmp_rev_*' \) -exec rm -f {} + 2>/dev/null
}
rebuild() {
	rm -rf -- "$m.new" "$m.old"
	undo=$m.new
	init '' --bare -- "$m.new" || exit
	said=$(fetch "$m.new" 2>&1) || case $said in
	*'mismatched algorithms'*) rm -rf -- "$m.new"; init "$sha256" --bare -- "$m.new" && fetch "$m.new" || exit ;;
	*) printf '%s\n' "$said" >&2; exit 1 ;;
	esac
	if [ -e "$m" ]; then
		mv -- "$m" "$m.old" || exit
	fi
	mv -- "$m.new" "$m" || exit
	undo=
	rm -rf -- "$m.old"
	echo made
}
if [ -L "$m" ]; then
	m=$(cd -P -- "$m" 2>/dev/null && pwd -P) || exit 92
fi
mine "$m"
if ! [ -e "$m" ]; then
	rebuild
elif ! [ -d "$m" ]; then
	exit 92
elif [ "$(git --git-dir="$m" rev-parse --is-bare-repository 2>/dev/null)" = true ]; then
	case $branch in
	'' | refs/*) set -- ${branch:+"$branch"} ;;
	*) set -- "refs/heads/$branch" "refs/tags/$branch" ;;
	esac
	if [ -n "$revision" ] && [ -n "$(git --git-dir="$m" for-each-ref --count=1 --contains="$revision" -- "$@" 2>/dev/null)" ]; then
		exit
	fi
	tidy "$m"
	said=$(fetch "$m" 2>&1)
	status=$?
	if [ $status != 0 ]; then
		tidy "$m"
		if git ls-remote -- "$url" HEAD >/dev/null 2>&1; then
			rebuild
		else
			printf '%s\n' "$said" >&2
			exit $status
		fi
	fi
elif [ -d "$m/objects" ] && [ -d "$m/refs" ] || [ -z "$(ls -A "$m")" ]; then
	rebuild
else
	exit 92
fi
git --git-dir="$m" -c gc.autoDetach=false -c maintenance.autoDetach=false gc --auto --quiet || :
