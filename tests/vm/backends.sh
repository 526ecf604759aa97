# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by vm: the three machines. run_X starts one; inside_X goes on in namespaces of its own, whose end is the end of
# every mount and, but for uml, of every process.
#
# shellcheck disable=SC2154 # tmp, limit, cpu, mem, self: of vm

# User-mode Linux hands every system call from one host process to another; on one CPU that takes a fifth of the time.
run_uml() {
	while [ -z "$cpu" ]; do
		cpu=$((RANDOM % $(getconf _NPROCESSORS_CONF)))
		taskset -c $cpu true 2>/dev/null || cpu=
	done
	{ timeout --foreground -k 5 "$limit" taskset -c "$cpu" unshare -m --propagation private "$self" _uml "${shares[@]}"; } \
		</dev/null >>"$tmp/console" 2>&1
}

run_qemu() {
	{ timeout --foreground -k 5 "$limit" unshare -mp --propagation private --fork --kill-child "$self" _qemu "${shares[@]}"; } \
		</dev/null >>"$tmp/console" 2>&1
}

# A cgroup of its own in the unified hierarchy, which it will see as the whole.
run_ns() {
	local cg rc=0
	cg=$(findmnt -nro TARGET -t cgroup2 | head -n1)/vm-$$
	mkdir "$cg"
	{ (
		echo "$BASHPID" >"$cg/cgroup.procs"
		exec timeout --foreground -s KILL "$limit" unshare -mpuinC --propagation private --fork --kill-child "$self" _ns "${shares[@]}"
	) </dev/null; } >>"$tmp/console" 2>&1 || rc=$?
	[ ! -e "$cg/cgroup.kill" ] || echo 1 >"$cg/cgroup.kill"
	for _ in $(seq 100); do
		find "$cg" -depth -type d -exec rmdir {} + 2>/dev/null || true
		[ -d "$cg" ] || break
		sleep 0.05
	done
	return $rc
}

# prepare DIR SHARES…: $r becomes a root to chroot to, a view of DIR with the image and all that is shared in /srv. Its
# /tmp has the machine's memory and what it changes on the disk.
prepare() {
	local n=0 share
	mount -t tmpfs tmpfs "$1/mnt"
	mkdir "$1/mnt/root"
	mount --bind "$1" "$1/mnt/root"
	r=$1/mnt/root
	mount --rbind /dev "$r/dev"
	mount -t proc proc "$r/proc"
	mount -t tmpfs -o size=100% tmpfs "$r/tmp"
	mount -t tmpfs tmpfs "$r/srv"
	mkdir "$r/srv/ctl" "$r/srv/image"
	mount --bind "$tmp/ctl" "$r/srv/ctl"
	mount --bind "$VMDIR" "$r/srv/image"
	shift
	for share in "$@"; do
		mkdir "$r/srv/share$n"
		mount --bind "${share#* }" "$r/srv/share$n"
		[ "${share%% *}" = rw ] || mount -o remount,bind,ro "$r/srv/share$n"
		n=$((n + 1))
	done
}

# In a chroot of the machine's own root: Debian 13's build needs a newer libc than Debian 12 has.
inside_uml() {
	prepare "$VMDIR/root" "$@"
	exec 3<>"$tmp/ctl/in" 4>"$tmp/ctl/out" 5>"$tmp/ctl/err"
	exec chroot "$r" env -i TMPDIR=/tmp HOME=/tmp PATH=/usr/bin:/bin /usr/bin/linux.uml \
		mem="${mem}M" ubd0=/tmp/cow,/srv/image/disk.ext4 hostfs=/srv root=/dev/ubda rw quiet lsm=yama \
		con=null con0=null,fd:1 con1=fd:3,fd:4 con2=null,fd:5
}

