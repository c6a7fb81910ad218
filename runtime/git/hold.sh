#!/bin/sh
# Usage: hold URL REVISION CACHE BRANCH PATH BLOCKS
# Prints the folder of a repository that has the commit with its whole history.
#
# That is PATH, if the repository is a path on this machine; else the repository of the current
# folder, if it has the commit; else CACHE, which then fetches the branch. Objects are named by
# their content, so it does not matter where they come from.
#
# The repository of the current folder is only read. Two runs may use CACHE at the same time: git
# writes packs and refs at once. Only temporary files that are a day old and locks that are an hour
# old are removed.
#
# A git server could send without end, so one file may have at most BLOCKS × 512 bytes.
#
# shellcheck disable=SC3045
url=$1 revision=$2 cache=$3 branch=$4 path=$5
has() { git -C "$1" cat-file -e "$revision^{commit}" 2>/dev/null; }
# A shallow or partial clone has the commit without all that it consists of.
whole() {
	[ "$(git -C "$1" rev-parse --is-shallow-repository 2>/dev/null)" = false ] &&
		[ -z "$(git -C "$1" config --get-regexp '^(remote\..*\.promisor|extensions\.partialclone)$')" ]
}
if [ -n "$path" ]; then
	has "$path" || exit 94
	whole "$path" || exit 105
	printf '%s\n' "$path"
	exit
fi
if here=$(git rev-parse --absolute-git-dir 2>/dev/null) && has "$here" && whole "$here"; then
	printf '%s\n' "$here"
	exit
fi
mine "$cache"
if [ "$(git --git-dir="$cache" rev-parse --is-bare-repository 2>/dev/null)" != true ]; then
	rm -rf -- "$cache"
	init "$revision" --bare -- "$cache" || exit
fi
if ! has "$cache"; then
	find "$cache/objects" -type f -name 'tmp_*' -mmin +1440 -exec rm -f {} + 2>/dev/null
	find "$cache" -type f -name '*.lock' -mmin +60 -exec rm -f {} + 2>/dev/null # of a git that was killed
	ulimit -f "$6" 2>/dev/null # where it fails, a lower limit is set already
	fetch() {
		git --git-dir="$cache" -c gc.auto=0 -c maintenance.auto=false -c fetch.unpackLimit=1 \
			-c core.packedGitLimit=1g fetch --quiet --no-tags "$@"
	}
	case $branch in refs/*) ref=$branch ;; *) ref=refs/heads/$branch ;; esac
	said=$(fetch -- "$url" "+$ref:$ref" 2>&1) || case $said in
		*"find remote ref"* | *"cannot lock ref"*) ;;
		*) has "$cache" || { printf '%s\n' "$said" >&2; exit 1; } ;;
	esac
	has "$cache" || fetch --prune -- "$url" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*' || exit
	has "$cache" || exit 94
	git --git-dir="$cache" -c gc.autoDetach=false -c maintenance.autoDetach=false gc --auto --quiet || :
fi
printf '%s\n' "$cache"
