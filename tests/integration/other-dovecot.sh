#!/bin/sh
# Runs the Dovecot tests against the Dovecot of another Debian, as root:
#
#	tests/integration/other-dovecot.sh SUITE [ARGUMENT OF PYTEST...]
#
# SUITE is trixie (Dovecot 2.4.1), sid, ... Its root is made by debootstrap,
# once, and kept in $GATEPOST_ROOTS (default: ~/.cache/gatepost/roots); the
# modules are built in it. gatemap is that of the build here
# ($GATEPOST_BUILD). Exit status 77: the root could not be installed.
set -eu

packages='dovecot-core dovecot-imapd dovecot-pop3d dovecot-submissiond
	dovecot-managesieved dovecot-lmtpd dovecot-sqlite dovecot-dev
	gcc libc6-dev make autoconf automake libtool pkg-config liblmdb-dev
	libssl-dev libevent-dev libidn2-dev libjansson-dev libxxhash-dev'

suite=$1
shift
tree=$(cd "$(dirname "$0")/../.." && pwd)
roots=${GATEPOST_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/gatepost/roots}
root=$roots/$suite

# In the root, with nothing started by installing it. A mirror of unstable may
# have stood still for longer than its Release file is valid.
install_packages() {
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod 755 "$1/usr/sbin/policy-rc.d"
	chroot "$1" apt-get update -q \
		-o Acquire::Check-Valid-Until=false &&
	DEBIAN_FRONTEND=noninteractive chroot "$1" apt-get install -qy \
		--no-install-recommends $packages
}

# A root under its name is complete.
make_root() {
	new=$root.new.$$
	mkdir -p "$roots"
	trap 'rm -rf "$new"' EXIT INT TERM
	if ! { debootstrap --variant=minbase --include=ca-certificates \
			"$suite" "$new" &&
		install_packages "$new"; } >"$roots/$suite.log" 2>&1
	then
		echo "$suite: the root could not be installed;" \
			"see $roots/$suite.log" >&2
		exit 77
	fi
	mv "$new" "$root"
	trap - EXIT INT TERM
}

build() {
	rm -rf "$root/gatepost"
	mkdir -p "$root/gatepost/tree" "$root/gatepost/build"
	(cd "$tree" && tar cf - --exclude=./build --exclude=.git \
		--exclude='*.o' --exclude='*.lo' --exclude=.libs \
		--exclude=./config.status .) |
		tar xf - -C "$root/gatepost/tree"
	chroot "$root" sh -ec '
		cd /gatepost/tree
		autoreconf --install
		cd ../build
		../tree/configure
		make' >"$roots/$suite-build.log" 2>&1 || {
		tail -30 "$roots/$suite-build.log" >&2
		exit 1
	}
}

test -d "$root" || make_root
build
echo "$suite: Dovecot $(chroot "$root" dovecot --version)"
cd "$tree"
GATEPOST_DOVECOT_ROOT=$root GATEPOST_DOVECOT_BUILD=$root/gatepost/build \
	/usr/bin/python3 -B -m pytest -p no:cacheprovider "$@" \
	tests/integration/test_dovecot_*.py
