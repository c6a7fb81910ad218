#!/bin/sh
# Usage: lfs DIR URL REVISION STORAGE
#
# Replaces the pointers of a clone by their content from Git LFS. STORAGE keeps the objects for the next release; "" is the
# clone's own folder. Objects that came more than 30 days ago are removed from it, and fetched again where they are needed.
#
# git-lfs is the only filter that is meant to run, so the line that turns filters off is away while it writes files: with it,
# git would record the content as changed. It returns where other filters would be on without it. For git status and git
# checkout in the clone, its own configuration names git-lfs.
#
# .lfsconfig is a file of the repository: it may name another server of https, but neither a program nor a login by ssh, and
# no files to leave out.
#
# shellcheck disable=SC2086,SC2154 # words; $d comes from temp, in prelude.sh
cd -- "$1" || exit 95
url=$2 revision=$3 storage=$4
git lfs version >/dev/null 2>&1 || exit 116
temp
if [ -f .lfsconfig ] && git config --file .lfsconfig --get-regexp '(^|\.)(lfs)?url$' | sed 's/^[^ ]* *//' | grep -v '^https://' >&2; then
	exit 118
fi
# For a path git-lfs starts another git-lfs, which would take lfs.storage for that repository's.
case $url in
/* | file://*) set -- -c "lfs.url=file://${url#file://}" ;;
*) set -- -c lfs.ssh.automultiplex=false ${storage:+-c "lfs.storage=$storage"} ;;
esac
lfs() {
	what=$1
	shift
	git "$@" -c lfs.fetchinclude= -c lfs.fetchexclude= -c lfs.concurrenttransfers=3 lfs $what
}
lfs "fetch origin $revision" "$@" >"$d/said" 2>&1 || { cat "$d/said" >&2; exit 1; }
git config filter.lfs.clean 'git-lfs clean -- %f' && git config filter.lfs.smudge 'git-lfs smudge -- %f' &&
	git config filter.lfs.process 'git-lfs filter-process' && git config filter.lfs.required true || exit
mv .git/info/attributes "$d/attributes" || exit
lfs checkout "$@" >"$d/said" 2>&1 || { cat "$d/said" >&2; exit 1; }
left=$(git ls-files -z -- ':(attr:filter=lfs)' | xargs -0 grep -ls '^version https://git-lfs.github.com/spec/' /dev/null | head -n 3)
others=$(git ls-files -z | git check-attr -z --stdin filter | tr '\n\000' '?\n' | awk 'NR % 3 == 1 { path = $0 } NR % 3 == 0 && !/^(unspecified|unset|lfs)$/ { print path; exit }')
[ -z "$others" ] || cat "$d/attributes" >.git/info/attributes
[ -z "$left" ] || { printf '%s\n' "$left" >&2; cat "$d/said" >&2; exit 117; }
[ ! -d "$storage/objects" ] || find "$storage/objects" -type f -mtime +30 -exec rm -f {} +
