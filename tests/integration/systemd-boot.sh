#!/bin/sh
# This machine's own system manager, systemd, as process 1 of a machine of its
# own, for tests of the units:
#
#	systemd-boot.sh FOLDER COMMAND...
#
# The new machine's files are a copy of this one's: what it writes is lost when
# it ends, but for what it writes into FOLDER. It has its own processes, network
# and control group, and nothing of this machine's runs in there; COMMAND's
# output and exit status are those of the script. Needs root. Exit status 69 with
# a reason where the kernel does not let it.

set -eu
here=$(readlink -f "$0")
top=$(dirname "$here")/../..
top=$(readlink -f "$top")

fail() {
	printf 'systemd-boot.sh: %s\n' "$*" >&2
	exit 69
}

# In a mount namespace, so that nothing of it is left.
outside() {
	mount --make-rprivate /
	cgroups=$(mktemp -d)
	mount -t cgroup2 none "$cgroups" || fail "no cgroup2"
	group=$cgroups/gatepost-test.$$
	mkdir "$group" || fail "no control group can be made"
	status=0
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" \
		unshare --fork --mount --pid --uts --ipc --net --cgroup \
		--kill-child "$here" --inside "$@" || status=$?
	# What is being killed leaves its group a moment later.
	for try in 1 2 3 4 5 6 7 8 9 10; do
		find "$group" -depth -type d -exec rmdir {} + 2>/dev/null &&
			break
		sleep 0.2
	done
	umount "$cgroups"
	rmdir "$cgroups"
	exit "$status"
}

# The devices that a program may expect, and none of this machine's own.
devices() {
	mount -t tmpfs -o mode=755 none "$1/dev"
	for device in null zero full random urandom tty; do
		: >"$1/dev/$device"
		mount --bind "/dev/$device" "$1/dev/$device"
	done
	mkdir "$1/dev/shm" "$1/dev/pts"
	mount -t tmpfs none "$1/dev/shm"
	mount -t devpts -o newinstance none "$1/dev/pts"
	ln -s /proc/self/fd "$1/dev/fd"
	ln -s pts/ptmx "$1/dev/ptmx"
	: >"$1/dev/console"
	mount --bind "$2/console" "$1/dev/console"
}

# The command is all that is started, and what that starts.
units() {
	rm -rf "$1"/etc/systemd/system/*
	# It would empty /tmp, where the tree may be.
	ln -s /dev/null "$1/etc/systemd/system/systemd-tmpfiles-setup.service"
	cat >"$1/etc/systemd/system/gatepost-test.service" <<EOF
[Unit]
DefaultDependencies=no
After=systemd-journald.service
Requires=systemd-journald.service
SuccessAction=exit-force
FailureAction=exit-force

[Service]
Type=oneshot
TimeoutStartSec=240
StandardOutput=file:$2/output
StandardError=file:$2/output
ExecStart=/bin/sh $2/command
EOF
}

# copy FOLDER FILES ROOT: what is written at ROOT goes to FILES.
copy() {
	mkdir -p "$2/new" "$2/work"
	mount -t overlay -o "lowerdir=$1,upperdir=$2/new,workdir=$2/work" \
		none "$3" || fail "no overlay of $1 can be mounted"
}

inside() {
	folder=$1
	scratch=$folder/machine
	shift
	mkdir "$scratch"
	mount -t tmpfs none "$scratch"
	root=$scratch/root
	mkdir "$root"
	copy / "$scratch/files" "$root"
	# In another Debian's root these are mounts of their own.
	for mounted in /tmp "$top"; do
		! mountpoint -q "$mounted" || copy "$mounted" \
			"$scratch/files$mounted" "$root$mounted"
	done
	: >"$folder/console"
	: >"$folder/output"
	devices "$root" "$folder"
	mount -t proc proc "$root/proc"
	mount -t sysfs -o ro sysfs "$root/sys"
	mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
	mount -t tmpfs -o mode=755 none "$root/run"
	mkdir -p "$root$folder"
	mount --bind "$folder" "$root$folder"
	echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
	printf '%s\n' "exec $*" >"$folder/command"
	units "$root" "$folder"
	ip link set lo up
	container=gatepost
	export container
	mkdir "$root/.machine"
	cd "$root"
	pivot_root . .machine
	umount -l /.machine
	rmdir /.machine
	exec chroot . /lib/systemd/systemd --system \
		--unit=gatepost-test.service --log-target=journal
}

if [ "$1" = --inside ]; then
	shift
	inside "$@"
fi
[ -x /lib/systemd/systemd ] || fail "systemd is not there"
if [ "$1" = --outside ]; then
	shift
	outside "$@"
fi
[ "$(id -u)" = 0 ] || fail "this needs root"
folder=$(readlink -f "$1")
status=0
unshare --mount "$here" --outside "$@" || status=$?
[ ! -f "$folder/output" ] || cat "$folder/output"
exit "$status"
