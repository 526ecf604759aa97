#!/bin/bash
# Fuzzes every target of the tree, one after the other and each for its time, and prints what `go test -json` does.
# What a caller, a file of the host's or a state directory has under its control gets a minute, the parts of it less.
# FUZZTIME gives all of them the same time. An input that fails is written to testdata/fuzz of its package, which is
# where the seeds are: mend what it found and commit it.
#
#   tests/fuzz.sh [TARGET…]
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
GO=${GO:-go}

patience() {
	case ${FUZZTIME:-} in ?*) echo "$FUZZTIME" && return ;; esac
	case $1.$2 in
	runtime.FuzzPlan | runtime.FuzzRecord | idmap.FuzzFiles | internal/spec.FuzzOptions | cgroupv2.FuzzConvert | internal/seccomp.* | cmd/roost-seccomp.*) echo 60s ;;
	idmap.*) echo 15s ;; # four targets for mappings
	*) echo 5s ;;
	esac
}

# One worker: it is one process of several, and the machine is not its own. Minimising is for the big machine that finds
# something new all the time; by default it takes a minute each time.
fuzz() {
	"$GO" test -json -run='^$' -fuzz="^$2\$" -fuzztime="$(patience "$1" "$2")" -fuzzminimizetime=1x -parallel=1 "./$1"
}

# retried: Go reports a deadline that passed between two inputs as a failure now and then. Whoever found something
# says where the input is.
retried() {
	local out
	out=$(fuzz "$@")
	local status=$?
	if ((status != 0)) && ! grep -q 'Failing input\|build-fail\|panic' <<<"$out" && grep -q 'context deadline exceeded' <<<"$out"; then
		out=$(fuzz "$@")
		status=$?
	fi
	printf '%s\n' "$out"
	return $status
}

status=0
while IFS=: read -r file _ code; do
	package=$(dirname "$file")
	target=${code#func }
	target=${target%%(*}
	(($# == 0)) || [[ " $* " == *" $target "* ]] || continue
	retried "$package" "$target" || status=1
done < <(git ls-files '*_test.go' | xargs grep -n '^func Fuzz')
exit $status
