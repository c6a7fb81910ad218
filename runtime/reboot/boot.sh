# Prints what differs from one boot to the next: Linux has an id, other systems the time of the boot.
# shellcheck shell=sh
cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.boottime 2>/dev/null || true
