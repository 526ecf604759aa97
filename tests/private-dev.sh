#!/bin/sh
# Runs a command, as root, in a mount namespace with a /dev of its own: a runtime under test that gets a console or a
# device node wrong then changes nodes on a tmpfs that goes away, not the host's /dev/null.
#
#   tests/private-dev.sh COMMAND…
set -eu

if [ "${1:-}" != --inside ]; then
	exec unshare --mount --propagation private -- "$0" --inside "$@"
fi
shift

new=$(mktemp -d)
mount -t tmpfs -o mode=0755,size=8m,nosuid tmpfs "$new"
node() { mknod -m "$2" "$new/$1" c "$3" "$4"; }
umask 0
node null 0666 1 3
node zero 0666 1 5
node full 0666 1 7
node random 0666 1 8
node urandom 0666 1 9
node tty 0666 5 0
node kmsg 0600 1 11
[ ! -e /dev/fuse ] || node fuse 0666 10 229
[ ! -e /dev/net/tun ] || { mkdir -m 0755 "$new/net" && node net/tun 0666 10 200; }
umask 022
mkdir "$new/pts" "$new/shm" "$new/mqueue"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$new/pts"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$new/shm"
ln -s pts/ptmx "$new/ptmx"
ln -s /proc/self/fd "$new/fd"
ln -s fd/0 "$new/stdin"
ln -s fd/1 "$new/stdout"
ln -s fd/2 "$new/stderr"
# The old /dev stays mounted below the new one, where nobody finds it by name.
mount --move "$new" /dev
rmdir "$new"
exec "$@"
