#!/bin/sh
# A whole Debian of another release below a folder, for tests on its servers:
#
#	debian-root.sh make SUITE PACKAGE...	prints the folder
#	debian-root.sh run FOLDER COMMAND...	runs a command in there
#
# Roots are made by debootstrap(8) from the archive that this machine's apt-get
# uses, once, and kept in $XDG_CACHE_HOME/gatepost (~/.cache/gatepost). Their
# names tell the list of packages: whoever wants another list gets another
# root. One that is not complete is never taken for one that is; those nobody
# has used for two weeks are removed.
#
# All mounts are made in a mount namespace of the command's own, so that the
# machine never sees them, and nothing of it can be removed through them. /tmp
# and the tree are the machine's, at the same paths; so is the network. No
# service starts in there by itself (policy-rc.d).

set -eu
LC_ALL=C.UTF-8
export LC_ALL

top=$(cd "$(dirname "$0")/../.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/gatepost
complete=.gatepost-complete
days_kept=14

fail() {
	printf 'debian-root.sh: %s\n' "$*" >&2
	exit 69
}

# Making

archive() {
	for filter in 'Origin: Debian' ''; do
		apt-get indextargets --format '$(REPO_URI)' \
			'Created-By: Packages' 'Component: main' \
			${filter:+"$filter"} ${filter:+"Label: Debian"} |
			head -n 1
	done | head -n 1
}

# Unstable changes every day; a root of last week is not its newest.
root_name() {
	wanted=$*
	[ "$1" != sid ] || wanted="$wanted $(date +%G-%V)"
	sum=$(printf %s "$wanted" | sha256sum | cut -c 1-12)
	printf 'debian-%s-%s' "$1" "$sum"
}

# remove FOLDER...
remove() {
	rm -rf --one-file-system "$@"
}

is_whole() {
	folder=$1
	shift
	[ -e "$folder/$complete" ] &&
		chroot "$folder" dpkg-query -W "$@" >/dev/null 2>&1 &&
		chroot "$folder" cc --version >/dev/null 2>&1 &&
		chroot "$folder" dovecot --version >/dev/null 2>&1
}

# make_half SUITE FOLDER PACKAGE..., within a mount namespace.
make_half() {
	suite=$1
	folder=$2
	shift 2
	from=$(archive)
	[ -n "$from" ] || fail "apt-get names no archive; run: apt-get update"
	debootstrap --variant=minbase "$suite" "$folder" "$from"
	printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
	chmod 755 "$folder/usr/sbin/policy-rc.d"
	mount --rbind /proc "$folder/proc"
	mount --rbind /dev "$folder/dev"
	echo 'postfix postfix/main_mailer_type select No configuration' |
		chroot "$folder" debconf-set-selections
	DEBIAN_FRONTEND=noninteractive chroot "$folder" apt-get -qy \
		--no-install-recommends install "$@"
	chroot "$folder" apt-get clean
}

in_namespace() {
	unshare --mount --propagation private "$0" "$@"
}

use_archives_proxy() {
	eval "$(apt-config shell proxy Acquire::http::Proxy)"
	[ -z "${proxy-}" ] || export http_proxy="$proxy"
}

make_root() {
	name=$(root_name "$@")
	suite=$1
	shift
	root=$cache/$name
	mkdir -p "$cache"
	exec 9>"$cache/lock"
	flock 9
	if ! is_whole "$root" "$@"; then
		use_archives_proxy
		remove "$root" "$cache"/*.half
		in_namespace make_half "$suite" "$root.half" "$@" >&2 9>&- ||
			fail "no root of $suite could be made"
		mv "$root.half" "$root"
	fi
	touch "$root/$complete"
	find "$cache" -maxdepth 2 -name $complete -mtime +$days_kept |
		while read -r stale; do
			remove "${stale%/*}"
		done
	echo "$root"
}

# Running

# enter FOLDER DIRECTORY COMMAND..., within a mount namespace.
enter() {
	folder=$1
	directory=$2
	shift 2
	# Its "/" is a mount, so that namespaces can be made in there, too.
	mount --bind "$folder" "$folder"
	for shared in /proc /dev /tmp "$top"; do
		mkdir -p "$folder$shared"
		mount --rbind "$shared" "$folder$shared"
	done
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	export PATH
	exec chroot "$folder" sh -c 'cd "$1" && shift && exec "$@"' sh \
		"$directory" "$@"
}

run_in() {
	folder=$1
	shift
	[ -e "$folder/$complete" ] || fail "$folder: no root made by make"
	exec unshare --mount --propagation private "$0" enter "$folder" \
		"$PWD" "$@"
}

action=${1-}
[ $# -eq 0 ] || shift
case $#:$action in
0:* | 1:run)
	fail "usage: debian-root.sh make SUITE PACKAGE... |" \
		"run FOLDER COMMAND..."
	;;
*:make) make_root "$@" ;;
*:run) run_in "$@" ;;
*:make_half | *:enter) "$action" "$@" ;;
*) fail "$action: make or run" ;;
esac
