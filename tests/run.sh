#!/bin/bash
# Runs the suites and counts. Without arguments all of them but the long ones, in lanes beside one another; those that are
# named one after the other, where a "+" begins another lane:
#
#   unit        unit tests as whoever calls; with -race when that is an ordinary user
#   unit-root   unit tests as root, with -race, in a mount namespace with a /dev of its own
#   user        tests/integration as an ordinary user
#   root        tests/integration as root, in a mount namespace with a /dev of its own
#   clients     tests/clients, the engines, as an ordinary user; without the tests whose names begin with TestLong
#   clients-root  the same as root, with a /run of its own too
#   clients-long, clients-root-long  all of them (`make test-clients`)
#   validation  the OCI runtime-tools validation suite, roost beside runc (`make test-clients`)
#   importer    a module outside this one that imports the library, with and without cgo
#   unit-386    unit tests of a 32-bit build as an ordinary user, where the kernel runs such programs
#   vm-user, vm-root  tests/integration and what else asks systemd, in a machine of its own (tests/vm) with user-mode Linux, as an
#               ordinary user with a user manager and as root; without what tests/vm/slow.list names
#   vm-ns       tests/vm/ns.list, which need a bus but no controller, in a systemd on this kernel
#   vm-user-long, vm-root-long  all of them (`make test-vm`, which also has the following)
#   vm-qemu, vm-qemu-root  tests/vm/qemu.list under a stock kernel with two CPUs, cpuset and PSI
#   vm-12, vm-12-root  as vm-user and vm-root with Debian 12: Linux 6.1, systemd 252
#   qemu        unit tests that need no kernel, of s390x (the other byte order) and arm, emulated: tests/qemu.list
#   fuzz        every fuzz target for its time: tests/fuzz.sh
#
#   tests/run.sh one ./idmap -run TestParse      one package; ./tests/integration goes through its set-up
#   tests/run.sh one-vm ./tests/integration -run=TestUnit      one package in the machine, as both
#
# ROOST_TEST_NO_VM=1 leaves the machine out; each of its suites is then a skip that is counted.
# Started by root, the ordinary user is an account of this script's own: roost-test, and for unit tests, so that the two do
# not share what a user has only so much of, roost-unit. Started by an ordinary user, the
# root suites run through sudo where that asks for nothing, and are reported as skipped where it does.
# ROOST names another runtime to hold against the same tests (tests of what only roost has are then skipped).
# shellcheck disable=SC2317 # ordinary, rooted: called by name
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
PATH=$PWD/out/go/bin:$PATH:/usr/sbin:/sbin
GO=${GO:-go}
tree=$PWD
results=$tree/out/test
read -r -a flags <<<"${TESTFLAGS:-}"

