package git

// The scripts that the functions run, for /bin/sh. Each gets its values as arguments, and prints what Go needs to
// know. Statuses from 90 on are their own; see failures.

// prelude is before every script. $d is a folder for temporary files, made when one is needed and removed
// whatever happens; the three traps turn a signal into an exit, since a shell that a signal ends runs no exit trap.
const prelude = `
d= undo=
trap '[ -z "$d" ] || rm -rf -- "$d"; [ -z "$undo" ] || rm -rf -- "$undo"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
command -v git >/dev/null 2>&1 || exit 90
temp() { [ -n "$d" ] || d=$(mktemp -d) || exit 91; }
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR GIT_NAMESPACE GIT_SSH GIT_CONFIG_PARAMETERS GIT_CONFIG_COUNT
export LC_ALL=C GIT_TERMINAL_PROMPT=0 GIT_ASKPASS= SSH_ASKPASS= GIT_SSH_VARIANT=ssh GIT_ALLOW_PROTOCOL=file:https:ssh
# What a repository says is never run: no hooks, no fsmonitor; and of clones no filters, see cloneScript.
safely() { command git -c core.hooksPath=/dev/null -c core.fsmonitor=false "$@"; }
git() { safely "$@"; }
# git works on a repository that --git-dir names whoever owns it, and its configuration can name programs.
mine() { [ ! -e "$1" ] || [ -O "$1" ] || exit 96; }
`

// credentialSetup makes git log in with $RUNBOOK_GIT_USER and $RUNBOOK_GIT_PASSWORD at $RUNBOOK_GIT_HOST, over https alone. The script
// comes through the connection, and the variables live as long as it does: nothing is written to a file or stands on a command
// line. The host's own helpers are not asked and, what matters more, not told: one that stores would write the password down.
//
// A user without a password is a token, unless the host's own helpers know a password for it. Those that git is asked for by
// credential fill are told nothing.
const credentialSetup = `
helper='!f() {
	[ "$1" = get ] || exit 0
	https= here=
	while read -r line; do
		case $line in protocol=https) https=1 ;; "host=$RUNBOOK_GIT_HOST") here=1 ;; esac
	done
	[ "$https$here" = 11 ] || exit 0
	if [ -z "$RUNBOOK_GIT_PASSWORD" ]; then
		unset GIT_CONFIG_PARAMETERS
		if said=$(printf "protocol=https\nhost=%s\nusername=%s\n\n" "$RUNBOOK_GIT_HOST" "$RUNBOOK_GIT_USER" | git credential fill 2>/dev/null); then
			printf "%s\n" "$said"
			exit 0
		fi
	fi
	printf "username=%s\npassword=%s\n" "$RUNBOOK_GIT_USER" "$RUNBOOK_GIT_PASSWORD"
}; f'
git() { safely -c credential.helper= -c "credential.helper=$helper" "$@"; }
`

// listScript: URL PATTERN…. git keeps all that the server answers in memory before it prints a line, on the admin's machine, too. 1 GiB holds
// some five million names. A system without such a limit goes without it.
const listScript = `
ulimit -v 1048576 2>/dev/null
git ls-remote -- "$@"
`

// mirrorScript: URL PATH. Prints "made" when it made the mirror.
//
// fetch runs no gc in the background, where it would outlive the run; gc --auto in the foreground does nothing until
// some fifty fetches have left a pack each. git leaves what a failed or killed fetch has half received: on a full disk it would keep
// the disk full. Not every failed fetch means a broken mirror: only when the server does
// answer is the mirror to blame. What is moved away must look like a repository.
const mirrorScript = `
url=$1 m=$2
fetch() {
	git --git-dir="$1" -c gc.auto=0 -c maintenance.auto=false fetch --quiet --prune --no-tags -- "$url" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'
}
tidy() {
	find "$1/objects" -type f \( -name 'tmp_obj_*' -o -name 'tmp_pack_*' -o -name 'tmp_idx_*' -o -name 'tmp_rev_*' \) -exec rm -f {} + 2>/dev/null
}
anew() {
	rm -rf -- "$m.new" "$m.old"
	undo=$m.new
	git init --quiet --bare -- "$m.new" && fetch "$m.new" || exit
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
	anew
elif ! [ -d "$m" ]; then
	exit 92
elif [ "$(git --git-dir="$m" rev-parse --is-bare-repository 2>/dev/null)" = true ]; then
	tidy "$m"
	said=$(fetch "$m" 2>&1)
	status=$?
	if [ $status != 0 ]; then
		tidy "$m"
		if git ls-remote -- "$url" HEAD >/dev/null 2>&1; then
			anew
		else
			printf '%s\n' "$said" >&2
			exit $status
		fi
	fi
elif [ -d "$m/objects" ] && [ -d "$m/refs" ] || [ -z "$(ls -A "$m")" ]; then
	anew
else
	exit 92
fi
git --git-dir="$m" -c gc.autoDetach=false -c maintenance.autoDetach=false gc --auto --quiet || :
`

// cloneScript: URL REVISION INTO FROM BRANCH DEPTH ON_BRANCH RESERVED… Prints "submodules" and "filters" when there are any.
//
// With a depth the head of the branch is asked for, or else the commit itself. A server that speaks version 0 or 1 of the protocol
// (gitprotocol-pack(5)) gives only what is the head of a branch or a tag unless it is set up otherwise; over SSH version 2 wants AcceptEnv
// GIT_PROTOCOL there. Where the branch has moved on meanwhile, it takes its whole history to say whether the commit is in it.
//
// Filters are programs that the host's configuration names and the repository's .gitattributes choose. In .git/info/attributes
// they are off for all files.
//
// --local is not given although a path implies it: with it git fails where hard links can't be made, without it git
// copies. Only what this script made is undone: git removes a failed clone itself.
const cloneScript = `
url=$1 revision=$2 into=$3 from=$4 branch=$5 depth=$6 on_branch=$7
shift 7
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
	git -c gc.auto=0 -c maintenance.auto=false clone --quiet --no-checkout --template= -- "$from" "$into" || exit
	undo=$into
else
	undo=$into
	git init --quiet --template= -- "$into" && git -C "$into" remote add origin "$url" || exit
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
mkdir -p "$into/.git/info" && printf '* -filter\n' >"$into/.git/info/attributes" || exit
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
undo=
if [ -f "$into/.gitmodules" ]; then
	echo submodules
fi
if [ -f "$into/.gitattributes" ] && grep -q 'filter=' "$into/.gitattributes"; then
	echo filters
fi
`

// revisionScript: DIR.
const revisionScript = `
cd -P -- "$1" 2>/dev/null || exit 95
here=$(pwd -P)
GIT_CEILING_DIRECTORIES=$(dirname -- "$here") git rev-parse --verify 'HEAD^{commit}'
`

// verifyScript: URL REVISION BRANCH KIND SIGNERS BLOCKS. It prints what ssh-keygen said of the good signature.
//
// Only signatures by ssh count: gpg would believe whatever keys its user has. gpg.minTrustLevel refuses a signature that is good, but whose
// key is not among the allowed ones. Of tags those that point at the commit are looked at; a tag says its own name, so that none can go by that
// of another.
//
// It runs where the admin works, so what the server sends is limited: what is fetched is one file, of at most BLOCKS of 512 bytes, and git has
// 4 GiB of memory.
const verifyScript = `
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
git init --quiet --bare --template= -- "$d/r" || exit
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
`
