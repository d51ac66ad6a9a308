#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kernel-setup/vm/run itself: what it hands in, what it hands back, and how it fails. Boots the oldest
# kernel half a dozen times; once that is in the cache, nothing here needs a network.

set -u
# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

vm=$PWD/kernel-setup/vm/run
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# ends STATUS ARG...: the runner with these arguments has that status; its output is in $tmp/out, err
ends() {
	local wanted=$1 status

	shift
	"$vm" "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	cat "$tmp/out" "$tmp/err"
	[ "$status" -eq "$wanted" ] || { echo "status $status"; return 1; }
}

out_is() {
	printf '%s' "$1" | cmp - "$tmp/out"
}

err_has() {
	grep -q -- "$1" "$tmp/err"
}

# The runner's processes of one cache folder, QEMU among them.
left_behind() {
	local pid

	for pid in /proc/[0-9]*; do
		! tr '\0' ' ' <"$pid/cmdline" 2>/dev/null | grep -q "qemu-system.*$1" || return 0
	done
	return 1
}

# killed: a runner that is killed takes its VM along
killed() {
	local pid i mark=$tmp/marked-initrd

	# The console's path is on QEMU's command line, and holds the runner's cache: make that unique.
	mkdir -p "$mark/vm"
	ln -s "$(realpath "${KTLS_CACHE:-.cache}/vm/kernel")" "$mark/vm/kernel"
	KTLS_CACHE=$mark "$vm" sleep 100 >/dev/null 2>&1 &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		! left_behind "$mark" || break
		sleep 0.1
	done
	left_behind "$mark" || { echo 'no VM was seen'; return 1; }
	kill -KILL "$pid"
	for ((i = 0; i < 100; i++)); do
		left_behind "$mark" || return 0
		sleep 0.1
	done
	echo 'the VM is still there'
	return 1
}

"$vm" true >/dev/null 2>"$tmp/err" || tap_diag "$(cat "$tmp/err")"
# From here on the kernel is in the cache; no mirror can be reached.
export KTLS_MIRROR=http://127.0.0.1:9/none

check 'no command is refused' ends 125
check 'an unknown option is refused' ends 125 --frob true
check 'a time limit that is no number is refused' ends 125 -t soon true
check 'a path is no kernel' ends 125 -k ../../etc true
check '--help is no error' ends 0 --help
check '--list has the kernel' ends 0 --list
check 'and says which it is' grep -q 'Debian.*= oldest' "$tmp/out"

KTLS_CACHE=$tmp/empty check 'no kernel and no mirror is a failure' ends 125 true
check 'which names apt' err_has 'apt-get update for bookworm'
KTLS_CACHE=$tmp/empty check 'of which nothing is left' ends 0 --list
check 'that looks like a kernel' out_is ''

cd "$tmp" || exit
export ODD=$'a  "b"\n$c'
# shellcheck disable=SC2016
check 'a command gets its arguments' ends 0 bash -c \
	'printf "%s|" "$@"; pwd; printf "%s\n" "$ODD"; echo warn >&2; id -u; touch /etc/left /tmp/left' \
	name 'x y' '' $'two\nlines'
check 'its folder and its environment' out_is $'x y||two\nlines|'"$tmp"$'\na  "b"\n$c\n0\n'
check 'and an error output of its own' err_has '^warn$'
check 'what it writes is gone' bash -c '[ ! -e /etc/left ] && [ ! -e /tmp/left ]'
cd - >/dev/null || exit

check 'the status comes back' ends 42 -q sh -c 'exit 42'
check 'and nothing else with -q' out_is ''
check 'a signal comes back' ends 137 sh -c 'kill -9 $$'

check 'the time limit strikes' ends 124 -t 15 sh -c 'echo begun; sleep 100'
check 'what was written before is there' out_is $'begun\n'
check 'and why it ended' err_has 'time limit of 15 s'

check 'a panic is a failure' ends 125 sh -c 'echo begun; echo c >/proc/sysrq-trigger; sleep 9'
check 'which shows the panic' err_has 'Kernel panic'
check 'and is not tried again' [ "$(grep -c 'once more' "$tmp/err")" -eq 0 ]
check 'a boot without end is a failure' ends 125 -m 40 true
check 'that is tried three times' [ "$(grep -c 'once more' "$tmp/err")" -eq 2 ]
check 'a warning of the kernel is a failure' ends 123 sh -c 'echo "WARNING: odd" >/dev/kmsg'
check 'which shows the warning' err_has 'WARNING: odd'

check 'a runner that is killed takes its VM along' killed
tap_done
