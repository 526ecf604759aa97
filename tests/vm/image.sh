#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# image.sh [qemu]: makes the image of `vm build` in $VMDIR, unless the one there was made by the same recipe.
# Debian's packages of the day go into it; remove the directory to have newer ones.
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")
SUITE=${SUITE:-trixie}
VMDIR=${VMDIR:-${here%/tests/vm}/out/vm/$SUITE}
MIRROR=${MIRROR:-http://deb.debian.org/debian}
PATH=$PATH:/usr/sbin:/sbin

packages=passwd,login,mount,kmod,procps,systemd,systemd-sysv,libpam-systemd,libnss-systemd
packages+=,dbus,dbus-user-session,uidmap,slirp4netns,passt,crun,runc,podman,conmon,catatonit,fuse-overlayfs
packages+=,busybox-static,iproute2,iptables,nftables,netbase,strace,attr
# Loaded at boot; and what the initramfs of QEMU's guest needs to mount its root.
export MODULES='overlay tun fuse veth bridge dummy loop nf_tables virtio_net virtio_console virtiofs'
boot_modules='virtio_pci virtio_blk ext4'

die() {
	echo "vm: $*" >&2
	exit 125
}

need() {
	local command
	for command in "$@"; do
		command -v "$command" >/dev/null || die "$command: not installed; contrib/setup.sh vm"
	done
}

# bootstrap SUITE DIR PACKAGES [OPTIONS]
bootstrap() {
	mmdebstrap --quiet --mode=root --variant=essential --format=directory --include="$3" \
		--aptopt='Acquire::Languages "none"' --aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
		--dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		"${@:4}" "$1" "$2" "$MIRROR"
}

# Kernels are downloaded with the apt settings and lists of the new root, not the host's, and not installed in it.
# shellcheck disable=SC2016 # for the shell of mmdebstrap
kernels() {
	printf '%s' 'mkdir debs; cd debs; export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG; '
	printf '%s' 'apt-get -qq -o APT::Sandbox::User=root download user-mode-linux'
	[ -z "$qemu" ] || printf ' %s' '$(apt-cache depends linux-image-cloud-amd64 |' \
		"sed -n 's/.*Depends: \\(linux-image-[^ ]*\\).*/\\1/p' | head -n1)"
}

# modules DIR: copies the modules wanted and what they need, uncompressed.
modules() {
	local version=${1##*/} dst=root/usr/lib/modules/${1##*/} module file to
	mkdir -p "$dst" all/lib/modules
	mv "$1" all/lib/modules/
	depmod -b all "$version"
	for module in $boot_modules $MODULES; do
		modprobe -d all -S "$version" -D "$module" 2>/dev/null || true
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u | while read -r file; do
		to=$dst/${file#*/"$version"/}
		mkdir -p "${to%/*}"
		cp "$file" "$to"
		case $to in *.xz) xz -d "$to" ;; *.zst) zstd -q --rm -d "$to" ;; esac
	done
	cp "all/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$dst/"
	depmod -b root "$version"
}

# QEMU 10 whatever the host has: the TCG of 7.2 (Debian 12) crashes these guests.
qemu() {
	bootstrap trixie tools qemu-system-x86,virtiofsd
	unpack_kernel kernels/boot/vmlinuz-* vmlinux
	initrd
}

# An uncompressed kernel (PVH boot) saves the guest the decompression.
unpack_kernel() {
	python3 - "$1" "$2" <<'PY'
import subprocess, sys
data = open(sys.argv[1], "rb").read()
for magic, cmd in (b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ\0", "xz"), (b"\x02\x21\x4c\x18", "lz4"):
    pos = data.find(magic)
    while pos >= 0:
        out = subprocess.run([cmd, "-dc"], input=data[pos:], capture_output=True).stdout
        if out[:4] == b"\x7fELF":
            open(sys.argv[2], "wb").write(out); sys.exit()
        pos = data.find(magic, pos + 1)
sys.exit("no kernel found in " + sys.argv[1])
PY
}

# Its file system and disk are modules; which ones depends on the kernel.
initrd() {
	local version module file
	version=$(basename kernels/boot/vmlinuz-*)
	version=${version#vmlinuz-}
	mkdir -p initrd/{bin,new,dev}
	cp /bin/busybox initrd/bin/
	{
		echo '#!/bin/busybox sh'
		for module in $boot_modules; do modprobe -d root -S "$version" -D "$module" || true; done |
			sed -n 's/^insmod \([^ ]*\).*/\1/p' | while read -r file; do
			cp "$file" initrd/
			echo "/bin/busybox insmod /${file##*/} 2>/dev/null"
		done
		cat <<-'SH'
			/bin/busybox mount -t devtmpfs dev /dev
			while ! /bin/busybox mount -t ext4 /dev/vda /new 2>/dev/null; do /bin/busybox usleep 10000; done
			/bin/busybox mount -o move /dev /new/dev
			exec /bin/busybox switch_root /new /sbin/init
		SH
	} >initrd/init
	chmod +x initrd/init
	(cd initrd && find . | cpio --quiet -o -H newc) >initrd.img
	rm -rf initrd
}

recipe() { cat "$here/image.sh" "$here"/guest/* <(echo "$SUITE $MIRROR") | sha256sum | cut -d' ' -f1; }

qemu=
[ "${1:-}" != qemu ] || qemu=1
# Who comes second waits for the image of the first.
mkdir -p "${VMDIR%/*}"
exec 9>"$VMDIR.lock"
flock 9
if [ "$(cat "$VMDIR/recipe" 2>/dev/null)" = "$(recipe)" ]; then
	[ -n "$qemu" ] && [ ! -e "$VMDIR/vmlinux" ] || exit 0
fi
need mmdebstrap mke2fs depmod xz taskset
[ -z "$qemu" ] || need cpio python3 zstd lz4
echo "vm: making an image of $SUITE in $VMDIR" >&2
rm -rf --one-file-system "$VMDIR.new"
mkdir -p "$VMDIR.new"
cd "$VMDIR.new"
# A module of its own, so that `go list ./...` does not walk through a root file system while it is made.
echo 'module image' >go.mod
bootstrap "$SUITE" root "$packages" --customize-hook="$(kernels)"
for deb in debs/*.deb; do dpkg-deb -x "$deb" kernels; done
cp kernels/usr/bin/linux.uml root/usr/bin/ # it is run in a chroot there
for dir in kernels/usr/lib/uml/modules/* kernels/lib/modules/* kernels/usr/lib/modules/*; do
	[ ! -d "$dir/kernel" ] || modules "$dir"
done
[ -z "$qemu" ] || qemu
"$here/guest/settings.sh" root
mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1 -d root disk.ext4 4G >/dev/null
made=$(recipe)
echo "$made" >recipe
rm -rf --one-file-system kernels all debs "$VMDIR"
mv "$VMDIR.new" "$VMDIR"
