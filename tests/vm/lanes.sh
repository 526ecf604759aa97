# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/run.sh: the suites that run in a machine.
#
# shellcheck disable=SC2154 # tree, work, results, test_flags, GO, no_root, lanes: of run.sh

# What the machine's lanes run: black-box tests, and packages that talk to systemd or to the kernel's cgroups.
vm_packages=(./delegate ./cgroupv2 ./tests/integration)
[ -z "${VM_PACKAGES:-}" ] || read -r -a vm_packages <<<"$VM_PACKAGES"

rooted_vm() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n --preserve-env=SUITE,VMDIR "$@"; fi; }

# listed FILE…: their lines as a pattern; a line is the name of a test.
listed() { (cd "$tree/tests/vm" && sed -n 's/^\(Test[^ ]*\).*/\1/p' "$@") | paste -sd'|' | sed 's/.*/^(&)$/'; }

# What is copied into the machine gets a directory of its own, made before lanes go their ways.
prepare_machines() {
	local package
	[ -z "${ROOST_TEST_NO_VM:-}" ] && can_root || return
	mkdir -p "$work/vm"
	[ -n "${ROOST:-}" ] || cp "$work"/roost* "$work/vm/"
	cp "$work/profile.json" "$work/vm/"
	cp -r contrib/systemd "$work/vm/"
	case " ${lanes[*]} " in *-long\ *) prepare_debian ;; esac
	gcc -static -O1 -o "$work/vm/call" tests/integration/testdata/call.c || die 'tests/integration/testdata/call.c does not build'
	for package in "${vm_packages[@]}"; do
		CGO_ENABLED=0 "$GO" test -c -o "$work/vm/$(vm_binary "$package")" "$package" || die "$package does not build"
	done
}

vm_binary() { printf '%s.test' "$(basename "$1")"; }

# What a machine has. A test that would skip for want of one of these fails instead.
vm_grants() {
	local list=vm,bus,busybox,subids
	[ -e "$work/vm/roost-seccomp" ] && list=$list,seccomp
	[ -e "$work/debian.tar" ] && list=$list,debian
	case $1 in *-root*) list=$list,root ;; *) list=$list,user ;; esac
	case $1 in
	vm-ns) ;;
	vm-qemu*) list=$list,cpu,cpuset,io,memory,pids,psi ;;
	*) list=$list,cpu,io,memory,pids ;;
	esac
	printf '%s' "$list"
}

# machine SUITE: every package of the lane, each in a boot of its own.
machine() {
	local suite=$1 package options=() choice=() image=()
	if [ -n "${ROOST_TEST_NO_VM:-}" ]; then
		skipped "$suite" 'vm: ROOST_TEST_NO_VM is set'
		return
	fi
	can_root || { skipped "$suite" "$no_root" && return; }
	case $suite in *-root*) options=(-R) ;; esac
	[ "$suite" != vm-ns ] || [ -n "${VM_PACKAGES:-}" ] || vm_packages=(./delegate ./tests/integration)
	case $suite in
	vm-user | vm-root | vm-12*) choice=("-test.skip=$(listed slow.list uml.list)") ;;
	vm-*-long) choice=("-test.skip=$(listed uml.list)") ;;
	vm-ns) options+=(-b ns) choice=("-test.run=$(listed ns.list)") ;;
	vm-qemu*) options+=(-b qemu) choice=("-test.run=$(listed qemu.list)") ;;
	esac
	case $suite in vm-12*) export SUITE=bookworm ;; esac
	case $suite in vm-qemu*) image=(qemu) ;; esac
	rooted_vm tests/vm/vm build "${image[@]}" || return
	# User-mode Linux is pinned to one CPU: one for the user, another for root.
	case $suite in *-root*) options+=(-c $(($(nproc) - 1))) ;; *) options+=(-c 0) ;; esac
	note "in the machine: $suite"
	for package in "${vm_packages[@]}"; do
		vm_package "$package"
	done | tally -suite "$suite" -to "$results/$suite"
	# Whatever lets every test skip would let it do so for ever.
	grep -q '"Verdict":"\(pass\|fail\)"' "$results/$suite" || printf '{"Suite":"%s","Name":"all","Verdict":"fail","Why":""}\n' "$suite" >>"$results/$suite"
}

vm_package() {
	local binary dir=$tree/$1 name=${1#./} scope=() chosen=()
	binary=$(vm_binary "$1")
	[ "$1" != ./tests/integration ] || dir=/tmp
	case $1:$suite in ./tests/integration:* | *:vm-qemu*) chosen=("${choice[@]}") ;; esac
	case $1:$suite in *-root*) ;; ./cgroupv2:*) scope=(-e VM_SCOPE=1) ;; esac
	rooted_vm tests/vm/suite.sh "$work/vm" "$binary" "$dir" "${options[@]}" -t 5400 -r "$tree" -r "$work" \
		-e ROOST=/var/tmp/work/roost -e ROOST_TEST_PROFILE=/var/tmp/work/profile.json \
		-e ROOST_TEST_DEBIAN="$work/debian.tar" -e ROOST_TEST_CALL=/var/tmp/work/call -e ROOST_TEST_CONTRIB=/var/tmp/work -e ROOST_TEST_GRANTS="$(vm_grants "$suite")" -e ROOST_TEST_PATIENCE=10 "${scope[@]}" -- \
		-test.v=test2json -test.timeout=80m "${chosen[@]}" "${test_flags[@]}" |
		"$work/test2json" -t -p "${name##*/}($suite)"
}
