#!/bin/sh
# Installs what a fresh Debian 12 lacks: packages (through root or sudo, nothing else is done with them) and,
# where the distribution's Go is too old, a toolchain in out/go. Safe to repeat; does nothing when nothing is missing.
#
#   contrib/setup.sh build|demo|test|vm|lint
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1; }

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif have sudo; then
		sudo "$@"
	else
		die "packages are missing and neither root nor sudo is at hand; install them: $missing"
	fi
}

# want COMMAND PACKAGE: the package is named by the command that it brings, so that any way of having it counts.
missing=
want() { have "$1" || missing="$missing $2"; }

want make make
want git git
have go || missing="$missing golang-go"
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"
# roost-seccomp is cgo.
want gcc gcc
want pkg-config pkgconf
[ -e /usr/include/stdlib.h ] || missing="$missing libc6-dev"
[ -e /usr/include/seccomp.h ] || missing="$missing libseccomp-dev"
case ${1:-} in
build | lint) ;;
demo | test | vm)
	# Debian's plain busybox is dynamic; only the static one makes a root file system of one file.
	[ -n "$(find /bin/busybox -prune -type f -size +1500k 2>/dev/null)" ] || missing="$missing busybox-static"
	want newuidmap uidmap
	want setpriv util-linux
	want useradd passwd
	;;
*) die "usage: contrib/setup.sh build|demo|test|vm|lint" ;;
esac
if [ "$1" = lint ]; then
	want shellcheck shellcheck
fi
if [ "$1" = vm ]; then
	# The image for QEMU: tests/vm.
	want cpio cpio
	want python3 python3
	want zstd zstd
	want lz4 lz4
fi
if [ "$1" = test ] || [ "$1" = vm ]; then
	# The image of tests/vm.
	want mke2fs e2fsprogs
	want depmod kmod
	want xz xz-utils
	want ps procps
	want ip iproute2
	want mmdebstrap mmdebstrap
	# The engines that drive roost in tests/clients, and runc to compare with.
	want podman podman
	want conmon conmon
	want catatonit catatonit
	want slirp4netns slirp4netns
	want buildah buildah
	want ctr containerd
	want runc runc
	want script bsdutils
	want qemu-s390x-static qemu-user-static
fi

if [ -n "$missing" ]; then
	have apt-get || die "install what provides:$missing (see README.md, Prerequisites)"
	say "installing$missing"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update >/dev/null || say "apt-get update had errors; going on"
	# shellcheck disable=SC2086 # a list of words
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing >/dev/null
fi

# Go 1.21 and newer fetch the toolchain that go.mod asks for by themselves. Debian 12 has 1.19, which does not,
# but the toolchain is an ordinary module, which any Go can download and check against the checksum database.
PATH=$PWD/out/go/bin:$PATH
old=$(go version | sed -n 's/^go version go1\.\([0-9]*\).*/\1/p')
if [ -n "$old" ] && [ "$old" -lt 21 ]; then
	want_go=$(sed -n 's/^toolchain go//p; s/^go \(1\.[0-9]*\.[0-9]*\)$/\1/p' go.mod | tail -n 1)
	module="golang.org/toolchain@v0.0.1-go$want_go.$(go env GOOS)-$(go env GOARCH)"
	say "Go 1.$old is too old; fetching $module"
	# In a directory without a go.mod of ours: an old Go refuses to read a newer one.
	tmp=$(mktemp -d)
	answer=$(cd "$tmp" && go mod download -json "$module") || true
	rm -rf "$tmp"
	dir=$(printf '%s\n' "$answer" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
	[ -n "$dir" ] || die "could not download $module: $(printf '%s\n' "$answer" | sed -n 's/^[[:space:]]*"Error": //p')"
	mkdir -p out
	rm -rf out/go.new
	cp -r "$dir" out/go.new
	# A module has no executable bits; a toolchain needs them.
	chmod -R u+w out/go.new
	find out/go.new/bin out/go.new/pkg/tool -type f -exec chmod +x {} +
	rm -rf out/go
	mv out/go.new out/go
fi

# Debian has no package of it, so it is built once, at a version that is known to read .golangci.yml. Without it
# contrib/lint.sh does what Go alone can.
golangci=v2.15.0
mkdir -p out
if [ "$1" = lint ] && ! have golangci-lint && [ ! -x out/bin/golangci-lint ]; then
	say "building golangci-lint $golangci"
	GOBIN=$PWD/out/bin GOFLAGS='' nice go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$golangci" 2>out/golangci.log ||
		say "could not build golangci-lint; see out/golangci.log"
fi
