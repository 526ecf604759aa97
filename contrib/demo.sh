#!/bin/sh
# Shows roost at work, as an ordinary user, printing every command before it runs.
# Started by root it uses an unprivileged account of its own, roost-demo.
# shellcheck disable=SC2016,SC1091,SC2154 # what is printed, and what a shell in a container expands; account.sh
set -eu
cd "$(dirname "$0")/.."
PATH=$PWD/out/go/bin:$PATH

step() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
show() {
	printf '$'
	for word in "$@"; do
		case $word in
		*[!A-Za-z0-9_./=:+-]* | '') printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '\n'
	"$@"
}

if [ "${1:-}" != inside ]; then
	step 'build one static binary'
	printf '$ make build\n'
	make --no-print-directory build
	# A place that the other account can read; this tree may lie in a home that it cannot.
	work=$(mktemp -d /var/tmp/roost-demo.XXXXXX)
	trap 'rm -rf "$work"' EXIT
	chmod 0755 "$work"
	cp bin/roost contrib/demo.sh "$work/"
	mkdir "$work/bundle"
	if [ "$(id -u)" = 0 ]; then
		# shellcheck source=contrib/account.sh
		. contrib/account.sh
		account roost-demo
		chown -R "$account_uid:$account_gid" "$work/bundle"
		step "root is not needed: going on as $account_name (uid $account_uid)"
		as_account sh "$work/demo.sh" inside "$work"
	else
		sh "$work/demo.sh" inside "$work"
	fi
	exit
fi

work=$2
cd "$work/bundle"
PATH=$work:$PATH
show id

step 'a root file system from busybox: one file and its names'
show mkdir -p rootfs/bin rootfs/etc rootfs/proc rootfs/sys rootfs/dev rootfs/tmp
show cp /bin/busybox rootfs/bin/
printf '$ for name in $(busybox --list); do ln -s busybox rootfs/bin/$name; done\n'
for name in $(/bin/busybox --list); do
	[ "$name" = busybox ] || ln -s busybox "rootfs/bin/$name"
done
printf '$ echo root:x:0:0::/root:/bin/sh >rootfs/etc/passwd\n'
echo root:x:0:0::/root:/bin/sh >rootfs/etc/passwd

step 'the shortest way: a directory and a command'
show roost run --rootfs rootfs -- /bin/sh -c 'id; hostname; ps'

step 'the OCI way: a bundle, and the life of a container'
printf '$ roost spec --rootless\n'
roost spec --rootless
printf '$ sed -i … config.json      (no terminal; sleep for a minute)\n'
sed -i -e 's/"terminal": true/"terminal": false/' -e 's/^\([[:space:]]*\)"sh"$/\1"sleep",\n\1"60"/' config.json
show roost create demo
show roost state demo
show roost start demo
show roost exec demo /bin/sh -c 'echo "in the container: $(id -un), pid 1 is $(cat /proc/1/comm)"'
show roost list
show roost kill demo KILL
show roost wait demo || printf '(the status of a container that nobody waited for is not known: %d)\n' $?
show roost delete demo

step 'a throw-away copy of this host: its programs, none of your files'
show roost run -- sh -c '. /etc/os-release; echo "$PRETTY_NAME"; id; ls -A "$HOME"; touch /usr/here-only && ls -l /usr/here-only'
printf '$ ls /usr/here-only      (on the host)\n'
ls /usr/here-only 2>&1 || true

step 'nothing is left'
show roost list
