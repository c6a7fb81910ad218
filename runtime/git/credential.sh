#!/bin/sh
# Makes git log in to $RUNBOOK_GIT_HOST with $RUNBOOK_GIT_USER and $RUNBOOK_GIT_PASSWORD, over https only.
#
# The script comes through the connection and the variables live as long as it does, so the password is neither in a file
# nor on a command line. The host's own helpers get no answer to store: one of them would write the password down.
#
# A user without a password is a token, unless the host's own helpers know a password for that user. "git credential
# fill" asks them and stores nothing.
# shellcheck disable=SC2016 # git expands it
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
