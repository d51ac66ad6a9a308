# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# TAP for tests that are shell scripts; to be sourced.
#
#	. tests/harness/tap.sh
#	tap_plan 3                       # or, where the number is not known before, nothing
#	check 'curl gets the file' curl -sf -o "$tmp/got" https://localhost:4433/
#	check 'the file is the same' cmp "$tmp/got" "$tmp/sent"
#	tap_skip 'nginx gets the file' 'nginx is not installed'
#	tap_done                         # ends the script
#
# A script that exits without tap_done has no plan, or too few results, and so counts as failed.

tap_count=0
tap_failures=0
tap_planned=

tap_plan() {
	tap_planned=$1
	echo 'TAP version 13'
	echo "1..$1"
}

# The whole script cannot run: tap_skip_all REASON ends it.
tap_skip_all() {
	echo 'TAP version 13'
	echo "1..0 # SKIP $*"
	exit 0
}

tap_diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

tap_ok() {
	echo "ok $((++tap_count)) $1"
}

tap_not_ok() {
	((++tap_failures))
	echo "not ok $((++tap_count)) $1"
}

tap_skip() {
	echo "ok $((++tap_count)) $1 # SKIP $2"
}

# check NAME COMMAND [ARG...]: ok if the command's status is 0; else its output is shown. The command
# may be a shell function; what it sets is lost, as it runs in a subshell.
check() {
	local name=$1 output status

	shift
	output=$("$@" 2>&1 </dev/null)
	status=$?
	if [ "$status" -eq 0 ]; then
		tap_ok "$name"
		return 0
	fi
	tap_diag "$*: status $status"
	[ -z "$output" ] || tap_diag "$output"
	tap_not_ok "$name"
	return 1
}

tap_done() {
	[ -n "$tap_planned" ] || echo "1..$tap_count"
	[ "$tap_failures" -eq 0 ]
	exit
}
