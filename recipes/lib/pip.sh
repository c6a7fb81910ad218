#!/bin/sh
# Runs pip with a netrc file that only the user can read, and removes the file afterwards. It
# contains $RUNBOOK_NETRC and the user's own netrc file. With an old pip or Python, or an unusual
# netrc file, pip uses the URLs in the environment, which contain the logins; otherwise those in
# RUNBOOK_PIP_INDEX_URL and so on replace them. Arguments: Python, and its arguments.
d=
trap '[ -z "$d" ] || rm -rf -- "$d"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
d=$(mktemp -d) || exit
(umask 077 && { cat -- "${NETRC:-$HOME/.netrc}" 2>/dev/null; printf '\n%s' "$RUNBOOK_NETRC"; } > "$d/netrc") || exit
if "$1" -c 'import inspect, netrc, sys
from pip._vendor.requests import utils
netrc.netrc(sys.argv[1])
sys.exit("NETRC" not in inspect.getsource(utils.get_netrc_auth))' "$d/netrc" 2>/dev/null; then
  export NETRC="$d/netrc"
  for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS; do
    plain=
    eval "plain=\${RUNBOOK_$name-}"
    [ -z "$plain" ] || export "$name=$plain"
  done
fi
unset RUNBOOK_NETRC RUNBOOK_PIP_INDEX_URL RUNBOOK_PIP_EXTRA_INDEX_URL RUNBOOK_PIP_FIND_LINKS
"$@"
