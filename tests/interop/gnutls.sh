#!/bin/bash
# SPDX-License-Identifier: MIT
#
# GnuTLS' gnutls-cli and gnutls-serv.

# shellcheck source=tests/interop/peers.sh
. tests/interop/peers.sh
need gnutls-cli gnutls-serv
# shellcheck source=tests/interop/matrix.sh
. tests/interop/matrix.sh
# shellcheck source=tests/interop/cells.sh
. tests/interop/cells.sh

declare -A cipher=([TLS_AES_128_GCM_SHA256]=AES-128-GCM [TLS_AES_256_GCM_SHA384]=AES-256-GCM
	[TLS_CHACHA20_POLY1305_SHA256]=CHACHA20-POLY1305)

printf 'GET / HTTP/1.0\r\n\r\n' >"$tmp/get"

# options_for WORD...: the same for both; in $options.
options_for() {
	local value name priority=NORMAL

	options=()
	! value=$(word suite "$@") || priority+=:-CIPHER-ALL:+${cipher[$value]}
	if value=$(word group "$@"); then
		priority+=:-GROUP-ALL
		for name in ${value//,/ }; do
			priority+=:+GROUP-${name^^}
		done
	fi
	! word tls1.2 "$@" >/dev/null || priority+=:-VERS-ALL:+VERS-TLS1.2
	! word tls1.3 "$@" >/dev/null || priority+=:-VERS-ALL:+VERS-TLS1.3
	! value=$(word cert "$@") ||
		options+=(--x509certfile "$value.pem" --x509keyfile "$value.key")
	! value=$(word record "$@") || options+=(--recordsize "$value")
	! word resume "$@" >/dev/null || options+=(--resume --waitresumption)
	! value=$(word alpn "$@") || options+=(--alpn "$value")
	options+=(--priority "$priority")
}

their_client() {
	local sent=$request

	log=$tmp/theirs
	! word get "$@" >/dev/null || sent=$tmp/get
	options_for "${@:2}"
	timeout "$patience" gnutls-cli --port "$port" --sni-hostname "$1" --verify-hostname "$1" \
		--x509cafile "$ca" --logfile "$log" "${options[@]}" 127.0.0.1 <"$sent" \
		>"$tmp/answer" 2>"$tmp/errors"
}

# An echo, for lines of text.
their_server() {
	local client=--disable-client-cert debug=0

	log=$tmp/theirs
	options_for "${@:2}"
	! word ask "${@:2}" >/dev/null || client=--verify-client-cert
	! word demand "${@:2}" >/dev/null || client=--require-client-cert
	! word alerts "${@:2}" >/dev/null || debug=5
	background "$log" gnutls-serv --debug "$debug" --echo --port 0 --x509cafile "$ca" \
		--x509certfile "$certs/$1.pem" --x509keyfile "$certs/$1.key" "$client" \
		"${options[@]}"
	listening "$pid"
}

# gnutls-cli has "[70]", gnutls-serv "Alert[2|70]".
their_alert() {
	until_ok has "$1]" "$log" || { tail -n 20 "$log"; return 1; }
}

# gnutls-cli has one alert for all that is wrong with a certificate.
test_refusals() {
	local name

	for name in wrong-name expired future unknown-ca; do
		try "client refuses $name" refuses "$name" alert=bad_certificate origin=received
	done
}

# RFC 8449. What is more than a record is lost in gnutls-cli, so that sends nothing but a GET.
test_limits() {
	local more=(--tls 1.3 --record-limit 700)

	[ -z "${KTLS_SOCKET:-}" ] || return 0
	try 'client: records of 1000 bytes to it' gets localhost p256 record=1000 get --
	try 'server: records of 1000 bytes to it' answers localhost p256 record=1000 --
	try 'server: records of 700 bytes to us' answers localhost p256 --
}

# Once we have closed, gnutls-cli does so only if it has seen the end of its input before.
client_end=()
demand=(end=PEER_ALERT:certificate_required)
tls12=(reason=PEER_ALERT alert=handshake_failure)
test_clients
test_refusals
test_servers
test_limits
stack "GnuTLS $(package_version gnutls-bin)" gnutls-cli gnutls-serv
test_cells
tap_done
