#!/bin/bash
# Runs the tests that need no kernel on a machine of the other byte order and on one of 32 bits, under qemu-user: what is
# decoded, planned, written and compared. Prints what `go test -json` would; tests/qemu.list says which tests. The emulator
# is called by its name: nothing is registered with the host's kernel.
#
#   tests/qemu.sh TEST2JSON [ARCHITECTURE…]
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
GO=${GO:-go}
test2json=$1
shift
(($# > 0)) || set -- s390x arm
dir=$(mktemp -d /var/tmp/roost-qemu.XXXXXX)
trap 'rm -rf "$dir"' EXIT
status=0
for arch in "$@"; do
	while read -r package how tests; do
		case $package in '' | '#'*) continue ;; esac
		name="github.com/roost-run/roost/$package($arch)"
		# The flags are those of `make cross`, so the standard library is compiled once.
		if ! CGO_ENABLED=0 GOOS=linux GOARCH=$arch "$GO" test -c -trimpath -buildvcs=false -tags netgo,osusergo -o "$dir/test" "./$package" >&2; then
			printf '{"Action":"fail","Package":"%s"}\n' "$name"
			status=1
			continue
		fi
		(cd "$package" && "$test2json" -t -p "$name" "qemu-$arch-static" "$dir/test" -test.v=test2json -test.short -test.timeout=10m "-test.$how=$tests") || status=1
	done <tests/qemu.list
done
exit $status
