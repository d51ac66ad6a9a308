#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What TLS does behind a handshake, between the scripted peer and others' programs: the peer that
# other tests rely on is understood by those who did not write it.

# shellcheck source=tests/interop/peers.sh
. tests/interop/peers.sh
need openssl gnutls-cli gnutls-serv

# script_server LINE...: any data; sets port.
script_server() {
	background "$tmp/ours" "$tools/script" server --cert "$certs/p256" --any-data "$@"
	ours=$pid
	until_ok has_port "$tmp/ours" || { cat "$tmp/ours"; return 1; }
	read -r _ port <"$tmp/ours"
}

# ends_well WORD...: the script has come to its end, and its line has these words.
ends_well() {
	local word

	until_ok has_ended "$ours" || { cat "$tmp/ours"; return 1; }
	cat "$tmp/ours"
	for word; do
		has " $word" "$tmp/ours" || return 1
	done
}

script_client() {
	timeout "$patience" "$tools/script" client "127.0.0.1:$port" --trust "$ca" --name localhost "$@"
}

# Lines for a program's standard input, each after the peer has made a file that says so.
typing() {
	local line i=0

	for line; do
		until_ok has_file "$tmp/step$((i++))" && printf '%s\n' "$line"
	done
	until_ok has_file "$tmp/step$i"
}

has_file() {
	[ -e "$1" ]
}

openssl_client() {
	rm -f "$tmp"/step*
	script_server "tickets 10, split 3, tickets 1, touch $tmp/step0, expect data 3, touch $tmp/step1" \
		"expect key-update answer, touch $tmp/step2, expect data 3, touch $tmp/step3" \
		"expect key-update request, send 100, key-update request, touch $tmp/step4" \
		"until key-update answer, expect data 3, close-notify, touch $tmp/step5, until close-notify" ||
		return
	typing hi k ho K hm | timeout "$patience" openssl s_client -connect "127.0.0.1:$port" \
		-servername localhost -CAfile "$ca" >"$tmp/theirs" 2>&1
	ends_well sent=100 received=9 updates=2,3 &&
		[ "$(grep -ac 'New Session Ticket' "$tmp/theirs")" -eq 11 ]
}

openssl_server() {
	background "$tmp/theirs" openssl s_server -accept 127.0.0.1:0 -cert "$certs/p256.pem" \
		-cert_chain "$certs/p256.pem" -key "$certs/p256.key" -rev
	listening "$pid" || return
	script_client --any-data 'expect message 4, expect message 4, key-update' \
		'record 100, pad 1000, send 80000, key-update request, send 80000, close-notify, drain'
}

gnutls_client() {
	rm -f "$tmp"/step*
	script_server "tickets 2, touch $tmp/step0, expect data 3, touch $tmp/step1" \
		"expect key-update, touch $tmp/step2, key-update request, send 10" \
		"expect key-update answer, expect data 3, touch $tmp/step3, until close-notify" || return
	typing hi '^rekey^' ho | timeout "$patience" gnutls-cli --inline-commands --logfile=/dev/null \
		--x509cafile "$ca" -p "$port" localhost >"$tmp/theirs" 2>&1
	ends_well sent=10 received=6
}

gnutls_server() {
	background "$tmp/theirs" gnutls-serv --port 0 --echo --x509certfile "$certs/p256.pem" \
		--x509keyfile "$certs/p256.key"
	listening "$pid" || return
	script_client --any-data 'expect message 4, expect message 4' \
		'key-update, send 100, key-update request, send 100, until key-update answer' \
		'close-notify, drain'
}

# In TLS 1.2 a peer may ask for a new handshake, and is told that there will be none.
openssl_client_1_2() {
	script_server --tls 1.2 'hello-request, delay 200, send 10, drain' || return
	sleep 1 | timeout "$patience" openssl s_client -connect "127.0.0.1:$port" -tls1_2 \
		-servername localhost -CAfile "$ca" -no_renegotiation >"$tmp/theirs" 2>&1
	ends_well sent=10
}

try 'openssl s_client: tickets, KeyUpdates both ways' openssl_client
try 'openssl s_server: KeyUpdates, short and padded records' openssl_server
try 'gnutls-cli: KeyUpdates both ways' gnutls_client
try 'gnutls-serv: KeyUpdates' gnutls_server
try 'openssl s_client, TLS 1.2: HelloRequest' openssl_client_1_2
tap_done
