#!/bin/bash
# SPDX-License-Identifier: MIT
#
# OpenSSL's s_client and s_server.

# shellcheck source=tests/interop/peers.sh
. tests/interop/peers.sh
need openssl
# shellcheck source=tests/interop/matrix.sh
. tests/interop/matrix.sh
# shellcheck source=tests/interop/cells.sh
. tests/interop/cells.sh

# options_for WORD...: the same for both; in $options.
options_for() {
	local value more_options=()

	options=()
	! value=$(word suite "$@") || options+=(-ciphersuites "$value")
	! value=$(word group "$@") || options+=(-groups "${value//,/:}")
	! value=$(word alpn "$@") || options+=(-alpn "$value")
	! word tls1.2 "$@" >/dev/null || options+=(-tls1_2)
	! word tls1.3 "$@" >/dev/null || options+=(-tls1_3)
	! value=$(word cert "$@") || options+=(-cert "$value.pem" -key "$value.key")
	! word ask "$@" >/dev/null || options+=(-verify 2)
	! word demand "$@" >/dev/null || options+=(-Verify 2)
	! value=$(word option "$@") || read -ra more_options <<<"$value"
	options+=("${more_options[@]}")
}

their_client() {
	local name=(-noservername)

	log=$tmp/theirs
	[ -z "$1" ] || name=(-servername "$1" -verify_hostname "$1")
	options_for "${@:2}"
	options+=(-connect "127.0.0.1:$port" "${name[@]}" -CAfile "$ca" -verify_return_error -quiet)
	if word resume "${@:2}" >/dev/null; then
		s_client -sess_out "$tmp/session" && s_client -sess_in "$tmp/session"
	else
		s_client
	fi
}

s_client() {
	timeout "$patience" openssl s_client "${options[@]}" "$@" <"$request" >"$tmp/answer" 2>"$log"
}

# Standard input stays open, for s_server ends with it. What our client sends is compared, too.
their_server() {
	log=$tmp/theirs
	their_copy=$tmp/copy
	options_for "${@:2}"
	[ -p "$tmp/fifo" ] || mkfifo "$tmp/fifo"
	exec {fifo}<>"$tmp/fifo"
	openssl s_server -accept 127.0.0.1:0 -cert "$certs/$1.pem" -cert_chain "$certs/$1.pem" \
		-key "$certs/$1.key" -CAfile "$ca" -quiet "${options[@]}" <&"$fifo" \
		>"$their_copy" 2>"$log" &
	pid=$!
	started+=("$pid")
	listening "$pid"
}

# It sends what comes in, to whom it is connected to then.
feed() {
	cat "$data" >&"$fifo" &
	started+=($!)
}

their_alert() {
	openssl_alert "$1"
}

# What only s_client and s_server can do.
test_more() {
	try 'client: no name' gets '' p256 --
	try 'client: padded records' gets localhost p256 'option=-record_padding 4096' --
	try 'client: short records' gets localhost p256 'option=-max_send_frag 512' --
	try 'client: no compatibility mode' gets localhost p256 'option=-no_middlebox' --
	try 'client: asks for an OCSP response' gets localhost p256 'option=-status' --
	try 'client: one signature scheme' gets localhost two \
		'option=-sigalgs RSA-PSS+SHA512:ECDSA+SHA256' -- scheme=ecdsa_secp256r1_sha256
	try 'client: a scheme of the second certificate' gets localhost two \
		'option=-sigalgs RSA-PSS+SHA512' -- scheme=rsa_pss_rsae_sha512
	try 'client: no scheme for our certificates' is_refused localhost p256 \
		'option=-sigalgs RSA-PSS+SHA512' -- 40 reason=SCHEMES_NONE_SHARED \
		alert=handshake_failure
	try 'client: no group in common' is_refused localhost p256 group=secp521r1 -- 40 \
		reason=GROUPS_NONE_SHARED alert=handshake_failure
	try 'client: no suite in common' is_refused localhost p256 suite=TLS_AES_128_CCM_SHA256 -- 40 \
		reason=SUITES_NONE_SHARED alert=handshake_failure
	try 'server: padded records' answers localhost p256 'option=-record_padding 4096' --
	try 'server: its flight in short records' answers localhost rsa4096 'option=-max_send_frag 512' --
	try 'server: a protocol that was not offered' answers localhost p256 alpn=something -- alpn=
	try 'server: no suite in common' turns_away suite=TLS_AES_128_CCM_SHA256 origin=received \
		alert=handshake_failure
	try 'server: no group in common' turns_away group=secp521r1 origin=received \
		alert=handshake_failure
	try 'server: no-san' is_believed_not no-san CERTIFICATE_NAME bad_certificate 42
	try 'server: client-usage' is_believed_not client-usage CERTIFICATE_USAGE \
		unsupported_certificate 43
	try 'server: self-signed' is_believed_not self-signed CERTIFICATE_SELF_SIGNED unknown_ca 48
}

# As OpenSSL chooses its alerts.
test_refusals() {
	try 'client refuses another name' refuses wrong-name alert=bad_certificate origin=received
	try 'client refuses what has expired' refuses expired alert=certificate_expired origin=received
	try 'client refuses what is to come' refuses future alert=bad_certificate origin=received
	try 'client refuses an unknown issuer' refuses unknown-ca alert=unknown_ca origin=received
}

demand=(end=PEER_ALERT:certificate_required)
tls12=(reason=PEER_ALERT alert=protocol_version)
test_clients
test_refusals
test_servers
test_more
stack "OpenSSL $(openssl version | cut -d' ' -f2)" s_client s_server
test_cells
tap_done
