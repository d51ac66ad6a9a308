# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What every program is put through, in both roles; to be sourced after peers.sh.

feed() { :; } # what a server needs to send something, before each connection

cannot=
exchange=(--send-file "$data" --expect "$data_len")
well=(version=TLS1.3 ${KTLS_SOCKET:+tx=sw rx=sw})
client_end=(end=PEER_CLOSE_NOTIFY)
server_end=(end=PEER_CLOSE_NOTIFY)
suites=(TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256)
kinds=(p256 p384 rsa2048 rsa4096 ed25519)
declare -A scheme=([p256]=ecdsa_secp256r1_sha256 [p384]=ecdsa_secp384r1_sha384 [ed25519]=ed25519
	[rsa2048]=rsa_pss_rsae_sha256 [rsa4096]=rsa_pss_rsae_sha256)

# Certificates that must be refused: the reason at our end, the alert, its number.
refusals=(
	'wrong-name CERTIFICATE_NAME bad_certificate 42'
	'expired CERTIFICATE_EXPIRED certificate_expired 45'
	'future CERTIFICATE_NOT_YET_VALID certificate_expired 45'
	'unknown-ca CERTIFICATE_UNKNOWN_CA unknown_ca 48'
)

# our_part WORD...: arguments of our end for the words that theirs cannot do.
our_part() {
	local word

	for word; do
		[[ " $cannot " != *" ${word%%=*} "* ]] || echo "--${word%%=*} ${word#*=}"
	done
}

# ---- our server ---------------------------------------------------------------------------------

# gets HOST SET [WORD...] -- FACT...: their client gets what it asks for.
gets() {
	local host=$1 set=$2 words=()

	shift 2
	while [ "$1" != -- ]; do words+=("$1"); shift; done
	# shellcheck disable=SC2046
	serve "$set" --http "$data" $(our_part "${words[@]}") "${more[@]}" || return
	their_client "$host" "${words[@]}" || { echo "their status: $?"; cat "$log"; }
	served "${well[@]}" "sni=$host" "${client_end[@]}" "${@:2}" && got_data
}

# is_refused HOST SET [WORD...] -- ALERT FACT...: our server refuses, and they hear of it.
is_refused() {
	local host=$1 set=$2 words=()

	shift 2
	while [ "$1" != -- ]; do words+=("$1"); shift; done
	serve "$set" --http "$data" "${more[@]}" || return
	! their_client "$host" "${words[@]}" || { echo 'they went on'; return 1; }
	served origin=sent "${@:3}" && their_alert "$2"
}

# refuses CERT FACT...: their client refuses our server's certificate.
refuses() {
	serve "$1" --http "$data" || return
	! their_client localhost || { echo 'they went on'; return 1; }
	served "${@:2}"
}

test_clients() {
	local name more=()

	for name in "${suites[@]}"; do
		try "client: $name" gets p256.example.com p256 "suite=$name" -- "suite=$name"
	done
	for name in x25519 secp256r1; do
		try "client: $name" gets localhost p256 "group=$name" -- "group=$name" retried=no
	done
	[[ " $cannot " == *' groups '* ]] || try 'client: secp256r1 after a HelloRetryRequest' \
		gets localhost p256 group=secp384r1,secp256r1 -- group=secp256r1 retried=yes
	for name in "${kinds[@]}"; do
		try "client: $name, of seven certificates" gets "$name.example.com" all -- \
			"scheme=${scheme[$name]}"
	done
	try 'client: a name of several' gets b.example.com all --
	try 'client: a name for a wildcard' gets some.wild.example.com all --
	test_client_refusals
}

test_client_refusals() {
	local more=()

	try 'client: an unknown name' is_refused nobody.example.com strict -- 112 \
		reason=SERVER_NAME_UNKNOWN alert=unrecognized_name
	try 'client: two labels for a wildcard' is_refused a.b.wild.example.com strict -- 112 \
		reason=SERVER_NAME_UNKNOWN alert=unrecognized_name
	try 'client: TLS 1.2 only' is_refused localhost p256 tls1.2 -- 70 \
		reason=VERSION_UNSUPPORTED alert=protocol_version
	more=(--alpn 'http/1.1,h2')
	[[ " $cannot " == *' alpn '* ]] || try 'client: an application protocol' gets localhost p256 \
		alpn=http/1.1 -- alpn=http/1.1
	more=(--alpn something)
	[[ " $cannot " == *' alpn '* ]] || try 'client: no application protocol in common' \
		is_refused localhost p256 alpn=http/1.1 -- 120 \
		reason=ALPN_NONE_SHARED alert=no_application_protocol
}

# ---- our client ---------------------------------------------------------------------------------

# answers NAME CERT [WORD...] -- FACT...: our client gets the data from their server.
answers() {
	local name=$1 certificate=$2 words=()

	shift 2
	while [ "$1" != -- ]; do words+=("$1"); shift; done
	their_server "$certificate" "${words[@]}" || return
	feed
	# shellcheck disable=SC2046
	connect --name "$name" "${exchange[@]}" $(our_part "${words[@]}") "${more[@]}"
	facts_have "${well[@]}" "received=$data_len" "sha256=$data_sum" "${server_end[@]}" \
		"${@:2}" || return
	[ -z "${their_copy:-}" ] || until_ok cmp "$their_copy" "$data"
}

# is_believed_not CERT REASON ALERT NUMBER: our client refuses, and they hear of it.
is_believed_not() {
	their_server "$1" alerts || return
	connect --name localhost "${exchange[@]}"
	facts_have "reason=$2" "alert=$3" origin=sent && their_alert "$4"
}

# turns_away WORD FACT...: their server does not want our client.
turns_away() {
	their_server p256 "$1" || return
	connect --name localhost "${exchange[@]}"
	facts_have "${@:2}"
}

test_servers() {
	local name more=()

	for name in "${suites[@]}"; do
		try "server: $name" answers p256.example.com p256 "suite=$name" -- "suite=$name" \
			sni=p256.example.com
	done
	more=(--group secp256r1)
	try 'server: secp256r1' answers localhost p256 -- group=secp256r1 retried=no
	more=()
	try 'server: x25519' answers localhost p256 group=x25519 -- group=x25519 retried=no
	[[ " $cannot " == *' group '* ]] || try 'server: secp256r1 after a HelloRetryRequest' \
		answers localhost p256 group=secp256r1 -- group=secp256r1 retried=yes
	for name in "${kinds[@]}"; do
		try "server: $name" answers "$name.example.com" "$name" -- \
			"scheme=${scheme[$name]}" "sni=$name.example.com"
	done
	try 'server: a wildcard' answers some.wild.example.com wildcard --
	try 'server: by address, without a name' answers 127.0.0.1 p256 -- sni=
	more=(--alpn 'something,http/1.1')
	try 'server: an application protocol' answers localhost p256 alpn=http/1.1 -- alpn=http/1.1
	more=()
	test_server_refusals
}

test_server_refusals() {
	local row

	for row in "${refusals[@]}"; do
		# shellcheck disable=SC2086
		try "server: $row" is_believed_not $row
	done
	try 'server: asks for a certificate' answers localhost p256 ask --
	try 'server: demands a certificate' turns_away demand "${demand[@]}"
	try 'server: TLS 1.2 only' turns_away tls1.2 origin=received "${tls12[@]}"
}
