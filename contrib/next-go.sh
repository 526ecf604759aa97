#!/bin/sh
# Builds roost with the newest Go there is, where that is newer than the one at hand, and lets it launch: internal/launch
# hooks into Go's own fork, whose names a later Go may take away, and its child must fit into what a stack has left
# without growing. NEXT_GO names another version, or "none". Without a module proxy there is nothing newer, which is said.
set -eu
cd "$(dirname "$0")/.."
GO=${GO:-go}

now=$("$GO" env GOVERSION)
next=${NEXT_GO:-$(cd / && GOTOOLCHAIN=local GOFLAGS=-mod=mod timeout 60 "$GO" list -m -versions go 2>/dev/null | tr ' ' '\n' | grep '^1\.' | sort -V | tail -n 1)} || next=
if [ "${next:-none}" = none ] || [ "go$next" = "$now" ] || [ "$(printf 'go%s\n%s\n' "$next" "$now" | sort -V | tail -n 1)" = "$now" ]; then
	echo "next Go: none that is newer than $now"
	exit
fi
export GOTOOLCHAIN="go$next" CGO_ENABLED=0
if ! timeout 300 "$GO" version >/dev/null 2>&1; then
	echo "next Go: go$next cannot be fetched; not tried"
	exit
fi
echo "next Go: go$next"
mkdir -p out/next
"$GO" build -trimpath -buildvcs=false -tags netgo,osusergo -o out/next/roost ./cmd/roost
"$GO" test -trimpath -short -count=1 -run '^(TestContainer|TestWalk|TestSync|TestReapStatus|TestFind|TestVerify|TestFork)$' ./internal/launch
"$GO" test -trimpath -short -count=1 -run '^TestSeenBeforeGoRaisesIt$' ./internal/nofile
