#!/bin/sh
# Installs runbook @VERSION@: sh install.sh [--url URL] [FOLDER]
#
# It downloads the program for this system, and SHA256SUMS, from URL: the folder of the release. If the sum differs,
# nothing is installed. FOLDER is /usr/local/bin, or ~/.local/bin for a user who may not write to that.
#
# The sum finds a download that is broken or mixed up. It does not help if somebody else controls URL: then compare
# SHA256SUMS with a copy from elsewhere.
set -eu

version=@VERSION@
url=@URL@
by_hand="take one of the other files there, or build runbook with Go"

# fail MESSAGE HINT [STATUS]
fail() {
	printf 'install.sh: %s\nnext: %s\n' "$1" "$2" >&2
	exit "${3:-1}"
}

# platform prints OS_ARCH, as in the names of the archives.
platform() {
	system=$(uname -s) machine=$(uname -m)
	case $system in
	Linux) os=linux ;;
	Darwin) os=darwin ;;
	*) fail "$url has nothing for $system that this script can install" "$by_hand" ;;
	esac
	case $machine in
	x86_64 | amd64) arch=amd64 ;;
	aarch64 | arm64) arch=arm64 ;;
	*) fail "$url has no program for $system on $machine" "$by_hand" ;;
	esac
	echo "${os}_$arch"
}

# download NAME writes a file of the release into the temporary folder. A redirect may only lead to https.
download() {
	if command -v curl >/dev/null; then
		curl -fsSL --proto-redir =https --retry 2 -o "$work/$1" "$url/$1"
	elif command -v wget >/dev/null; then
		wget -q -O "$work/$1" "$url/$1"
	else
		fail "neither curl nor wget is installed" "install one of them"
	fi || fail "$url/$1 cannot be downloaded" "is the URL right? --url names another one"
}

# sum prints the SHA-256 of its input.
sum() {
	if command -v sha256sum >/dev/null; then
		sha256sum
	else
		shasum -a 256
	fi | cut -d ' ' -f 1
}

# remove deletes what a run leaves on the way, also one that failed.
remove() {
	[ -z "${work:-}" ] || rm -rf "$work"
	[ -z "${new:-}" ] || rm -f "$new"
}

main() {
	while [ $# -gt 0 ]; do
		case $1 in
		--url) [ $# -gt 1 ] || fail "--url wants a URL" "sh install.sh --url URL" 2; url=$2; shift 2 ;;
		-*) fail "unknown option $1" "sh install.sh [--url URL] [FOLDER]" 2 ;;
		*) folder=$1; shift ;;
		esac
	done
	url=${url%/}
	if [ -z "${folder:-}" ]; then
		folder=/usr/local/bin
		[ -w "$folder" ] || folder=${HOME:?}/.local/bin
	fi
	archive=runbook_${version}_$(platform).tar.gz
	command -v sha256sum >/dev/null || command -v shasum >/dev/null ||
		fail "neither sha256sum nor shasum is installed" "install one of them: without a sum nothing is installed"

	trap remove EXIT
	trap 'exit 130' HUP INT TERM
	work=$(mktemp -d)
	download SHA256SUMS
	download "$archive"
	want=$(awk -v name="$archive" '$2 == name { print $1 }' "$work/SHA256SUMS")
	[ -n "$want" ] || fail "$url/SHA256SUMS does not list $archive" "is the URL that of version $version?"
	got=$(sum < "$work/$archive")
	[ "$got" = "$want" ] || fail "$archive has the SHA-256 $got instead of $want: nothing was installed" \
		"try again; if it stays so, tell the maintainers, and do not use the file"

	tar -xzf "$work/$archive" -C "$work" ./runbook || fail "$archive has no runbook in it" "$by_hand"

	# The file gets its name when it is complete, so that a runbook that is there stays whole.
	new=$folder/.runbook.$$
	mkdir -p "$folder" && cp "$work/runbook" "$new" && chmod 755 "$new" ||
		fail "$folder/runbook cannot be written" "name a folder that is yours: sh install.sh FOLDER"
	"$new" --version >/dev/null || fail "the program does not start on this system" "$by_hand"
	mv -f "$new" "$folder/runbook"
	echo "runbook $version is $folder/runbook"
	case :$PATH: in
	*:"$folder":*) ;;
	*) echo "next: add $folder to PATH" ;;
	esac
}

# The whole script is read before it does anything: half a download runs nothing.
main "$@"