# What an ordinary user can read, wherever this tree lies: the binaries under test and what they need.
work=$(mktemp -d /var/tmp/roost-tests.XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
chmod 0755 "$work"

note() { printf '==> %s\n' "$*"; }
tally() { "$work/tally" "$@"; }
die() {
	printf 'tests: %s\n' "$*" >&2
	exit 1
}

prepare() {
	mkdir -p "$results"
	CGO_ENABLED=0 "$GO" build -o "$work/tally" ./tests/tally || die 'tests/tally does not build'
	# Built once by hand: `go tool` would want a cache that the other account can write.
	"$GO" build -o "$work/test2json" cmd/test2json || die 'test2json does not build'
	if [ "$(id -u)" = 0 ]; then
		# shellcheck source=contrib/account.sh disable=SC1091
		. "$tree/contrib/account.sh"
		account roost-unit
		account roost-test
	fi
}

# What suites need of the tree is built before others build in it as well.
prepare_runtime() {
	[ -e "$work/private-dev.sh" ] && return
	if [ -z "${ROOST:-}" ]; then
		make --no-print-directory build || die 'roost does not build'
		cp bin/roost "$work/roost"
		# Its helper is looked for beside it.
		[ ! -e bin/roost-seccomp ] || cp bin/roost-seccomp "$work/roost-seccomp"
	fi
	cp contrib/seccomp/default.json "$work/profile.json"
	cp tests/private-dev.sh "$work/"
}

prepare_integration() {
	prepare_runtime
	[ -e "$work/debian.tar" ] || prepare_debian
	[ -e "$work/integration.test" ] && return
	CGO_ENABLED=0 "$GO" test -c -o "$work/integration.test" ./tests/integration || die 'tests/integration does not build'
}

# A Debian root file system, made once; the tests unpack it through `roost unshare`.
prepare_debian() {
	local tar=$tree/out/debian.tar
	if [ ! -f "$tar" ] && command -v mmdebstrap >/dev/null; then
		note 'making a Debian root file system (once)'
		# The suffix tells mmdebstrap what to make; anything but .tar would be a directory.
		nice mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Retries "3"' bookworm "${tar%.tar}.new.tar" >"$results/debian.log" 2>&1 &&
			mv "${tar%.tar}.new.tar" "$tar"
	fi
	# A hard link would keep the owner and mode; the other account has to be able to read it.
	[ -f "$tar" ] && cp --reflink=auto "$tar" "$work/debian.tar" && chmod 0644 "$work/debian.tar"
	return 0
}

prepare_clients() {
	prepare_runtime
	[ -e "$work/clients.test" ] && return
	CGO_ENABLED=0 "$GO" test -c -o "$work/clients.test" ./tests/clients || die 'tests/clients does not build'
	cp -r contrib/engines contrib/account.sh tests/as-account.sh tests/private-dev.sh tests/private-run.sh "$work/"
	chmod -R a+rX "$work"
}

# skipped SUITE REASON: a whole suite that cannot run here counts as one skip, not as nothing.
skipped() {
	printf '{"Suite":"%s","Name":"all","Verdict":"skip","Why":"%s"}\n' "$1" "$2" >"$results/$1"
}

# grants lists what this set-up provides. A test that would skip for want of one of these fails instead.
grants() {
	local list=busybox
	[ -e "$work/debian.tar" ] && list=$list,debian
	[ -e "$work/roost-seccomp" ] && list=$list,seccomp
	[ "$1" = root ] && list=$list,root
	[ "$(id -u)" = 0 ] && list=$list,subids
	grep -qs "^$(id -un):" /etc/subuid && list=$list,subids
	printf '%s' "$list"
}

# integration SUITE WRAPPER…: the same compiled tests for everybody.
integration() {
	local suite=$1
	shift
	prepare_integration
	note "integration tests: $suite"
	"$@" env ROOST="${ROOST:-$work/roost}" ROOST_TEST_GRANTS="$(grants "$suite")" ROOST_TEST_DEBIAN="$work/debian.tar" \
		ROOST_TEST_PROFILE="$work/profile.json" \
		"$work/test2json" -t -p "integration($suite)" \
		"$work/integration.test" -test.v=test2json -test.timeout=20m "${test_flags[@]}" |
		tally -suite "$suite" -to "$results/$suite"
}

# clients SUITE WRAPPER…: the engines. What the set-up installs may not be missing.
clients() {
	local suite=$1 short=()
	shift
	prepare_clients
	[[ $suite == *-long ]] || short=(-test.skip='^TestLong')
	note "engines: $suite"
	"$@" env ROOST="${ROOST:-$work/roost}" ROOST_TEST_CONTRIB="$work" \
		ROOST_TEST_GRANTS=podman,conmon,buildah,ctr,catatonit,slirp4netns \
		"$work/test2json" -t -p "clients($suite)" \
		"$work/clients.test" -test.v=test2json -test.timeout=20m "${short[@]}" "${test_flags[@]}" |
		tally -suite "$suite" -to "$results/$suite"
}

# ordinary_engines: an engine of an ordinary user. Where root starts it, in the private /dev that root's tests have: a
# network helper needs /dev/net/tun, and podman's locks are in /dev/shm.
ordinary_engines() {
	if [ "$(id -u)" = 0 ]; then
		"$work/private-dev.sh" "$work/as-account.sh" "$@"
	else
		"$@"
	fi
}

# shellcheck source=tests/vm/lanes.sh disable=SC1091
. "$tree/tests/vm/lanes.sh"

# The flags of `go test` that a compiled test understands carry a prefix.
test_flags=()
for flag in "${flags[@]}"; do
	case $flag in
	-test.*) test_flags+=("$flag") ;;
	-v) ;;
	-run=* | -skip=* | -count=* | -failfast | -short) test_flags+=("-test.${flag#-}") ;;
	-*) test_flags+=("-test.${flag#-}") ;;
	*) test_flags+=("$flag") ;;
	esac
