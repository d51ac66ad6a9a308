# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# For shell tests of kernel TLS that start ktlsd and others' programs; to be sourced. Has sourced
# tap.sh, and made a folder that goes, with all that was started, when the script ends: $dir. Where
# the kernel has no TLS and $anywhere is empty, or one of the programs in $needs is not there, the
# script has been skipped.

set -u
# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh
# shellcheck source=tests/harness/until.sh
. tests/harness/until.sh

[ -n "${anywhere:-}" ] || [ -r /proc/net/tls_stat ] || tap_skip_all 'no kernel TLS'
for tool in ${needs:-}; do
	command -v "$tool" >/dev/null || tap_skip_all "$tool is not installed"
done

# shellcheck disable=SC2034 # the scripts'
build=${KTLS_BUILD:-build}
dir=$(mktemp -d /tmp/ktlsd-XXXXXX)
chmod 755 "$dir"
pids=()

cleanup() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null
	wait
	rm -rf "$dir"
}
trap cleanup EXIT

# listens PORT [PID]: somebody does, in the network namespace of the process or in ours. No program is
# started for that. Sockets that listen come first in these tables.
listens() {
	local table port at state

	printf -v port ':%04X' "$1"
	for table in tcp tcp6; do
		while read -r _ at _ state _; do
			[ "$state" != st ] || continue
			[ "$state" = 0A ] || break
			[ "${at: -5}" != "$port" ] || return 0
		done <"/proc/${2:-self}/net/$table"
	done
	return 1
}

# start NAME COMMAND...: in the background, its output in NAME.log. Not to be called in a check.
start() {
	local name=$1

	shift
	# Nobody who waits for a line shall find one of an earlier start.
	: >"$dir/$name.log"
	"$@" >"$dir/$name.log" 2>&1 </dev/null &
	pids+=($!)
}

stop_last() {
	kill "${pids[-1]}"
	wait "${pids[-1]}" 2>/dev/null
	unset 'pids[-1]'
}

# For start: what it becomes runs in the folder of the files.
in_www() {
	cd "$dir/www" && exec "$@"
}

# use_certs: $certs is a folder with what tests/tools/certs makes. run-vm has made one: RSA keys take
# long where the CPU is emulated.
use_certs() {
	certs=${KTLS_CERTS:-$dir/certs}
	[ -d "$certs" ] || "$build/tests/tools/certs" "$certs" >/dev/null
}

# ktlsd_conf LINE...: ktlsd.conf, of which the section of ktlsd has these lines
ktlsd_conf() {
	printf '%s\n' '[ktlsd]' "socket = $dir/ktlsd.sock" "socket-group = $(id -gn)" "$@" \
		>"$dir/ktlsd.conf"
}

# ktlsd_profile NAME LINE...: for us, in both roles, with certificates of $certs and these lines
ktlsd_profile() {
	printf '%s\n' "[profile $1]" "certificate = $certs/p256.pem" "key = $certs/p256.key" \
		"trust = $certs/ca.pem" "server-users = $(id -un)" "client-users = $(id -un)" "${@:2}" \
		>>"$dir/ktlsd.conf"
}

# ended N FILE: of what the file, which is ktlspeer's, has behind N lines, and $said then too, the last
# tells of a connection.
ended() {
	local lines

	mapfile -t lines <"$2"
	said="${lines[*]:$1}"
	[ ${#lines[@]} -gt "$1" ] && [[ ${lines[-1]} == @(ok|failed)* ]]
}

# kernel_can WHAT: as ktls-setup check --json calls it
kernel_can() {
	"$build/ktls-setup" check --json | grep -q "\"$1\": \"ok\""
}

# start_ktlsd [NAME]: by the configuration NAME.conf, until it is ready; the script ends where it is
# not.
start_ktlsd() {
	local name=${1:-ktlsd}

	start "$name" "$build/ktlsd" --config "$dir/$name.conf"
	until_true grep -q ready: "$dir/$name.log" >/dev/null && return
	tap_diag "$(cat "$dir/$name.log")"
	tap_not_ok "$name starts"
	tap_done
}

# The answer's header is cut off: everything up to the first empty line.
body() {
	sed '1,/^\r$/d'
}

stat_of() {
	awk -v n="$1" '$1 == n { print $2 }' /proc/net/tls_stat
}
