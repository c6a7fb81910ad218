#!/bin/bash
# Boots the servers of the story, and has Ada live through it: story.sh WORK CGROUP VERSION DEB OLDER_VERSION
# It runs in a network namespace that has nothing but these machines.
set -euo pipefail
work=$1 cgroup=$2 version=$3 deb=$4 older=$5
here=$(dirname "$0")

# ada SCRIPT ARGUMENT… runs a script as Ada on her machine.
ada() { chroot "$work/admin" env -i PATH=/usr/bin:/bin su - ada -c "bash -s -- ${*:2}" < "$here/$1"; }

# boot NAME ADDRESS starts a machine, and waits for its sshd.
boot() {
	local root=$work/$1 net=$work/net/$1
	echo "$1" > "$root/etc/hostname"
	printf '%s\n' "127.0.1.1 $1" '192.0.2.5 git.example.com' >> "$root/etc/hosts"
	tr -d - < /proc/sys/kernel/random/uuid > "$root/etc/machine-id"
	rm "$root"/etc/ssh/ssh_host_*
	chroot "$root" ssh-keygen -A > "$work/log"
	touch "$net"
	unshare "--net=$net" ip link set lo up
	ip link add "$1" type veth peer name eth0 netns "$net"
	ip link set "$1" master lan up
	nsenter "--net=$net" ip address add "$2/24" dev eth0
	nsenter "--net=$net" ip link set eth0 up
	mkdir "$cgroup/$1"
	(
		echo 0 > "$cgroup/$1/cgroup.procs"
		exec nsenter "--net=$net" unshare --mount --pid --uts --ipc --cgroup --fork --kill-child "$here/machine.sh" "$root" "$1"
	) &
	for _ in $(seq 300); do
		if (read -r _ < "/dev/tcp/$2/22") 2>/dev/null; then return; fi
		sleep 0.1
	done
	echo "$1 has no sshd" >&2
	return 1
}

# server NAME ADDRESS STAGE boots a server with the user deploy, who may use sudo, and the database of the stage.
server() {
	local root=$work/$1
	chroot "$root" useradd --create-home --shell /bin/bash deploy
	install -d -m 700 -o 1000 -g 1000 "$root/home/deploy/.ssh"
	install -m 600 -o 1000 -g 1000 "$work/admin/home/ada/.ssh/id_ed25519.pub" "$root/home/deploy/.ssh/authorized_keys"
	echo 'deploy ALL=(ALL) NOPASSWD: ALL' > "$root/etc/sudoers.d/deploy"
	install -d -o 1000 -g 1000 "$work/database/$3" "$root/srv/database"
	mount --bind "$work/database/$3" "$root/srv/database"
	boot "$1" "$2"
}

ip link set lo up
ip link add lan type bridge
ip address add 192.0.2.1/24 dev lan
ip link set lan up
mkdir "$work/net" "$work/database"

# Ada has a key for logging in, and one by which the servers may read the repository.
chroot "$work/admin" useradd --create-home --shell /bin/bash ada
echo '192.0.2.5 git.example.com' >> "$work/admin/etc/hosts"
cp -r "$here/shop" "$work/admin/home/ada/code"
cp "$work/server/srv/wheels/requirements.txt" "$work/admin/home/ada/code"
chroot "$work/admin" chown -R ada: /home/ada/code
for key in id_ed25519 deploy; do
	chroot "$work/admin" su - ada -c "mkdir -p -m 700 .ssh && ssh-keygen -q -t ed25519 -N '' -f .ssh/$key"
done

# Her own key may write to the repository, the other one only read.
chroot "$work/git" useradd --create-home --shell /usr/bin/git-shell git
chroot "$work/git" su -s /bin/sh git -c 'mkdir -m 700 ~/.ssh && git init -q --bare ~/shop.git'
{
	cat "$work/admin/home/ada/.ssh/id_ed25519.pub"
	printf "restrict,command=\"git-upload-pack 'shop.git'\" "
	cat "$work/admin/home/ada/.ssh/deploy.pub"
} > "$work/git/home/git/.ssh/authorized_keys"
boot git 192.0.2.5
server web1 192.0.2.11 production
server web2 192.0.2.12 production
server staging 192.0.2.31 staging

ada first.sh "$older"
chroot "$work/admin" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin dpkg -i "$deb"
ada next.sh "$version"
