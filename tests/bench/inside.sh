#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# inside.sh NAMESPACE USER WORK [ARG...]: the second half of run.sh, as root in mount and pid namespaces of its own.
# Gives it what the bench wants (cgroup2 alone at /sys/fs/cgroup, state on a tmpfs) and goes on as USER. NAMESPACE is
# the caller's mount namespace, as readlink shows it. Nothing of it is seen outside.
set -eu
outside=$1
user=$2
work=$3
shift 3

# Called by hand in the host's namespace, the lines below would take the host's cgroups away.
if [ "$(readlink /proc/self/ns/mnt)" = "$outside" ] || [ "$$" != 1 ]; then
	echo "inside.sh: not in namespaces of its own; call run.sh" >&2
	exit 1
fi
mount --make-rprivate /
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
	# Away with a hybrid tree first: an rbind of /sys would take its mounts along, a dozen of them.
	umount --lazy /sys/fs/cgroup
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
mount -t tmpfs -o "mode=0700,uid=$(id -u "$user"),gid=$(id -g "$user")" tmpfs "$work/state"

home=$(getent passwd "$user" | cut -d: -f6)
cd "$work/user"
exec setpriv --reuid "$(id -u "$user")" --regid "$(id -g "$user")" --init-groups \
	env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME="$home" USER="$user" LOGNAME="$user" \
	"$work/bin/bench" -bin "$work/bin" -work "$work/user" -state "$work/state" -out "$work/user/out" "$@"
