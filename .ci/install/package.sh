#!/bin/sh
# Runs as root in a fresh Debian: installs /runbook.deb, writes a project, runs the demo, and removes everything.
set -eu
apt-get update -q
apt-get install -y -q --no-install-recommends /runbook.deb
runbook version
for file in man/man1/runbook.1 man/man1/runbook-run.1 bash-completion/completions/runbook zsh/vendor-completions/_runbook \
	fish/vendor_completions.d/runbook.fish doc/runbook/copyright doc/runbook/CHANGELOG.md; do
	[ -s "/usr/share/$file" ] || { echo "the package has no /usr/share/$file" >&2; exit 1; }
done
cd /root
runbook init mysite
(cd mysite && runbook check recipes/*.lua)
runbook demo --install
rm -r mysite
apt-get purge -y -q runbook
left=$(find / -xdev -name '*runbook*' ! -path '/proc/*' ! -name runbook.deb)
[ -z "$left" ] || { echo "the package, or the demo, left $left" >&2; exit 1; }
