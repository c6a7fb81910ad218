#!/bin/sh
# Usage: verify URL REVISION BRANCH KIND SIGNERS BLOCKS. Prints what ssh-keygen said about the good signature.
#
# Only ssh signatures count: gpg would trust any key its user has. gpg.minTrustLevel rejects a good signature by a key that
# is not among the allowed ones. Of the tags that point at the commit, the name inside the tag must match its ref, so that
# no tag can pass for another.
#
# This runs on the admin's machine, so the server's answer is limited: one file of at most BLOCKS × 512 bytes, and 4 GiB
# of memory for git.
#
# shellcheck disable=SC2154,SC3045 # $d comes from temp, in prelude.sh
url=$1 revision=$2 branch=$3 kind=$4 signers=$5
case $signers in /*) ;; *) signers=$PWD/$signers ;; esac
[ -f "$signers" ] && [ -r "$signers" ] || exit 100
command -v ssh-keygen >/dev/null 2>&1 || exit 101
temp
ulimit -f "$6" 2>/dev/null # where it fails, a lower limit is set already
ulimit -v 4194304 2>/dev/null
r() {
	git --git-dir="$d/r" -c gc.auto=0 -c maintenance.auto=false -c fetch.unpackLimit=1 -c core.packedGitLimit=1g -c "gpg.ssh.allowedSignersFile=$signers" -c gpg.ssh.program=ssh-keygen \
		-c gpg.minTrustLevel=fully -c gpg.program=false -c gpg.openpgp.program=false -c gpg.x509.program=false "$@"
}
init "$revision" --bare -- "$d/r" || exit
if [ "$kind" = commit ]; then
	said=$(r fetch --quiet --no-tags --depth 1 -- "$url" "$revision" 2>&1) || case $branch in
		refs/*) r fetch --quiet --no-tags -- "$url" "$branch" || exit ;;
		?*) r fetch --quiet --no-tags -- "$url" "refs/heads/$branch" || exit ;;
		*) printf '%s\n' "$said" >&2; exit 1 ;;
	esac
	r cat-file -e "$revision^{commit}" 2>/dev/null || exit 94
	said=$(r verify-commit "$revision" 2>&1) || { printf '%s\n' "$said" >&2; exit 102; }
	printf '%s\n' "$said"
	exit
fi
refs=$(git ls-remote --tags -- "$url") || exit
set --
for ref in $(printf '%s\n' "$refs" | sed -n "s/^$revision	\(refs\/tags\/[A-Za-z0-9._\/+-]*\)^{}$/\1/p" | head -n 20); do
	set -- "$@" "+$ref:$ref"
done
[ $# -gt 0 ] || exit 103
r fetch --quiet --no-tags --depth 1 -- "$url" "$@" || exit
for ref do
	ref=${ref#*:}
	[ "$(r rev-parse --verify --quiet "$ref^{commit}")" = "$revision" ] || continue
	[ "$(r cat-file tag "$ref" | sed -n '/^$/q; s/^tag //p')" = "${ref#refs/tags/}" ] || continue
	said=$(r verify-tag "$ref" 2>&1) && { printf '%s: %s\n' "${ref#refs/tags/}" "$said"; exit; }
	printf '%s: %s\n' "${ref#refs/tags/}" "$said" >&2
done
exit 104
