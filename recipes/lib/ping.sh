#!/bin/sh
# shellcheck disable=SC2046,SC2154 # unquoted, output of several lines becomes one line; the settings are variables
#
# Prints NAME VALUE lines about the host for `runbook hosts --ping`: python, git, disk, inodes, current and server. The next line
# declares the settings that it takes, with defaults. The options of a recipe, RUNBOOK_ variables and the vars of a host change them.
# settings: root=/srv/app server_root= python=python3
#
# df -P is POSIX; -i is known wherever inodes are counted.
echo python $("$python" --version 2>&1 || echo missing)
echo git $(git --version 2>/dev/null || echo missing)
d=$root
while [ ! -d "$d" ] && [ "$d" != / ] && [ -n "$d" ]; do d=$(dirname "$d"); done
echo disk $(df -Pk "$d" | tail -n 1)
echo inodes $(df -Pi "$d" 2>/dev/null | tail -n 1)
current=$(readlink "$root/current" || echo none)
printf 'current %s\n' "${current#"${root%/}/releases/"}" | tr '\n' ' '
echo
server=${server_root:-${root%/}/server}
server=${server%/}
[ -e "$server/httpd.conf" ] || exit 0
pid=$(head -n 1 "$server/httpd.pid" 2>/dev/null | tr -cd 0-9)
# After a reboot the number in httpd.pid may belong to another program, so its command line is compared where it can be read.
if [ -z "$pid" ]; then echo server not running
elif [ -r "/proc/$pid/cmdline" ]; then
	tr '\0' ' ' < "/proc/$pid/cmdline" | grep -qF -- "$server" && echo server running || echo server not running
elif kill -0 "$pid" 2>/dev/null; then echo server running
else echo server not running
fi
