# Asks the system to reboot. The PATH of a login often lacks the folders of programs for root.
# shellcheck shell=sh
PATH=$PATH:/usr/sbin:/sbin
if [ -d /run/systemd/system ] && command -v systemctl >/dev/null; then
	exec systemctl reboot
fi
exec reboot
