#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Prepares what the bench needs and runs it as an ordinary user; arguments go to the bench (-only, -vs, -rounds).
#
#   as root           packages are installed when missing; an account roost-bench is made and kept
#   as somebody else  measured as that user; sudo, where it asks no password, does what takes root
#   without sudo      the caller's directories and cgroups as they are: crun drops out on a hybrid cgroup host,
#                     and roost pays for the protection of a binary that its user may write
#
# A complete run writes docs/bench.md and docs/bench.svg. ROOST names another binary than bin/roost.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
top=$(CDPATH='' cd -- "$here/../.." && pwd)
roost=${ROOST:-$top/bin/roost}
PATH=$PATH:/usr/sbin:/sbin:/usr/local/go/bin
export PATH

say() { printf 'bench: %s\n' "$*" >&2; }

# can_root: as_root may be used.
can_root() { [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# static_busybox: the root file system has no libraries.
static_busybox() { command -v busybox >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1; }

missing_packages() {
	command -v crun >/dev/null || echo crun
	command -v runc >/dev/null || echo runc
	command -v bwrap >/dev/null || echo bubblewrap
	command -v newuidmap >/dev/null || echo uidmap
	command -v gcc >/dev/null || echo gcc
	[ -e /usr/include/stdio.h ] || echo libc6-dev
	static_busybox || echo busybox-static
}

install_packages() {
	packages=$(missing_packages)
	[ -n "$packages" ] || return 0
	# shellcheck disable=SC2086 # a list of words
	set -- $packages
	if command -v apt-get >/dev/null && can_root; then
		say "installing $*"
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" >&2 ||
			{ as_root apt-get update -q >&2 && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" >&2; } ||
			say "packages not installed: $*; the bench goes on with what is there"
	else
		say "missing: $*; install them for a complete table"
	fi
	command -v gcc >/dev/null || { say "gcc: not found; install gcc and libc6-dev"; exit 1; }
	static_busybox || { say "busybox: no static one found; install busybox-static"; exit 1; }
}

# build DIR: everything that is run goes there.
build() {
	gcc -O2 -static -Wall -Wextra -o "$1/floor" "$here/c/floor.c" "$here/c/rootfs.c" "$here/c/confine.c"
	gcc -O2 -static -Wall -Wextra -o "$1/meter" "$here/c/meter.c"
	(cd "$top" && CGO_ENABLED=0 go build -buildvcs=false -trimpath -o "$1/bench" ./tests/bench)
	cp "$top/contrib/seccomp/default.json" "$1/profile.json"
	if [ -x "$roost" ]; then
		cp "$roost" "$1/roost"
		[ ! -x "$roost-seccomp" ] || cp "$roost-seccomp" "$1/roost-seccomp"
	else
		say "$roost: not there; measured without it (make build)"
	fi
}

# next_sub_id FILE: the first id after all ranges, aligned as useradd does.
next_sub_id() { awk -F: '{ end = $2 + $3; if (end > last) last = end } END { print last < 100000 ? 100000 : last }' "$1"; }

# account NAME: made when it is missing; sub-ids are added when useradd gave none.
account() {
	id "$1" >/dev/null 2>&1 || useradd --create-home --shell /usr/sbin/nologin "$1"
	touch /etc/subuid /etc/subgid
	if ! grep -q "^$1:" /etc/subuid; then
		first=$(next_sub_id /etc/subuid)
		usermod --add-subuids "$first-$((first + 65535))" "$1"
	fi
	if ! grep -q "^$1:" /etc/subgid; then
		first=$(next_sub_id /etc/subgid)
		usermod --add-subgids "$first-$((first + 65535))" "$1"
	fi
}

# publish DIR: only a complete run wrote something there.
publish() {
	[ -e "$1/bench.md" ] || return 0
	mkdir -p "$top/docs"
	cp "$1/bench.md" "$1/bench.svg" "$top/docs/"
	say "wrote docs/bench.md and docs/bench.svg"
}

for arg; do
	case $arg in -h | -help | --help) sed -n '4,14s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
done
install_packages
built=$(mktemp -d)
work=
state=
clean_up() {
	rm -rf "$built"
	[ -z "$state" ] || rm -rf "$state"
	[ -z "$work" ] || if [ "$private" = yes ]; then as_root rm -rf "$work"; else rm -rf "$work"; fi
}
private=no
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
build "$built"

if can_root; then
	private=yes
	user=$(id -un)
	if [ "$user" = root ]; then
		user='roost-bench'
		account "$user"
	fi
	# Neither /tmp nor a home: where only root may replace the binary, as with an installed package.
	work=$(as_root mktemp -d /var/lib/roost-bench.XXXXXX)
	as_root chmod 0755 "$work"
	as_root install -d "$work/bin" "$work/state"
	as_root install "$built"/* "$work/bin/"
	as_root install -d -o "$user" -g "$(id -g "$user")" "$work/user" "$work/user/out"
	# A pid namespace too: whatever happens to the bench, its sleeping containers end with it.
	as_root unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
		"$here/inside.sh" "$(readlink /proc/self/ns/mnt)" "$user" "$work" \
		-rounds "${BENCH_ROUNDS:-60}" "$@"
else
	work=$(mktemp -d)
	mkdir -p "$work/user/out"
	state=$(mktemp -d -p "${XDG_RUNTIME_DIR:-/dev/shm}")
	"$built/bench" -bin "$built" -work "$work/user" -state "$state" -out "$work/user/out" "$@"
fi
publish "$work/user/out"