done

# What the unit suites run. tests/house is about the tree, which another account need not even be able to read.
packages() { "$GO" list ./... | grep -v -e /tests/integration -e /tests/clients "${except[@]}"; }

unit() {
	local suite=$1
	shift
	note "unit tests: $suite"
	# shellcheck disable=SC2046 # a list of import paths
	"$@" "$GO" test -json "${race[@]}" "${flags[@]}" $(packages) | tally -suite "$suite" -to "$results/$suite"
}

# ordinary runs as an ordinary user; from root with mounts of its own, since the tests look for any that are left behind, and
# somebody else's are none of theirs.
ordinary() {
	[ "$(id -u)" = 0 ] || {
		"$@"
		return
	}
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --propagation private -- sh -c '. "$0" && account roost-test && as_account "$@"' "$tree/contrib/account.sh" "$@"
}

# rooted runs as root with a private /dev, through sudo when need be.
rooted() {
	if [ "$(id -u)" = 0 ]; then
		"$tree/tests/private-dev.sh" "$@"
	else
		sudo -n --preserve-env=GOFLAGS,GOPROXY "$tree/tests/private-dev.sh" env PATH="$PATH" HOME=/root "$@"
	fi
}
can_root() { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
no_root='root: neither root nor sudo without a password'

run_suite() {
	local race=() except=()
	case $1 in
	unit)
		if [ "$(id -u)" = 0 ]; then
			except=(-e /tests/house)
			unit unit env GOFLAGS="${GOFLAGS:-} -exec=$tree/tests/as-user.sh"
		else
			race=(-race)
			unit unit env
		fi
		;;
	unit-root)
		can_root || { skipped "$1" "$no_root" && return; }
		race=(-race)
		unit unit-root rooted
		;;
	user) integration user ordinary ;;
	clients | clients-long) clients "$1" ordinary_engines ;;
	clients-root | clients-root-long)
		can_root || { skipped "$1" "$no_root" && return; }
		clients "$1" rooted "$tree/tests/private-run.sh"
		;;
	validation)
		can_root || { skipped "$1" "$no_root" && return; }
		prepare_runtime
		note 'validation: the suite of OCI runtime-tools, against runc and roost'
		(cd tests/validation && rooted env RUNTIMES="${VALIDATION_BESIDE:-runc} ${ROOST:-$work/roost}" TABLE="$results/validation.md" \
			"$GO" test -count=1 -timeout=30m -json "${flags[@]}" .) | tally -suite validation -to "$results/validation"
		;;
	root)
		can_root || { skipped "$1" "$no_root" && return; }
		integration root rooted
		;;
	importer)
		note 'importer: a module of its own, with and without cgo'
		(
			cd tests/importer || exit 1
			for cgo in 0 1; do
				CGO_ENABLED=$cgo "$GO" test -count=1 -json ./...
			done
		) | tally -suite importer -to "$results/importer"
		;;
	unit-386)
		note 'unit tests of a 32-bit build'
		if [ "$(uname -m)" != x86_64 ] || ! GOARCH=386 CGO_ENABLED=0 "$GO" build -o "$work/tally-386" ./tests/tally || ! "$work/tally-386" -sum >/dev/null; then
			skipped "$1" '386: the kernel does not run 32-bit programs of this machine'
			return
		fi
		[ "$(id -u)" != 0 ] || export GOFLAGS="${GOFLAGS:-} -exec=$tree/tests/as-user.sh"
		except=(-e /tests/ -e /cmd/)
		# shellcheck disable=SC2046 # a list of import paths
		GOARCH=386 CGO_ENABLED=0 "$GO" test -json -short "${flags[@]}" $(packages) | tally -suite "$1" -to "$results/$1"
		;;
	qemu)
		if ! command -v qemu-s390x-static >/dev/null || ! command -v qemu-arm-static >/dev/null; then
			skipped "$1" 'qemu-user-static: not installed'
			return
		fi
		note 'unit tests of other architectures, emulated'
		tests/qemu.sh "$work/test2json" | tally -suite "$1" -to "$results/$1"
		;;
	fuzz)
		note 'fuzzing'
		tests/fuzz.sh | tally -suite "$1" -to "$results/$1"
		;;
	vm-*) machine "$1" ;;
	*) die "no suite $1" ;;
	esac
}

