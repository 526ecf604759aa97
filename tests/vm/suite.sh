#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# suite.sh WORK TESTBINARY DIR [OPTIONS OF vm run] -- [FLAGS]: runs a compiled test in the machine, in DIR; standard output is
# what the test prints. WORK has it, roost and what else the tests need, and is copied to /var/tmp/work there.
#
# A process that is killed while it copies its memory map for a fork brings the kernel of user-mode Linux down, about once in a
# thousand tests: the clean-up of the half-made copy flushes what is no mapping (XA_ZERO_ENTRY in flush_tlb_mm, Linux 6.12).
# That says nothing of what is tested, so the machine is booted again, for the tests that have not ended; a test that
# brings it down five times has failed.
set -u -o pipefail
here=$(dirname "$(readlink -f "$0")")
work=$(readlink -f "$1") binary=$2 dir=$3
shift 3
options=()
while [ "$1" != -- ]; do
	options+=("$1")
	shift
done
shift

flags=() skip=
for flag in "$@"; do
	case $flag in
	-test.skip=*) skip=${flag#-test.skip=} ;;
	*) flags+=("$flag") ;;
	esac
done

log=$(mktemp)
console=$(mktemp)
trap 'rm -f "$log" "$console"' EXIT
ended() { sed -n 's/^\x16\{0,1\}--- \(PASS\|FAIL\|SKIP\): \(Test[^ /]*\) .*/\2/p' "$log" | sort -u | paste -sd'|'; }
begun() { sed -n 's/^\x16\{0,1\}=== RUN *\(Test[^ /]*\)$/\1/p' "$log" | tail -n 1; }

declare -A downs=()
while :; do
	"$here/vm" run "${options[@]}" -l "$console" -r "$work" -r "$here" -C / -- "$here/inside.sh" "$work" "$binary" "$dir" "${flags[@]}" ${skip:+"-test.skip=$skip"} | tee -a "$log"
	status=$?
	culprit=$(begun)
	down=$((${downs[${culprit:-none}]:-0} + 1))
	if [ $status != 125 ] || [ $down = 5 ] || ! grep -q 'Kernel panic' "$console"; then
		exit $status
	fi
	echo "suite: the machine's kernel panicked in $culprit; again, for what has not ended" >&2
	downs[${culprit:-none}]=$down
	done=$(ended)
	skip="${skip:+$skip|}^(${done:-none})\$"
done
