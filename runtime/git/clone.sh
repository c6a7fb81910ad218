#!/bin/sh
# Usage: clone URL REVISION INTO FROM BRANCH DEPTH ON_BRANCH ARCHIVE RESERVED…
# Prints "extras" when the commit has submodules, or files with a filter: then extras.sh lists them.
#
# With the depth "submodule" INTO is the empty folder of one. A server that gives no single commits gives all branches.
#
# With a depth, the head of the branch is fetched, or else the commit itself. A server that speaks version 0 or 1 of the
# protocol (gitprotocol-pack(5)) gives only heads of branches and tags unless its admin allows more; over SSH, version 2
# needs AcceptEnv GIT_PROTOCOL there. If the branch has moved on, only its whole history shows whether it contains the
# commit.
#
# Filters are programs that the host's configuration names and the repository's .gitattributes selects. The line in
# .git/info/attributes turns them off for all files.
#
# The message of the commit of an archive lists modes and empty folders, see the package archive.
#
# --local is implied by a path. Given explicitly it makes git fail where hard links are impossible; without it git
# copies. Only what this script made is removed on failure: git removes a failed clone itself.
#
# shellcheck disable=SC2034 # the EXIT trap in prelude.sh reads undo
url=$1 revision=$2 into=$3 from=$4 branch=$5 depth=$6 on_branch=$7 archive=$8
shift 8
[ "$depth" != submodule ] || rmdir -- "$into" 2>/dev/null
if [ -e "$into" ] || [ -L "$into" ]; then
	exit 93
fi
[ "$from" = "$url" ] || mine "$from"
has() { git -C "$into" cat-file -e "$revision^{commit}" 2>/dev/null; }
fetch() { git -C "$into" -c gc.auto=0 -c maintenance.auto=false fetch --quiet --no-tags "$@"; }
case $branch in
	refs/heads/*) theirs=$branch ours=refs/remotes/origin/${branch#refs/heads/} ;;
	HEAD) theirs=HEAD ours=refs/remotes/origin/HEAD ;;
	refs/*) theirs=$branch ours=$branch ;;
	*) theirs=refs/heads/$branch ours=refs/remotes/origin/$branch ;;
esac
reached() {
	git -C "$into" merge-base --is-ancestor "$revision" "$ours" 2>/dev/null ||
		git -C "$into" merge-base --is-ancestor "$revision" "refs/tags/$branch^{commit}" 2>/dev/null
}
if [ "$depth" = 0 ]; then
	copy() { git -c gc.auto=0 -c maintenance.auto=false "$@" --quiet --no-checkout --template= -- "$from" "$into"; }
	if [ -n "$safe_directory" ]; then # both processes must accept a mirror of another user
		# shellcheck disable=SC2016 # the shell that git starts expands it
		copy -c safe.directory="$safe_directory" clone --upload-pack 'git -c safe.directory="$safe_directory" upload-pack' || exit
	else
		copy clone || exit
	fi
	undo=$into
else
	undo=$into
	init "$revision" -- "$into" && git -C "$into" remote add origin "$url" || exit
	if [ "$depth" = submodule ]; then
		depth=1
		said=$(fetch --depth 1 -- origin "$revision" 2>&1) || case $said in
		*'unadvertised object'* | *'not our ref'*) fetch -- origin '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*' || exit ;;
		*) printf '%s\n' "$said" >&2; exit 1 ;;
		esac
		has || exit 94
	fi
	if [ -n "$on_branch" ]; then
		if ! said=$(fetch --depth "$depth" -- origin "+$theirs:$ours" 2>&1); then
			case $said in
				*"find remote ref"*) theirs=refs/tags/$branch ours=refs/tags/$branch; fetch --depth "$depth" -- origin "+$theirs:$ours" || exit ;;
				*) printf '%s\n' "$said" >&2; exit 1 ;;
			esac
		fi
	fi
	has || fetch --depth "$depth" -- origin "$revision" || exit
	[ -z "$on_branch" ] || reached || fetch --unshallow -- origin "+$theirs:$ours" || exit
fi
has || exit 94
[ -z "$on_branch" ] || reached || exit 98
attributes='* -filter'
[ -z "$archive" ] || attributes="$attributes -text -ident -working-tree-encoding"
mkdir -p "$into/.git/info" && printf '%s\n' "$attributes" >"$into/.git/info/attributes" || exit
for name do
	if [ -n "$(git -C "$into" ls-tree --name-only "$revision" -- "${name%/}")" ]; then
		printf '%s\n' "${name%/}" >&2
		exit 97
	fi
	printf '%s\n/%s\n' "$name" "${name%/}" >>"$into/.git/info/exclude" || exit
done
git -C "$into" -c advice.detachedHead=false checkout --quiet --detach "$revision" &&
git -C "$into" remote set-url origin "$url" || exit
[ "$(git -C "$into" rev-parse --verify HEAD)" = "$revision" ] || exit 99
if [ -n "$branch" ]; then
	git -C "$into" config runbook.branch "$branch" || exit
fi
if [ -n "$archive" ]; then
	git -C "$into" cat-file commit "$revision" | while IFS= read -r line; do
		kind=${line%% *} rest=${line#* }
		change=${rest%% *} name=${rest#* }
		case "$kind $change" in
			"folder "[=go]*) mkdir -p -- "$into/$name" || exit ;;
			"file "[go]-*) ;;
			*) continue ;;
		esac
		[ "$change" = = ] || chmod "$change" "$into/$name" || exit
	done || exit
fi
undo=
[ -z "$archive" ] || exit 0
if [ -f "$into/.gitmodules" ] || git -C "$into" grep -q filter= "$revision" -- .gitattributes '*/.gitattributes'; then
	echo extras
fi
