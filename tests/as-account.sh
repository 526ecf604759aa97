#!/bin/sh
# Runs a command as the ordinary account roost-test. Root only.
set -eu
# shellcheck source=contrib/account.sh disable=SC1091
. "$(dirname "$0")/account.sh"
account roost-test
as_account "$@"
