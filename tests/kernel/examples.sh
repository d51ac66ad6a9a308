#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The example servers in other languages, which have no TLS library and none of ours: curl gets files
# from them, many at once, and the kernel's counters show whose records they were.

needs='python3 curl openssl'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh

[ -n "${KTLS_VM:-}" ] || tap_skip_all 'not in the VM'
export PYTHONDONTWRITEBYTECODE=1

get() {
	curl -sS --cacert "$dir/ca.pem" -m 60 --retry 0 "$@"
}

# same PORT FILE: what comes is what the folder has
same() {
	get -o "$dir/got" "https://localhost:$1/$2" && cmp "$dir/got" "$dir/www/$2"
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
		get -o "$dir/got.$i" "https://localhost:$1/big" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || return
	done
	exec {silent}>&-
	for i in 1 2 3 4 5 6 7 8; do
		cmp "$dir/got.$i" "$dir/www/big" || return
	done
}

# OpenSSL tells an end that nobody announced from close_notify.
ends_well() {
	printf 'GET /file HTTP/1.0\r\n\r\n' | timeout 60 openssl s_client -connect "localhost:$1" \
		-CAfile "$dir/ca.pem" -verify_return_error -ign_eof >"$dir/end" 2>&1
	grep -a 'error' "$dir/end"
	! grep -aq 'unexpected eof' "$dir/end" && grep -aq 'closed$' "$dir/end"
}

kernel_had_them() {
	local tx
	tx=$(stat_of TlsTxSw)
	echo "TlsTxSw: $before, then $tx"
	[ $((tx - before)) -ge 11 ] && [ "$(stat_of TlsDecryptError)" -eq "$errors" ]
}

"$build/tests/tools/certs" "$dir"
mkdir "$dir/www"
head -c 5000 /dev/urandom >"$dir/www/file"
head -c 3000000 /dev/urandom >"$dir/www/big"
cat >"$dir/ktlsd.conf" <<-END
	[ktlsd]
	socket = $dir/ktlsd.sock
	socket-group = root
	user = nobody
	workers = 2
	[profile default]
	certificate = $dir/p256.pem
	key = $dir/p256.key
	server-users = root
END

# server NAME PORT COMMAND...: the same for each of them
server() {
	local name=$1 port=$2

	shift 2
	before=$(stat_of TlsTxSw)
	errors=$(stat_of TlsDecryptError)
	start "$name" "$@"
	check "$name: starts" until_true listens "$port"
	check "$name: a file" same "$port" file
	check "$name: what is not there, or not below the folder" not_found "$port"
	check "$name: eight at once, and a client that says nothing" at_once "$port"
	check "$name: close_notify at the end" ends_well "$port"
	check "$name: records were the kernel's" kernel_had_them
}

start_ktlsd
tap_plan 12
server Python 4441 python3 Documentation/examples/server.py --ktlsd "$dir/ktlsd.sock" 4441 "$dir/www"
if [ -x "$build/examples/server" ]; then
	server Go 4442 "$build/examples/server" -ktlsd "$dir/ktlsd.sock" -listen localhost:4442 "$dir/www"
else
	for i in 1 2 3 4 5 6; do
		tap_skip "Go: test $i" 'Go is not installed'
	done
fi
tap_done
