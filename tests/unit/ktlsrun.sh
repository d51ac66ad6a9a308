#!/bin/bash
# SPDX-License-Identifier: MIT
#
# ktlsrun itself: what it says and how it ends, before there is any connection.
# tests/interop/ktlsrun.sh has programs that run under it.

set -u
# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

run=${KTLS_BUILD:-build}/ktlsrun
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# ends STATUS TEXT ARG...: with that status, having said that
ends() {
	local status=$1 text=$2

	shift 2
	"$run" "$@" >"$dir/said" 2>&1
	local got=$?
	cat "$dir/said"
	echo "status $got"
	[ "$got" -eq "$status" ] && grep -qe "$text" "$dir/said"
}

printf '#!/bin/sh\n' >"$dir/not-executable"
printf '#!/nowhere/sh\n' >"$dir/no-interpreter"
chmod 755 "$dir/no-interpreter"

tap_plan 14
check '--help' ends 0 '^usage: ktlsrun' --help
check '--version' ends 0 '^ktlsrun [0-9]' --version
check 'no command' ends 125 '^usage: ktlsrun' --listen 443=web
check 'no such option' ends 125 'unrecognized option' --listen 443=web --tls -- true
check 'a port that is none' ends 125 "listen 0=web: no port" --listen 0=web -- true
check 'no profile' ends 125 "connect 443: there is no" --connect 443 -- true
check 'a host to listen on' ends 125 'only --connect takes a host' --listen a:443=web -- true
check 'a deadline that is none' ends 125 'not a number of milliseconds' --deadline x -- true
check 'nothing to do' ends 125 'nothing to do' --name 443=example.org -- true
check 'no ktlsd' ends 125 'ktlsd: ' --socket "$dir/sock" --listen 443=web -- true
check 'no such command' ends 127 'not found' --listen 443=web -- no-such-command
check 'not executable' ends 127 'not found' --listen 443=web -- "$dir/not-executable"
check 'no interpreter' ends 126 'cannot be run' --listen 443=web -- "$dir/no-interpreter"
check 'options behind the command are its own' ends 125 'ktlsd: ' --socket "$dir/sock" \
	--listen 443=web true --help
tap_done
