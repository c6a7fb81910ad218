# Runs the text in runbook_line with pipefail. bash runs it where /bin/sh has no pipefail, as dash before 0.5.13. The text
# travels in a variable, because the host's process list shows arguments.
# shellcheck shell=sh disable=SC3040,SC2154
if (set -o pipefail) 2>/dev/null; then
	set -o pipefail
	eval "$runbook_line"
elif command -v bash >/dev/null; then
	export runbook_line
	# shellcheck disable=SC2016 # for bash
	exec bash -o pipefail -c 'line=$runbook_line; unset runbook_line; eval "$line"'
else
	echo "runbook: /bin/sh has no pipefail, and there is no bash that has it: install bash, or leave out pipefail" >&2
	exit 126
fi
