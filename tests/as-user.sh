#!/bin/sh
# For `go test -exec`: runs a test binary, which root compiled, as the ordinary account roost-unit. The binary is copied
# to where that account can read it; the directory of the package is entered already, so the tree may lie in a home
# that the account cannot search.
set -eu
# shellcheck source=contrib/account.sh disable=SC1091,SC2034
. "$(dirname "$0")/../contrib/account.sh"
account roost-unit
binary=$(mktemp /var/tmp/roost-unit.XXXXXX)
trap 'rm -f "$binary"' EXIT
cp "$1" "$binary"
chmod 0755 "$binary"
shift
status=0
as_account "$binary" "$@" || status=$?
exit $status
