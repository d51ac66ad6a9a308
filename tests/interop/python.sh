#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Python's ssl module: tests/interop/peer.py.

# shellcheck source=tests/interop/peers.sh
. tests/interop/peers.sh
python=/usr/bin/python3
need "$python"
# shellcheck source=tests/interop/matrix.sh
. tests/interop/matrix.sh
# shellcheck source=tests/interop/cells.sh
. tests/interop/cells.sh

their_client() {
	log=$tmp/theirs
	timeout "$patience" "$python" tests/interop/peer.py client "$1" "$port" "$ca" "$data" "$tmp/got" \
		"${@:2}" 2>"$log"
}

their_server() {
	log=$tmp/theirs
	background "$log" "$python" tests/interop/peer.py server "$certs/$1.pem" "$certs/$1.key" \
		"$ca" "${@:2}"
	until_ok has_port "$log" || { cat "$log"; return 1; }
}

their_alert() {
	until_ok has "alert $1"$'\n' "$log" || { tail -n 20 "$log"; return 1; }
}

# The name is checked by libssl, within the handshake.
test_refusals() {
	try 'client refuses another name' refuses wrong-name alert=bad_certificate origin=received
	try 'client refuses what has expired' refuses expired alert=certificate_expired origin=received
	try 'client refuses what is to come' refuses future alert=bad_certificate origin=received
	try 'client refuses an unknown issuer' refuses unknown-ca alert=unknown_ca origin=received
}

# Of suites, this module knows only those of TLS 1.2.
cannot='suite groups'
demand=(end=PEER_ALERT:certificate_required)
tls12=(reason=PEER_ALERT alert=protocol_version)
test_clients
more=(--group secp256r1)
[ -n "${KTLS_SOCKET:-}" ] || try 'client: secp256r1 after a HelloRetryRequest' gets localhost p256 -- \
	group=secp256r1 retried=yes
more=()
try 'client: data in one segment with its Finished' gets localhost p256 glued --
test_refusals
test_servers
try 'client: a GET by create_default_context() and wrap_socket()' gets localhost p256 get --
stack "$("$python" -c 'import platform, ssl
print("Python", platform.python_version(), "with", *ssl.OPENSSL_VERSION.split()[:2])')" client server
lacks_suites='TLS_RSA_WITH_AES_128_GCM_SHA256 TLS_RSA_WITH_AES_256_GCM_SHA384'
test_cells
tap_done