one() {
	local path=$1
	shift
	case ${path%/} in
	./tests/integration | tests/integration)
		TESTFLAGS="$*" exec "$0" user root
		;;
	./tests/clients | tests/clients)
		TESTFLAGS="$*" exec "$0" clients-long clients-root-long
		;;
	./tests/validation | tests/validation)
		TESTFLAGS="$*" exec "$0" validation
		;;
	*) "$GO" test "$@" "$path" ;;
	esac
}

case ${1:-} in
one)
	shift
	one "$@"
	exit
	;;
one-vm)
	package=$2
	shift 2
	VM_PACKAGES=$package TESTFLAGS="$*" exec "$0" vm-user-long vm-root-long
	;;
esac

# lane SUITE…: one after the other, with what each took. A suite that left no results failed.
lane() {
	local suite start
	for suite in "$@"; do
		start=$SECONDS
		run_suite "$suite"
		[ -e "$results/$suite" ] || printf '{"Suite":"%s","Name":"all","Verdict":"fail","Why":""}\n' "$suite" >"$results/$suite"
		note "$suite: $((SECONDS - start)) s"
	done
}

# Integration tests mostly wait, unit tests mostly compile: together they keep two processors busy. Fuzzing takes what is left.
lanes=('user root clients clients-root' 'unit unit-root unit-386 importer qemu' 'vm-ns vm-user' 'vm-root' 'fuzz')
if (($# > 0)); then
	mapfile -t lanes < <(printf '%s\n' "$*" | sed 's/ + /\n/g')
fi

prepare
rm -f "$results"/*
case " ${lanes[*]} " in *' user '* | *' root '* | *' clients'* | *' validation '* | *' vm-'*) prepare_runtime ;; esac
case " ${lanes[*]} " in *' vm-'*) prepare_machines ;; esac
start_lane() {
	local list
	read -r -a list <<<"$1"
	[ "$1" != fuzz ] || renice -n 10 -p "$BASHPID" >/dev/null
	lane "${list[@]}"
}
stop_lanes() {
	local pid
	for pid in "${pids[@]}"; do kill -- "-$pid" 2>/dev/null; done
	exit 130
}

# Each in a process group of its own, so that it can be ended as a whole; and not on our terminal.
pids=()
trap stop_lanes INT TERM HUP
set -m
for suites in "${lanes[@]}"; do
	start_lane "$suites" </dev/null &
	pids+=($!)
done
set +m
wait "${pids[@]}"
printf '\n'
read -r -a suites <<<"${lanes[*]}"
(cd "$results" && tally -sum "${suites[@]}") | tee "$results/summary"
exit "${PIPESTATUS[0]}"
