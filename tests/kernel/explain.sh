#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What "ktlsctl explain" says of a kernel that has TLS: that it could carry the connection.

set -u
# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

build=${KTLS_BUILD:-build}
[ -r /proc/net/tls_stat ] || tap_skip_all 'no kernel TLS'

dir=$(mktemp -d /tmp/ktlsd-explain-XXXXXX)
pid=

cleanup() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null
	wait
	rm -rf "$dir"
}
trap cleanup EXIT

"$build/tests/tools/certs" "$dir/certs" || exit
openssl s_server -accept 127.0.0.1:4433 -cert "$dir/certs/p256.pem" -key "$dir/certs/p256.key" \
	-cert_chain "$dir/certs/intermediate.pem" -quiet </dev/zero >/dev/null 2>"$dir/log" &
pid=$!

listens() {
	local i

	for ((i = 0; i < 600; i++)); do
		! ss -Htln 'sport = :4433' | grep -q . || return 0
		sleep 0.1
	done
	return 1
}

# can VERSION TEXT: the kernel's line of a handshake in that version.
can() {
	"$build/ktlsctl" explain --tls "$1" --timeout 60 --ca "$dir/certs/ca.pem" 127.0.0.1:4433 >"$dir/text"
	tr -s ' \n' ' ' <"$dir/text" | grep -qF "This machine's kernel can carry this connection: $2" ||
		{ tail -n 5 "$dir/text"; return 1; }
}

check 'the server runs' listens
check 'TLS 1.3' can 1.3 'AES-GCM-128 in TLS 1.3, sending and receiving'
check 'TLS 1.2' can 1.2 'AES-GCM-128 in TLS 1.2, sending and receiving'
tap_done
