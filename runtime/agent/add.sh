#!/bin/sh
# Usage: add DIR KEY LIFETIME KNOWN OPTION…. Prints "unbound" when this ssh-add cannot bind keys to servers.
#
# KNOWN are lines for DIR/known_hosts. The options are those of ssh-add that bind the key to servers. When ssh-add fails,
# ssh-keygen finds out whether the key is encrypted.
dir=$1 key=$2 lifetime=$3
# shellcheck disable=SC2088 # KEY is text
case $key in '~/'*) key=$HOME/${key#'~/'} ;; esac
[ -e "$key" ] || exit 93
[ -r "$key" ] || exit 94
export SSH_AUTH_SOCK="$dir/agent" SSH_ASKPASS_REQUIRE=never
unset DISPLAY SSH_ASKPASS
printf '%s\n' "$4" > "$dir/known_hosts" || exit 91
shift 4
if [ $# != 0 ]; then
	case $(ssh-add -h 2>&1 </dev/null) in
	*'requires an argument'*) ;;
	*) set --; echo unbound ;;
	esac
fi
said=$(ssh-add -q -t "$lifetime" "$@" -- "$key" 2>&1 </dev/null) && exit
status=$?
printf '%s\n' "$said" >&2
case $said in *'No host keys found'*) exit 97 ;; esac
if ssh-keygen -y -P '' -f "$key" >/dev/null 2>&1; then
	exit $status
fi
if ssh-keygen -y -P '' -f "$key" 2>&1 | grep -qi passphrase; then
	exit 95
fi
exit $status
