#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Other people's way to ktlsd: the client in Python, and the example clients, with OpenSSL at the other
# end. Listens where ktlsd does by default, so it is for the VM only.

set -u
# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

[ -n "${KTLS_VM:-}" ] || tap_skip_all 'not in the VM'
for tool in python3 openssl; do
	command -v "$tool" >/dev/null || tap_skip_all "$tool is not installed"
done
grep -q tls /proc/sys/net/ipv4/tcp_available_ulp || tap_skip_all 'no kernel TLS'

build=${KTLS_BUILD:-build}
export PYTHONDONTWRITEBYTECODE=1
tmp=$(mktemp -d)
chmod 755 "$tmp"
started=()
trap 'kill "${started[@]}" 2>/dev/null; rm -rf "$tmp"' EXIT

# wait_for COMMAND...: half a minute at most, for this is slow where the CPU is emulated
wait_for() {
	for _ in $(seq 300); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	echo "in vain: $*"
	return 1
}

listens() {
	ss -Hltn "sport = :$1" | grep -q .
}

# run NAME COMMAND...: in the background; what it prints goes to files. Not to be called in a check.
run() {
	local name=$1

	shift
	"$@" >"$tmp/$name.out" 2>"$tmp/$name.err" </dev/null &
	started+=($!)
}

# json FILE EXPRESSION: holds for the reply in the first line of the file
json() {
	head -n 1 "$1" | python3 -c "import json, sys; r = json.load(sys.stdin); print(r); assert $2"
}

ktlsd_is_ready() {
	wait_for grep -q 'ktlsd: ready' "$tmp/ktlsd.err" && return
	cat "$tmp/ktlsd.err"
	return 1
}

in_www() {
	cd "$tmp/www" && "$@"
}

openssl_server() {
	openssl s_server -cert "$tmp/p256.pem" -key "$tmp/p256.key" -cert_chain "$tmp/p256.pem" \
		-quiet "$@"
}

python_as_client() {
	wait_for listens 4433 || return
	printf 'GET /file HTTP/1.0\r\n\r\n' | timeout 60 python3 tests/interop/handoff.py \
		--connect localhost:4433 --alpn h2,http/1.1 >"$tmp/got"
}

body_is_the_file() {
	tail -c "$(stat -c %s "$tmp/www/file")" "$tmp/got" | cmp - "$tmp/www/file"
}

python_server() {
	echo 'from ktlsd' | timeout 60 python3 tests/interop/handoff.py --accept 4434 --bytes 13
}

python_as_server() {
	wait_for listens 4434 || return
	(echo 'from openssl'; sleep 3) | timeout 60 openssl s_client -connect localhost:4434 -quiet \
		-verify_return_error -verify_hostname localhost -servername localhost \
		-CAfile "$tmp/ca.pem" >"$tmp/client" 2>&1
	cat "$tmp/client" "$tmp"/python.*
	grep -qx 'from ktlsd' "$tmp/client" && grep -qx 'from openssl' "$tmp/python.out"
}

wrong_name() {
	timeout 60 python3 tests/interop/handoff.py --connect localhost:4433 \
		--server-name other.example </dev/null >"$tmp/wrong"
	[ $? -eq 1 ] && json "$tmp/wrong" 'r["reason"] == 66 and (r["alert_origin"], r["alert"]) == (1, 42)'
}

hello() {
	wait_for listens 4435 || return
	timeout 60 "$build/examples/hello" 4435 >"$tmp/hello"
	cat "$tmp/hello"
	grep -qx olleh "$tmp/hello"
}

# client OPTION...: two documents at once
client() {
	timeout 60 "$build/examples/client" "$@" localhost 4433 /file /other >"$tmp/fetched" 2>"$tmp/told"
	local status=$?

	cat "$tmp/told"
	[ "$status" -eq 0 ] && [ "$(grep -c 'TLS 1.3 TLS_.* http/1.1, ' "$tmp/told")" -eq 2 ] &&
		[ "$(stat -c %s "$tmp/fetched")" -gt "$(cat "$tmp"/www/* | wc -c)" ]
}

# Other tests have run in this VM, and some break records on purpose.
cp /proc/net/tls_stat "$tmp/stat_before"

records_were_the_kernels() {
	paste "$tmp/stat_before" /proc/net/tls_stat
	awk 'NR == FNR { before[$1] = $2; next }
	     $1 == "TlsTxSw" || $1 == "TlsRxSw" { n += $2 >= before[$1] + 8 }
	     $1 ~ /Error/ { n -= $2 - before[$1] } END { exit n != 2 }' "$tmp/stat_before" /proc/net/tls_stat
}

"$build/tests/tools/certs" "$tmp"
mkdir "$tmp/www"
head -c 300000 /dev/urandom >"$tmp/www/file"
head -c 1000 /dev/urandom >"$tmp/www/other"
cat >"$tmp/ktlsd.conf" <<-END
	[ktlsd]
	socket = /run/ktlsd/ktlsd.sock
	socket-group = root
	user = nobody
	workers = 2
	[profile default]
	certificate = $tmp/p256.pem
	key = $tmp/p256.key
	trust = $tmp/ca.pem
	alpn = h2 http/1.1
	server-users = root
	client-users = root
END
mkdir -p /run/ktlsd
run ktlsd "$build/ktlsd" --config "$tmp/ktlsd.conf"
run www in_www openssl_server -accept 4433 -WWW -alpn http/1.1
run rev openssl_server -accept 4435 -rev

tap_plan 12
check 'ktlsd starts' ktlsd_is_ready
run python python_server
check 'Python as client' python_as_client
check 'its reply' json "$tmp/got" \
	'(r["reason"], r["version"], r["alpn"], r["tx"], r["rx"]) == (0, 0x0304, "http/1.1", 1, 1)'
check 'the certificate in it' json "$tmp/got" \
	'r["certificates"][0].startswith("3082") and r["time_us"] > 0 and r["scheme"] == 0x0403'
check 'the file is the same' body_is_the_file
check 'Python as server' python_as_server
check 'its reply' json "$tmp/python.out" \
	'(r["reason"], r["server_name"], r["certificates"]) == (0, "localhost", [])'
check 'a wrong name' wrong_name
check 'the shortest example' hello
check 'the example client' client
check 'the example client without ktlsd' client -e "$tmp/ca.pem"
check 'all of it in the kernel' records_were_the_kernels
tap_done
