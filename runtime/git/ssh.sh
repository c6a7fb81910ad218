#!/bin/sh
# The value of GIT_SSH_COMMAND, which git, git-lfs, pip and uv append ssh's arguments to.
#
# shellcheck disable=SC2119,SC2120 # the arguments come after the end
#
# RUNBOOK_SSH_CONFIG has the whole configuration of ssh, without which a host's own would count, and
# RUNBOOK_SSH_KNOWN the host keys. ssh reads both from files, which are removed when it ends. @ is their folder.
runbook_ssh() {
	f=
	trap '[ -z "$f" ] || rm -rf -- "$f"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	f=$(mktemp -d) && printf '%s\n' "$RUNBOOK_SSH_KNOWN" >"$f/known_hosts" &&
		printf '%s\n' "$RUNBOOK_SSH_CONFIG" "${RUNBOOK_SSH_PROXY:+ProxyCommand $RUNBOOK_SSH_PROXY}" | sed "s|@/|$f/|g" >"$f/config" || { echo 'cannot create a temporary file' >&2; exit 255; }
	ssh -F "$f/config" "$@"
}
runbook_ssh
