#!/bin/sh
# gofmt, vet, the dependency rule, shell scripts, and golangci-lint where it is installed.
# The dependency rule is held twice: by depguard in .golangci.yml for editors, and by tests/house, which needs Go only.
set -u
cd "$(dirname "$0")/.." || exit 1
GO=${GO:-go}
status=0
run() { "$@" || { printf 'lint: %s: failed\n' "$1 ${2:-}" >&2; status=1; }; }

# shellcheck disable=SC2046 # file names of this tree have no spaces
unformatted=$(gofmt -l $(git ls-files --cached --others --exclude-standard '*.go'))
if [ -n "$unformatted" ]; then
	printf 'lint: run gofmt -w on:\n%s\n' "$unformatted" >&2
	status=1
fi
run "$GO" vet ./...
(cd tests/importer && "$GO" vet ./...) || status=1
run "$GO" test -count=1 -run 'TestLayers|TestSmallFiles|TestDocumented' ./tests/house
if command -v shellcheck >/dev/null 2>&1; then
	git ls-files --cached --others --exclude-standard '*.sh' .ci/run tests/vm/vm tests/vm/guest/vm-run | while read -r script; do
		[ ! -e "$script" ] || shellcheck "$script" || exit 1
	done || status=1
else
	echo 'lint: shellcheck is not installed; the scripts were not checked'
fi
if command -v golangci-lint >/dev/null 2>&1; then
	run golangci-lint run ./...
else
	echo 'lint: golangci-lint is not installed; go vet and tests/house stood in for it'
fi
exit $status
