#!/bin/sh
# Usage: compare URL TO FROM BRANCH STORES MAX BLOCKS PATH
# Prints blocks, each a line "BYTES NAME" and so many bytes: relation, ahead, behind, added, removed, files, and old PATH and
# new PATH of the requirements file PATH and of the files that it includes, at most 20.
#
# STORES are repositories, one a line. Only their objects are read, never their configuration. A store is used while a commit
# is missing, because a shallow one hides history that another may have. If only TO is still missing, it is fetched from URL into
# a temporary folder, at most BLOCKS × 512 bytes; URL "" fetches nothing.
#
# shellcheck disable=SC2094,SC2154,SC3045 # $d comes from temp, in prelude.sh; the list of paths grows while it is read
url=$1 to=$2 from=$3 branch=$4 stores=$5 max=$6 path=$8
temp
ulimit -f "$7" 2>/dev/null # where it fails, a lower limit is set already
export GIT_NO_REPLACE_OBJECTS=1 GIT_NO_LAZY_FETCH=1
r() {
	git --git-dir="$d/r" -c gc.auto=0 -c maintenance.auto=false -c fetch.unpackLimit=1 -c core.packedGitLimit=1g -c log.showSignature=false \
		-c core.alternateRefsCommand=true -c i18n.logOutputEncoding=UTF-8 -c core.quotePath=false "$@"
}
has() { r cat-file -e "$1^{commit}" 2>/dev/null; }
if [ ${#to} -gt 40 ]; then
	git init --quiet --bare --template= --object-format=sha256 -- "$d/r" || exit
else
	git init --quiet --bare --template= -- "$d/r" || exit
fi
mkdir -p "$d/r/objects/info" || exit
printf '%s\n' "$stores" >"$d/stores"
while read -r store; do
	[ -n "$store" ] && [ -d "$store/objects" ] || continue
	has "$from" && has "$to" && break
	(cd -P -- "$store/objects" && pwd -P) >>"$d/r/objects/info/alternates"
	[ ! -f "$store/shallow" ] || head -c 1048576 "$store/shallow" >>"$d/r/shallow"
done <"$d/stores"
if has "$from" && ! has "$to" && [ -n "$url" ]; then
	r update-ref refs/from "$from" || exit # the server sends only what this lacks; without it, that would be everything
	said=$(r fetch --quiet --no-tags -- "$url" "$to" 2>&1) || case $branch in
		refs/*) r fetch --quiet --no-tags -- "$url" "$branch" || exit ;;
		?*) r fetch --quiet --no-tags -- "$url" "refs/heads/$branch" || exit ;;
		*) printf '%s\n' "$said" >&2; exit 1 ;;
	esac
fi
! has "$from" || has "$to" || exit 94

emit() {
	printf '%s %s\n' "$(($(wc -c <"$d/out")))" "$1"
	cat "$d/out"
}
commits() { # what FROM..TO
	r rev-list --count "$2" -- >"$d/out" && emit "$1" || exit
	if [ "$1" = ahead ]; then set -- added "$2"; else set -- removed "$2"; fi
	r log --max-count="$max" --date=short --format='%H%x00%ad%x00%an%x00%s' "$2" -- | head -c 262144 >"$d/out"
	emit "$1"
}
text() { # WHICH COMMIT PATH
	r cat-file blob "$2:$3" 2>/dev/null | head -c 262144 >"$d/out"
	emit "$1 $3"
}
includes() { # COMMIT PATH: the files that a requirements file includes, relative to its folder
	case $2 in */*) folder=${2%/*}/ ;; *) folder= ;; esac
	r cat-file blob "$1:$2" 2>/dev/null | head -c 262144 |
		sed -nE 's/^[ 	]*(-r|-c|--requirement|--constraint)[ 	=]*([^ 	#]+).*/\2/p' |
		while read -r name; do
			case $name in /* | *..* | *://*) ;; *) printf '%s%s\n' "$folder" "${name#./}" ;; esac
		done
}

relation=unknown
if ! has "$from"; then from=
elif [ "$from" = "$to" ]; then relation=same
elif r merge-base --is-ancestor "$from" "$to" 2>/dev/null; then relation=ahead
elif r merge-base --is-ancestor "$to" "$from" 2>/dev/null; then relation=behind
elif r merge-base "$from" "$to" >/dev/null 2>&1; then relation=diverged
elif [ ! -s "$d/r/shallow" ]; then relation=unrelated
fi
printf '%s' "$relation" >"$d/out"
emit relation
[ -n "$from" ] || exit 0
if [ "$relation" != unknown ]; then
	commits ahead "$from..$to"
	commits behind "$to..$from"
fi
r diff-tree -r -z --no-renames --no-ext-diff --name-status "$from" "$to" -- | head -c 1048576 >"$d/out"
emit files
[ -n "$path" ] || exit 0
printf '%s\n' "$path" >"$d/paths" # and the included ones, which are added while it is read
while read -r path; do
	text old "$from" "$path"
	text new "$to" "$path"
	for commit in "$from" "$to"; do
		includes "$commit" "$path"
	done | sort -u | while read -r name; do
		grep -qxF -e "$name" "$d/paths" || [ "$(($(wc -l <"$d/paths")))" -ge 20 ] || printf '%s\n' "$name" >>"$d/paths"
	done
done <"$d/paths"
exit 0
