#!/bin/sh
# Runs a command, as root and in a mount namespace that is its own already (tests/private-dev.sh), with an empty /run:
# engines keep sockets, locks and states of containers there that are none of the machine's business, and a machine's
# services are none of theirs.
set -eu
mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /run
mkdir -m 1777 /run/lock
exec "$@"
