#!/bin/sh
# Usage: start DIR
#
# ssh-agent stays in the foreground (-D). As a daemon it would leave the process group of the host's shell and survive
# when the group is ended: after a timeout, an interrupt, or by the keeper when runbook died. The watcher covers the rest:
# one second after the shell is gone, for whatever reason, it ends the agent.
#
# The folder is removed last: while it exists the agent may still run. A TERM to the whole group ends the agent, but not
# the subshell that waits for it and then removes the folder.
command -v ssh-agent >/dev/null 2>&1 && command -v ssh-add >/dev/null 2>&1 || exit 90
mkdir -m 700 -- "$1" || exit 91
(
	trap : TERM
	ssh-agent -D -a "$1/agent" &
	agent=$!
	echo "$agent" > "$1/pid"
	( while kill -0 $$; do sleep 1; done; kill "$agent" ) &
	watcher=$!
	while kill -0 "$agent" 2>/dev/null; do wait "$agent"; done
	kill "$watcher"
	rm -rf -- "$1"
) </dev/null >/dev/null 2>&1 &
# The socket exists before the agent listens on it. ssh-add -l exits with 2 while nobody answers.
answers() {
	SSH_AUTH_SOCK="$1/agent" ssh-add -l </dev/null >/dev/null 2>&1
	[ $? -ne 2 ]
}
tries=0
until [ -S "$1/agent" ] && [ -s "$1/pid" ] && answers "$1"; do
	tries=$((tries + 1))
	[ $tries -lt 500 ] && [ -d "$1" ] || exit 92
	sleep 0.01 2>/dev/null || sleep 1
done
