#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The example servers in other languages, which have no TLS library and none of ours: curl gets files
# from them, many at once, and the kernel's counters show whose records they were.

set -u
# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

[ -n "${KTLS_VM:-}" ] || tap_skip_all 'not in the VM'
for tool in python3 curl openssl; do
	command -v "$tool" >/dev/null || tap_skip_all "$tool is not installed"
done
grep -q tls /proc/sys/net/ipv4/tcp_available_ulp || tap_skip_all 'no kernel TLS'

build=${KTLS_BUILD:-build}
export PYTHONDONTWRITEBYTECODE=1
tmp=$(mktemp -d)
chmod 755 "$tmp"
started=()
trap 'kill "${started[@]}" 2>/dev/null; rm -rf "$tmp"' EXIT

# wait_for COMMAND...: a minute at most
wait_for() {
	for _ in $(seq 600); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	echo "in vain: $*"
	return 1
}

listens() {
	ss -Hltn "sport = :$1" | grep -q .
}

# run NAME COMMAND...: in the background; what it prints goes to NAME.log
run() {
	local name=$1

	shift
	"$@" >"$tmp/$name.log" 2>&1 </dev/null &
	started+=($!)
}

get() {
	curl -sS --cacert "$tmp/ca.pem" -m 60 --retry 0 "$@"
}

# same PORT FILE: what comes is what the folder has
same() {
	get -o "$tmp/got" "https://localhost:$1/$2" && cmp "$tmp/got" "$tmp/www/$2"
}

not_found() {
	local code

	for path in /missing '/../ca.pem' '/%2e%2e/ca.pem'; do
		code=$(get --path-as-is -o /dev/null -w '%{http_code}' "https://localhost:$1$path") &&
			[[ $code == 4?? ]] || return
	done
}

# Eight at once, while one who says nothing holds a connection open.
at_once() {
	local pids=() silent

	exec {silent}<>"/dev/tcp/localhost/$1" || return
	for i in 1 2 3 4 5 6 7 8; do
		get -o "$tmp/got.$i" "https://localhost:$1/big" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || return
	done
	exec {silent}>&-
	for i in 1 2 3 4 5 6 7 8; do
		cmp "$tmp/got.$i" "$tmp/www/big" || return
	done
}

# OpenSSL tells an end that nobody announced from close_notify.
ends_well() {
	printf 'GET /file HTTP/1.0\r\n\r\n' | timeout 60 openssl s_client -connect "localhost:$1" \
		-CAfile "$tmp/ca.pem" -verify_return_error -ign_eof >"$tmp/end" 2>&1
	grep -a 'error' "$tmp/end"
	! grep -aq 'unexpected eof' "$tmp/end" && grep -aq 'closed$' "$tmp/end"
}

counter() {
	awk -v n="$1" '$1 == n { print $2 }' /proc/net/tls_stat
}

kernel_had_them() {
	local tx
	tx=$(counter TlsTxSw)
	echo "TlsTxSw: $before, then $tx"
	[ $((tx - before)) -ge 11 ] && [ "$(counter TlsDecryptError)" -eq "$errors" ]
}

"$build/tests/tools/certs" "$tmp"
mkdir "$tmp/www"
head -c 5000 /dev/urandom >"$tmp/www/file"
head -c 3000000 /dev/urandom >"$tmp/www/big"
cat >"$tmp/ktlsd.conf" <<-END
	[ktlsd]
	socket = $tmp/ktlsd.sock
	socket-group = root
	user = nobody
	workers = 2
	[profile default]
	certificate = $tmp/p256.pem
	key = $tmp/p256.key
	server-users = root
END

# server NAME PORT COMMAND...: the same for each of them
server() {
	local name=$1 port=$2

	shift 2
	before=$(counter TlsTxSw)
	errors=$(counter TlsDecryptError)
	run "$name" "$@"
	check "$name: starts" wait_for listens "$port"
	check "$name: a file" same "$port" file
	check "$name: what is not there, or not below the folder" not_found "$port"
	check "$name: eight at once, and a client that says nothing" at_once "$port"
	check "$name: close_notify at the end" ends_well "$port"
	check "$name: records were the kernel's" kernel_had_them
}

run ktlsd "$build/ktlsd" --config "$tmp/ktlsd.conf"
tap_plan 13
check 'ktlsd starts' wait_for test -S "$tmp/ktlsd.sock"
server Python 4441 python3 Documentation/examples/server.py --ktlsd "$tmp/ktlsd.sock" 4441 "$tmp/www"
if [ -x "$build/examples/server" ]; then
	server Go 4442 "$build/examples/server" -ktlsd "$tmp/ktlsd.sock" -listen localhost:4442 "$tmp/www"
else
	for i in 1 2 3 4 5 6; do
		tap_skip "Go: test $i" 'Go is not installed'
	done
fi
tap_done
