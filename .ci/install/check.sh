#!/bin/bash
# The work of .ci/install-check, in namespaces: check.sh WORK CGROUP VERSION DIR OLDER_VERSION OLDER_DIR
set -euo pipefail
work=$1 cgroup=$2 version=$3 dir=$4 older=$5 older_dir=$6
here=$(dirname "$0")

say() { printf '\n-- %s\n' "$*"; }

# layer NAME FOLDER mounts $work/NAME: what FOLDER has, and what is written here goes into $work/layers/NAME.
layer() {
	mkdir -p "$work/layers/$1" "$work/layers/.work/$1" "$work/$1"
	mount -t overlay overlay -o "lowerdir=$2,upperdir=$work/layers/$1,workdir=$work/layers/.work/$1" "$work/$1"
	mount -t proc proc "$work/$1/proc"
}

# inside NAME COMMAND… runs a command in a layer.
inside() {
	chroot "$work/$1" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		DEBIAN_FRONTEND=noninteractive "${@:2}"
}

# quietly COMMAND… shows the output of a command only if it fails.
quietly() { "$@" > "$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; return 1; }; }

mount -t tmpfs -o size=4g,mode=755 tmpfs "$work"
deb=runbook_${version}_$(dpkg --print-architecture).deb older_deb=runbook_${older}_$(dpkg --print-architecture).deb

say "the sums, the script and the formula"
(cd "$dir" && sha256sum --quiet -c SHA256SUMS)
sh "$dir/install.sh" --url "file://$dir" "$work/bin"
"$work/bin/runbook" version | grep -x "runbook $version"
ruby -c "$dir/runbook.rb"

say "a fresh Debian"
quietly debootstrap --variant=minbase bookworm "$work/debian" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"

say "the package, and the demo from it"
layer fresh "$work/debian"
cp "$dir/$deb" "$work/fresh/runbook.deb"
cp "$here/package.sh" "$work/fresh/package.sh"
inside fresh sh /package.sh

say "the machines of the story"
# Ada installs the older package on her machine. Of what she has there, only curl is not the package's.
layer admin "$work/debian"
cp "$older_dir/$older_deb" "$dir/$deb" "$work/admin/root"
quietly inside admin sh -c "apt-get update && apt-get install -y --no-install-recommends curl && apt-get install -y '/root/$older_deb'"
# The servers have what a Django application needs. pip finds the packages of Debian as wheels, as if they were on PyPI.
layer server "$work/debian"
cp "$here/wheels.py" "$work/server/root"
quietly inside server sh -c 'apt-get update && apt-get install -y --no-install-recommends systemd systemd-sysv dbus openssh-server sudo git \
	python3-venv redis-server python3-django python3-celery python3-redis gunicorn && python3 /root/wheels.py /srv/wheels && apt-get clean'
for name in web1 web2 staging git; do layer "$name" "$work/layers/server:$work/debian"; done

unshare --net "$here/story.sh" "$work" "$cgroup" "$version" "/root/$deb" "$older"
say "runbook $version works on a fresh Debian, and after runbook $older"
