#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# inside.sh WORK TESTBINARY DIR FLAGS…: in the machine. A share has neither owners nor speed, so what is run is copied first.
set -eu
mkdir /var/tmp/work
cp -r "$1"/* /var/tmp/work/
cd "$3"
# VM_SCOPE: in a cgroup that was delegated, for who makes others in it.
scope=()
[ -z "${VM_SCOPE:-}" ] || scope=(systemd-run --user --scope --quiet --property Delegate=yes)
exec "${scope[@]}" "/var/tmp/work/$2" "${@:4}"
