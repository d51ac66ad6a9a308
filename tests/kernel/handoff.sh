#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Other people's way to ktlsd: the client in Python, and the example clients, with OpenSSL at the other
# end. Listens where ktlsd does by default, so it is for the VM only.

needs='python3 openssl'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh

[ -n "${KTLS_VM:-}" ] || tap_skip_all 'not in the VM'
export PYTHONDONTWRITEBYTECODE=1

# run NAME COMMAND...: in the background; what it prints goes to files. Not to be called in a check.
run() {
	local name=$1

	shift
	"$@" >"$dir/$name.out" 2>"$dir/$name.err" </dev/null &
	pids+=($!)
}

# json FILE EXPRESSION: holds for the reply in the first line of the file
json() {
	head -n 1 "$1" | python3 -c "import json, sys; r = json.load(sys.stdin); print(r); assert $2"
}

openssl_server() {
	openssl s_server -cert "$dir/p256.pem" -key "$dir/p256.key" -cert_chain "$dir/p256.pem" \
		-quiet "$@"
}

www_server() {
	cd "$dir/www" && openssl_server -accept 4433 -WWW -alpn http/1.1
}

python_as_client() {
	until_true listens 4433 || return
	printf 'GET /file HTTP/1.0\r\n\r\n' | timeout 60 python3 tests/interop/handoff.py \
		--connect localhost:4433 --alpn h2,http/1.1 >"$dir/got"
}

body_is_the_file() {
	tail -c "$(stat -c %s "$dir/www/file")" "$dir/got" | cmp - "$dir/www/file"
}

python_server() {
	echo 'from ktlsd' | timeout 60 python3 tests/interop/handoff.py --accept 4434 --bytes 13
}

python_as_server() {
	until_true listens 4434 || return
	(echo 'from openssl'; sleep 3) | timeout 60 openssl s_client -connect localhost:4434 -quiet \
		-verify_return_error -verify_hostname localhost -servername localhost \
		-CAfile "$dir/ca.pem" >"$dir/client" 2>&1
	cat "$dir/client" "$dir"/python.*
	grep -qx 'from ktlsd' "$dir/client" && grep -qx 'from openssl' "$dir/python.out"
}

# The peer changes its key and wants another of ours, then its own once more.
python_rekeyed() {
	(until_true listens 4436 && echo 'from ktlsd' && sleep 6) |
		timeout 90 python3 tests/interop/handoff.py --accept 4436 --bytes 22 --update
}

peer_changes_keys() {
	until_true listens 4436 || return
	(echo 'before K'; sleep 3; echo K; sleep 3; echo 'in between'; sleep 3; echo k; sleep 3; echo z; sleep 2) |
		timeout 90 openssl s_client -connect localhost:4436 -verify_return_error \
			-verify_hostname localhost -CAfile "$dir/ca.pem" >"$dir/rekeyed" 2>&1
	cat "$dir/rekeyed" "$dir"/rekeyed_python.*
	grep -qx 'from ktlsd' "$dir/rekeyed" && grep -qx 'in between' "$dir/rekeyed_python.out" &&
		grep -qx z "$dir/rekeyed_python.out" && [ "$(grep -c KEYUPDATE "$dir/rekeyed")" -eq 2 ]
}

can_rekey() {
	python3 -c 'import sys; sys.path.append("tests/interop"); import handoff
sys.exit(not handoff.Ktlsd().greeting["capabilities"] >> 16 & 1)'
}

wrong_name() {
	timeout 60 python3 tests/interop/handoff.py --connect localhost:4433 \
		--server-name other.example </dev/null >"$dir/wrong"
	[ $? -eq 1 ] && json "$dir/wrong" 'r["reason"] == 66 and (r["alert_origin"], r["alert"]) == (1, 42)'
}

hello() {
	until_true listens 4435 || return
	timeout 60 "$build/examples/hello" 4435 >"$dir/hello"
	cat "$dir/hello"
	grep -qx olleh "$dir/hello"
}

# client OPTION...: two documents at once
client() {
	timeout 60 "$build/examples/client" "$@" localhost 4433 /file /other >"$dir/fetched" 2>"$dir/told"
	local status=$?

	cat "$dir/told"
	[ "$status" -eq 0 ] && [ "$(grep -c 'TLS 1.3 TLS_.* http/1.1, ' "$dir/told")" -eq 2 ] &&
		[ "$(stat -c %s "$dir/fetched")" -gt "$(cat "$dir"/www/* | wc -c)" ]
}

# Other tests have run in this VM, and some break records on purpose.
cp /proc/net/tls_stat "$dir/stat_before"

records_were_the_kernels() {
	paste "$dir/stat_before" /proc/net/tls_stat
	awk 'NR == FNR { before[$1] = $2; next }
	     $1 == "TlsTxSw" || $1 == "TlsRxSw" { n += $2 >= before[$1] + 8 }
	     $1 ~ /Error/ { n -= $2 - before[$1] } END { exit n != 2 }' "$dir/stat_before" /proc/net/tls_stat
}

"$build/tests/tools/certs" "$dir"
mkdir "$dir/www"
head -c 300000 /dev/urandom >"$dir/www/file"
head -c 1000 /dev/urandom >"$dir/www/other"
cat >"$dir/ktlsd.conf" <<-END
	[ktlsd]
	socket = /run/ktlsd/ktlsd.sock
	socket-group = root
	user = nobody
	workers = 2
	[profile default]
	certificate = $dir/p256.pem
	key = $dir/p256.key
	trust = $dir/ca.pem
	alpn = h2 http/1.1
	server-users = root
	client-users = root
END
mkdir -p /run/ktlsd
start_ktlsd
run www www_server
run rev openssl_server -accept 4435 -rev

tap_plan 12
run python python_server
run rekeyed_python python_rekeyed
check 'Python as client' python_as_client
check 'its reply' json "$dir/got" \
	'(r["reason"], r["version"], r["alpn"], r["tx"], r["rx"]) == (0, 0x0304, "http/1.1", 1, 1)'
check 'the certificate in it' json "$dir/got" \
	'r["certificates"][0].startswith("3082") and r["time_us"] > 0 and r["scheme"] == 0x0403'
check 'the file is the same' body_is_the_file
check 'Python as server' python_as_server
check 'its reply' json "$dir/python.out" \
	'(r["reason"], r["server_name"], r["certificates"]) == (0, "localhost", [])'
if can_rekey; then
	check 'Python changes keys with OpenSSL' peer_changes_keys
else
	tap_skip 'Python changes keys with OpenSSL' 'this kernel does not change keys'
fi
check 'a wrong name' wrong_name
check 'the shortest example' hello
check 'the example client' client
check 'the example client without ktlsd' client -e "$dir/ca.pem"
check 'all of it in the kernel' records_were_the_kernels
tap_done
