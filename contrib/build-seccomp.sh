#!/bin/sh
# Builds roost-seccomp, which needs cgo: where a C compiler and libseccomp are at hand, static if there is a static libseccomp.
# Where they are not it says what is missing, in one line, and that is no error: roost itself is built without.
#
#   contrib/build-seccomp.sh OUTPUT VERSION TAGS
set -eu
cd "$(dirname "$0")/.."
output=$1 version=$2 tags=$3
GO=${GO:-go}
CC=$($GO env CC)

missing=
command -v "${CC%% *}" >/dev/null 2>&1 || missing="$missing, a C compiler ($CC)"
if ! command -v pkg-config >/dev/null 2>&1; then
	missing="$missing, pkg-config"
elif ! pkg-config --exists libseccomp; then
	missing="$missing, the headers of libseccomp"
fi
if [ -n "$missing" ]; then
	rm -f "$output" # of another version, maybe
	echo "build: no roost-seccomp, so no containers with a new seccomp profile: ${missing#, } missing (Debian: apt install gcc libc6-dev pkgconf libseccomp-dev)" >&2
	exit 0
fi

# The same source and compilers give the same bytes: no paths, no ids of builds.
build() {
	CGO_ENABLED=1 $GO build -trimpath -buildvcs=false -tags "$tags" \
		-ldflags "-s -w -buildid= -X main.version=$version -linkmode external -extldflags '-Wl,--build-id=none $1'" -o "$output" ./cmd/roost-seccomp
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! build -static 2>"$log"; then
	if ! build '' 2>>"$log"; then
		cat "$log" >&2
		exit 1
	fi
	echo 'build: roost-seccomp is linked dynamically, since there is no static libseccomp' >&2
fi
