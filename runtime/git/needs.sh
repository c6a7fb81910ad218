#!/bin/sh
# Usage: needs URL REVISION BRANCH MIRROR REQUIREMENTS
#
# Prints what a commit needs besides its own objects, one a line: "url", the requirements file and an ssh URL in it;
# "submodule", the path and the URL; "lfs" and the path of a file whose content is in Git LFS.
#
# MIRROR is read if it has the commit. Otherwise the commit is fetched into a temporary repository, without files that
# nobody reads; a server that cannot leave them out sends them all. The repository has an index but no files, so git
# reads .gitattributes from the index.
#
# shellcheck disable=SC2094,SC2154,SC3045 # the list of waiting files grows while it is read; $d comes from temp, in prelude.sh
url=$1 revision=$2 branch=$3 mirror=$4 requirements=$5
temp
mkdir "$d/files" || exit 91
git() { safely -c core.quotePath=false "$@"; }
fetch() { git -c gc.auto=0 -c maintenance.auto=false -c core.packedGitLimit=1g fetch --quiet --no-tags "$@" 2>"$d/said"; }
export GIT_WORK_TREE="$d/files" GIT_INDEX_FILE="$d/index"
if [ -n "$mirror" ] && [ -d "$mirror" ] && mine "$mirror" && git --git-dir="$mirror" cat-file -e "$revision^{commit}" 2>/dev/null; then
	export GIT_DIR="$mirror"
else
	(unset GIT_WORK_TREE && init "$revision" --bare -- "$d/r") || exit
	export GIT_DIR="$d/r"
	ulimit -f "$((4 << 21))" 2>/dev/null # 4 GiB, for this may be the admin's machine
	git config core.bare false && git remote add origin "$url" || exit
	case $branch in refs/* | HEAD) ;; *) branch=refs/heads/$branch ;; esac
	fetch --depth 1 --filter=blob:none -- origin "$revision" || fetch --depth 1 -- origin "$revision" ||
		fetch -- origin "$branch" || { cat "$d/said" >&2; exit 1; }
	git cat-file -e "$revision^{commit}" 2>/dev/null || exit 94
	git read-tree "$revision" || exit
	if git rev-list --objects --no-walk --missing=print "$revision" 2>/dev/null | grep -q '^?'; then
		wanted=$({
			git ls-files -s -- .gitmodules .gitattributes '*/.gitattributes' "$requirements" | head -n 400
			git ls-files -s -- '*requirements*' '*constraints*' | head -n 100
		} | sed -n 's/^100[0-7]* \([0-9a-f]*\) .*/\1/p')
		# shellcheck disable=SC2086 # a list of hashes
		[ -z "$wanted" ] || fetch --filter=blob:none -- origin $wanted || fetch --refetch --depth 1 -- origin "$revision" ||
			{ cat "$d/said" >&2; exit 1; }
	fi
fi
git read-tree "$revision" || exit
export GIT_NO_LAZY_FETCH=1
# Before git 2.44 the test whether a file is there fetches it.
show() {
	if ! git cat-file -e "$revision:$1" 2>/dev/null && missing=$(git rev-parse --quiet --verify "$revision:$1"); then
		GIT_NO_LAZY_FETCH=0 fetch --filter=blob:none -- origin "$missing"
	fi
	git cat-file blob "$revision:$1" 2>/dev/null | head -c 4194304 | tr -d '\000\r'
}

# The requirements file, and those that it includes.
printf '%s\n' "$requirements" >"$d/waiting"
: >"$d/seen"
while read -r file <&3; do
	file=$(printf '%s\n' "$file" | sed -e :a -e 's#///*#/#g' -e 's#^\./##' -e 's#/\./#/#' -e 's#[^/][^/]*/\.\./##' -e ta)
	[ -n "$file" ] && ! grep -qxF -- "$file" "$d/seen" && [ "$(wc -l <"$d/seen")" -lt 100 ] || continue
	printf '%s\n' "$file" >>"$d/seen"
	show "$file" | sed -e 's/^[[:space:]]*#.*//' -e 's/[[:space:]]#.*//' >"$d/text"
	# shellcheck disable=SC2020 # characters
	tr '[:blank:]"'"'"'`<>(){}|,;#' '[\n*]' <"$d/text" | sed -n 's/^.*\(ssh:\/\/.*\)$/\1/p' | sort -u | head -n 200 |
		while read -r found; do printf 'url\t%s\t%s\n' "$file" "$found"; done
	folder=
	case $file in */*) folder=${file%/*}/ ;; esac
	sed -n -e 's/^[[:space:]]*--requirement[ =]*//p' -e 's/^[[:space:]]*--constraint[ =]*//p' -e 's/^[[:space:]]*-[rc][ =]*//p' "$d/text" |
		sed -e 's/[[:space:]].*//' -e '/:\/\//d' >"$d/included"
	while read -r other; do printf '%s\n' "$folder$other"; done <"$d/included" >>"$d/waiting"
done 3<"$d/waiting"

git ls-files -s | sed -n 's/^160000 [0-9a-f]* 0	//p' | head -n 500 >"$d/links"
if [ -s "$d/links" ]; then
	show .gitmodules >"$d/modules"
	git config --file "$d/modules" --get-regexp '^submodule\..*\.path$' | while read -r key path; do
		grep -qxF -- "$path" "$d/links" || continue
		printf 'submodule\t%s\t%s\n' "$path" "$(git config --file "$d/modules" --get "${key%.path}.url")"
	done
fi
git ls-files -- ':(attr:filter=lfs)' | head -n 1000 | while read -r path; do printf 'lfs\t%s\n' "$path"; done
