# Keeps notes of what must follow a change, for one key: notes.sh list KEY | add KEY ID TEXT | clear KEY ID…
# A note is a file of its own, so a run never removes what another run has noted meanwhile.
# shellcheck shell=sh
set -eu
umask 077
task=$1
state=${XDG_STATE_HOME:-}
case $state in /*) ;; *) state=${HOME:?has no value}/.local/state ;; esac # a relative one is to be ignored
dir=$state/runbook/on_change/$2
shift 2
case $task in
list)
	for note in "$dir"/*; do
		if [ -f "$note" ]; then
			printf '%s %s\n' "${note##*/}" "$(head -c 200 "$note" | head -n 1)"
		fi
	done
	;;
add)
	mkdir -p "$dir"
	printf '%s\n' "$2" >"$dir/$1"
	sync "$dir/$1" 2>/dev/null || sync # older programs know no file
	;;
clear)
	for note in "$@"; do rm -f -- "$dir/$note"; done
	rmdir "$dir" 2>/dev/null || true # it may have others
	;;
esac
