# shellcheck shell=sh
# Sourced by the scripts that need an ordinary user when root starts them.
#
# account NAME: makes the account with sub-ids if it is not there, sets account_name, account_uid, account_gid.
# as_account COMMAND…: runs the command as that account, with the environment of a login and nothing of root's.

account() {
	PATH=$PATH:/usr/sbin:/sbin
	id -u "$1" >/dev/null 2>&1 || useradd --create-home --shell /bin/sh --comment 'unprivileged account for the scripts of roost' "$1"
	# useradd gives sub-ids only where login.defs says so for this kind of account; usermod appends to both files.
	# The range begins after the last one of anybody, so that two accounts never share ids.
	if ! grep -qs "^$1:" /etc/subuid || ! grep -qs "^$1:" /etc/subgid; then
		touch /etc/subuid /etc/subgid
		first=$(cat /etc/subuid /etc/subgid | awk -F: '{e = $2 + $3; if (e > m) m = e} END {print (m < 100000) ? 100000 : m}')
		usermod --add-subuids "$first-$((first + 65535))" --add-subgids "$first-$((first + 65535))" "$1"
	fi
	# A group besides its own, to be kept (--keep-groups) or dropped.
	if ! id -Gn "$1" | tr ' ' '\n' | grep -qx "$1-more"; then
		getent group "$1-more" >/dev/null || groupadd "$1-more"
		usermod --append --groups "$1-more" "$1"
	fi
	# shellcheck disable=SC2034 # for the script that sources this
	account_name=$1
	account_uid=$(id -u "$1")
	account_gid=$(id -g "$1")
	# What a login manager would do; a container's state must not outlive the boot.
	account_runtime=/run/user/$account_uid
	if [ ! -d "$account_runtime" ]; then
		mkdir -p /run/user
		mkdir -m 0700 "$account_runtime"
		chown "$account_uid:$account_gid" "$account_runtime"
	fi
}

as_account() {
	setpriv --reuid "$account_uid" --regid "$account_gid" --init-groups --inh-caps=-all --reset-env \
		env XDG_RUNTIME_DIR="$account_runtime" PATH=/usr/local/bin:/usr/bin:/bin "$@"
}