inside_qemu() {
	local tag fs=()
	prepare "$VMDIR/tools" "$@"
	exec 3<>"$tmp/ctl/in" # or QEMU waits for a writer
	for tag in ctl $(seq -f share%g 0 $(($# - 1))); do
		chroot "$r" /usr/libexec/virtiofsd --socket-path="/tmp/$tag" --shared-dir="/srv/$tag" --sandbox=none \
			--rlimit-nofile=0 --inode-file-handles=never --log-level=warn &
		fs+=(-chardev "socket,id=$tag,path=/tmp/$tag" -device "vhost-user-fs-pci,chardev=$tag,tag=$tag")
		while [ ! -S "$r/tmp/$tag" ]; do sleep 0.01; done
	done
	chroot "$r" env -i TMPDIR=/tmp PATH=/usr/bin:/bin qemu-system-x86_64 \
		-M q35,accel=tcg,memory-backend=ram -cpu max -smp 2 -m "$mem" \
		-object "memory-backend-memfd,id=ram,size=${mem}M,share=on" \
		-kernel /srv/image/vmlinux -initrd /srv/image/initrd.img -append 'console=ttyS0 quiet panic=-1 mitigations=off psi=1' \
		-nodefaults -no-user-config -no-reboot -display none -monitor none -serial stdio \
		-drive if=virtio,file=/srv/image/disk.ext4,format=raw,snapshot=on,cache=unsafe \
		-netdev user,id=n0 -device virtio-net-pci,netdev=n0,romfile= -device virtio-serial-pci \
		-chardev file,id=out,path=/srv/ctl/out,input-path=/srv/ctl/in -device virtconsole,chardev=out \
		-chardev file,id=err,path=/srv/ctl/err -device virtconsole,chardev=err "${fs[@]}"
}

# As process 1 of new namespaces: set up the root, become systemd.
inside_ns() {
	local t=$VMDIR/root/mnt share
	r=$t/root
	mount -t tmpfs tmpfs "$t"
	mkdir "$t"/{up,work,root}
	mount -t overlay overlay -o "lowerdir=$VMDIR/root,upperdir=$t/up,workdir=$t/work" "$r"
	mount -t sysfs sysfs "$r/sys"
	mount -t cgroup2 cgroup2 "$r/sys/fs/cgroup"
	mount -t tmpfs -o mode=755 tmpfs "$r/run"
	mkdir -p "$r/run/ctl" "$r/run/proc"
	mount --bind "$tmp/ctl" "$r/run/ctl"
	mount -t tmpfs -o mode=1777 tmpfs "$r/tmp"
	# systemd must not set the host's sysctls. But proc can be mounted in a user namespace only where there is one with
	# nothing mounted on top: in /run/proc.
	mount -t proc proc "$r/run/proc"
	mount -t proc proc "$r/proc"
	mount --bind "$r/proc/sys" "$r/proc/sys"
	mount -o remount,bind,ro "$r/proc/sys"
	mount --bind "$r/run/proc/sys/net" "$r/proc/sys/net"
	devices_ns
	for share in "$@"; do
		mkdir -p "$r${share#* }"
		mount --bind "${share#* }" "$r${share#* }"
		[ "${share%% *}" = rw ] || mount -o remount,bind,ro "$r${share#* }"
	done
	ln -sf /dev/null "$r/etc/systemd/system/systemd-modules-load.service"
	cd "$r" || return
	pivot_root . mnt
	exec env -i container=vm PATH=/usr/sbin:/usr/bin /bin/bash -c \
		'umount -l /mnt; mount --make-rshared /; exec /sbin/init' </dev/null
}

devices_ns() {
	local d
	mount -t tmpfs -o mode=755 tmpfs "$r/dev"
	mkdir "$r"/dev/{pts,shm,net,mqueue}
	for d in null zero full random urandom tty fuse net/tun; do
		# shellcheck disable=SC2046 # two numbers
		[ ! -e /dev/$d ] || mknod -m 666 "$r/dev/$d" c $(stat -c '0x%t 0x%T' /dev/$d)
	done
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$r/dev/pts"
	ln -s pts/ptmx "$r/dev/ptmx"
	mount -t tmpfs -o mode=1777 tmpfs "$r/dev/shm"
	ln -s /proc/self/fd "$r/dev/fd"
	touch "$r/dev/console"
	mount --bind "$tmp/console" "$r/dev/console"
}
