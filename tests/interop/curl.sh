#!/bin/bash
# SPDX-License-Identifier: MIT
#
# curl and wget, which are clients.

# shellcheck source=tests/interop/peers.sh
. tests/interop/peers.sh
need curl wget
# shellcheck source=tests/interop/matrix.sh
. tests/interop/matrix.sh
# shellcheck source=tests/interop/cells.sh
. tests/interop/cells.sh

their_client() {
	local value options=()

	log=$tmp/theirs
	! value=$(word suite "$@") || options+=(--tls13-ciphers "$value")
	! value=$(word group "$@") || options+=(--curves "${value//,/:}")
	! value=$(word alpn "$@") || options+=("--${value//\//}")
	! word tls1.2 "$@" >/dev/null || options+=(--tls-max 1.2)
	! word tls1.3 "$@" >/dev/null || options+=(--tlsv1.3)
	! value=$(word cert "$@") || options+=(--cert "$value.pem" --key "$value.key")
	! word resume "$@" >/dev/null ||
		options+=(--upload-file "$data" --output "$tmp/first" "https://$1:$port/")
	timeout "$patience" curl -sSv --noproxy '*' --resolve "$1:$port:127.0.0.1" --cacert "$ca" \
		--header Expect: "${options[@]}" --upload-file "$data" --output "$tmp/got" \
		"https://$1:$port/" 2>"$log"
}

# curl -v has level and description as one number.
their_alert() {
	until_ok has "TLS alert, " "$log" && has "($((512 + $1)))" "$log" && return
	cat "$log"
	return 1
}

# libcurl itself looks at the name, after the handshake.
test_refusals() {
	try 'client refuses another name' refuses wrong-name received=0
	try 'client refuses what has expired' refuses expired alert=certificate_expired origin=received
	try 'client refuses what is to come' refuses future alert=bad_certificate origin=received
	try 'client refuses an unknown issuer' refuses unknown-ca alert=unknown_ca origin=received
}

# wget_gets NAME CERT FACT...
wget_gets() {
	serve "$2" --http "$data" || return
	timeout "$patience" wget -q --no-proxy --ca-certificate "$ca" --method PUT --body-file "$data" \
		-O "$tmp/got" "https://$1:$port/" || echo "its status: $?"
	served "${well[@]}" "${@:3}" && cmp "$tmp/got" "$data"
}

test_wget() {
	local name

	for name in p256 rsa2048; do
		try "wget: $name" wget_gets localhost "$name" "scheme=${scheme[$name]}" sni=localhost
	done
	try 'wget: by address' wget_gets 127.0.0.1 p256 sni=
}

test_clients
test_refusals
test_wget
stack "curl $(curl --version | awk 'NR == 1 { sub("/", " ", $5); print $2 " with " $5 }')" client ""
cell_lacks 'server *' 'it is a client'
cell_lacks 'client 1.2 resumed*' 'no tickets in TLS 1.2, and without them our server keeps no sessions'
test_cells
tap_done
