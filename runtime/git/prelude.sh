#!/bin/sh
# Comes before every script of this package.
#
# $d is a folder for temporary files: temp makes it, the EXIT trap removes it. $undo is a path to remove when the script
# fails. A shell that a signal ends runs no EXIT trap, so the signal traps exit.
d='' undo=''
trap '[ -z "$d" ] || rm -rf -- "$d"; [ -z "$undo" ] || rm -rf -- "$undo"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
command -v git >/dev/null 2>&1 || exit 90
temp() { [ -n "$d" ] || d=$(mktemp -d) || exit 91; }
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR GIT_NAMESPACE GIT_SSH GIT_CONFIG_PARAMETERS GIT_CONFIG_COUNT
export LC_ALL=C GIT_TERMINAL_PROMPT=0 GIT_ASKPASS='' SSH_ASKPASS='' GIT_ALLOW_PROTOCOL=file:https:ssh
# Nothing that a repository names is run: no hooks and no fsmonitor here, no filters in clone.sh.
safely() { command git -c core.hooksPath=/dev/null -c core.fsmonitor=false "$@"; }
git() { safely "$@"; }
# init REVISION ARG… creates a repository that can hold the revision. Only git since 2.29 has SHA-256.
init() {
	format='' GIT_DEFAULT_HASH=sha1
	export GIT_DEFAULT_HASH
	[ ${#1} != 64 ] || format=--object-format=sha256
	shift
	git init --quiet --template= ${format:+"$format"} ${group:+--shared=group} "$@"
}
# git obeys the configuration of a repository in --git-dir, whoever owns it, and that can name programs. So a mirror of
# another user is refused, unless it belongs to the $group that shares it, and this is not root. safe_directory is that mirror.
safe_directory=''
mine() {
	[ -e "$1" ] && ! [ -O "$1" ] || return 0
	[ -n "${group-}" ] && [ "$(id -u)" != 0 ] && [ "$(stat -L -c %G -- "$1")" = "$group" ] || exit 96
	export safe_directory="$1"
}
