#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# settings.sh ROOT: makes a fresh Debian the machine that tests run in.
set -eu
r=$1
here=$(dirname "$(readlink -f "$0")")

chroot "$r" useradd -m -u 1000 -s /bin/bash tester
for map in subuid subgid; do
	grep -q ^tester: "$r/etc/$map" || echo tester:100000:65536 >>"$r/etc/$map"
done
# A group besides its own, to be kept or dropped.
chroot "$r" groupadd -g 1500 tester-more
chroot "$r" usermod --append --groups tester-more tester
: >"$r/etc/fstab"
: >"$r/etc/machine-id"
echo vm >"$r/etc/hostname"
printf '127.0.0.1 localhost vm\n' >"$r/etc/hosts"
rm -f "$r/etc/resolv.conf"
echo 'nameserver 10.0.2.3' >"$r/etc/resolv.conf"
# There is no udev.
tr ' ' '\n' <<<"$MODULES" >"$r/etc/modules-load.d/vm.conf"
printf 'z /dev/%s 0666\n' net/tun fuse >"$r/etc/tmpfiles.d/vm.conf"
# What docs/systemd.md tells an administrator to write.
mkdir -p "$r/etc/systemd/system/user@.service.d"
printf '[Service]\nDelegate=cpu cpuset io memory pids\n' >"$r/etc/systemd/system/user@.service.d/delegate.conf"

# Nothing at boot that the tests do not need.
for unit in systemd-{firstboot,pstore,journal-catalog-update,update-done,machine-id-commit}.service \
	systemd-{journal-flush,random-seed,binfmt,sysusers,hibernate-clear}.service \
	systemd-{tpm2-setup,tpm2-setup-early,pcrmachine,pcrphase,pcrphase-sysinit}.service \
	systemd-{pcrextend,pcrlock,sysext,creds,hostnamed}.socket ldconfig.service \
	systemd-{ask-password-wall,ask-password-console}.path proc-sys-fs-binfmt_misc.automount \
	sys-kernel-{debug,tracing,config}.mount dev-hugepages.mount modprobe@drm.service \
	getty.target remote-fs.target {dpkg-db-backup,fstrim,systemd-tmpfiles-clean}.timer \
	netavark-dhcp-proxy.{service,socket} netavark-firewalld-reload.service \
	podman{,-auto-update,-restart,-clean-transient}.service podman.socket podman-auto-update.timer; do
	ln -sf /dev/null "$r/etc/systemd/system/$unit"
done
rm -f "$r"/usr/lib/systemd/{system,user}-generators/podman-*
ln -sf /usr/lib/systemd/system/multi-user.target "$r/etc/systemd/system/default.target"
install -m 0755 "$here/vm-run" "$r/usr/local/sbin/vm-run"
install -m 0644 "$here/vm-run.service" "$r/etc/systemd/system/vm-run.service"
mkdir -p "$r/etc/systemd/system/multi-user.target.wants"
ln -sf ../vm-run.service "$r/etc/systemd/system/multi-user.target.wants/"
