#!/bin/bash
# SPDX-License-Identifier: MIT
#
# TLS 1.2 by ktlsd's hand-off against OpenSSL, which has its records in userspace: every suite, in
# both roles, so that a salt, an explicit nonce or a sequence number that is wrong shows in the first
# record. A profile that has not allowed TLS 1.2 has none.

# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh

certs=$dir/certs
"$build/tests/tools/certs" "$certs"
mkdir "$dir/www"
head -c 1000000 /dev/urandom >"$dir/www/file"
cp "$dir/www/file" "$dir/www/file.bin"

# The client's own, or the server's two.
certificates() {
	local name

	for name in $([ "$1" = clientcert ] && echo client || echo p256 rsa2048); do
		printf 'certificate = %s\nkey = %s\n' "$certs/$name.pem" "$certs/$name.key"
	done
}

# daemon NAME LINE...: ktlsd with these lines in its profile, and a socket of that name.
daemon() {
	local name=$1

	shift
	cat >"$dir/$name.conf" <<-END
		[ktlsd]
		socket = $dir/$name
		socket-mode = 0666
		workers = 1
		[profile default]
		$(certificates "$name")
		server-users = root
		client-users = root
		trust = $certs/ca.pem
	END
	printf '%s\n' "$@" >>"$dir/$name.conf"
	start_ktlsd "$name"
}

daemon both 'tls-min = 1.2'
daemon only13
daemon old 'tls-min = 1.2' 'static-rsa = yes' 'extended-master-secret = prefer' \
	'client-auth = request' "client-trust = $certs/ca.pem"
daemon clientcert 'tls-min = 1.2'
start server "$build/examples/fileserver" --socket "$dir/both" 4543 "$dir/www"
start server13 "$build/examples/fileserver" --socket "$dir/only13" 4544 "$dir/www"
start server-old "$build/examples/fileserver" --socket "$dir/old" 4545 "$dir/www"
until_true listens 4543
until_true listens 4545
until_true listens 4544
errors_before=$(stat_of TlsDecryptError)
tx_before=$(stat_of TlsTxSw)
rx_before=$(stat_of TlsRxSw)

got_the_file() {
	body >"$dir/got"
	cmp "$dir/got" "$dir/www/file"
}

suites='
ECDHE-ECDSA-AES128-GCM-SHA256:TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:p256
ECDHE-ECDSA-AES256-GCM-SHA384:TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:p256
ECDHE-ECDSA-CHACHA20-POLY1305:TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256:p256
ECDHE-RSA-AES128-GCM-SHA256:TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:rsa2048
ECDHE-RSA-AES256-GCM-SHA384:TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:rsa2048
ECDHE-RSA-CHACHA20-POLY1305:TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:rsa2048'

# ---- we are the server ---------------------------------------------------------------------------

# with_s_client WHAT PORT OPTION...: gets the file, and the server says that it was like this.
with_s_client() {
	local what=$1 port=$2 log=server

	[ "$port" != 4545 ] || log=server-old

	shift 2
	printf 'GET /file HTTP/1.0\r\n\r\n' |
		timeout 60 openssl s_client -quiet -connect "localhost:$port" -servername localhost \
			-CAfile "$certs/ca.pem" -verify_return_error "$@" 2>"$dir/err" | got_the_file &&
		until_true sh -c "tail -n 1 '$dir/$log.log' | grep '$what'"
}

for suite in $suites; do
	IFS=: read -r theirs ours _ <<<"$suite"
	check "openssl s_client gets a file with $ours" \
		with_s_client "TLS 1.2 $ours .*tx sw, rx sw" 4543 -tls1_2 -cipher "$theirs"
done
check 'openssl s_client gets a file with secp256r1' \
	with_s_client 'TLS 1.2 .*secp256r1 ' 4543 -tls1_2 -groups P-256
check 'openssl s_client gets a file with a signature of rsa_pkcs1' \
	with_s_client 'TLS 1.2 .*rsa_pkcs1_sha384' 4543 -tls1_2 -sigalgs RSA+SHA384
check 'openssl s_client gets a file with TLS 1.3 where both have it' \
	with_s_client 'TLS 1.3 .*tx sw, rx sw' 4543

static_rsa='
AES128-GCM-SHA256:TLS_RSA_WITH_AES_128_GCM_SHA256
AES256-GCM-SHA384:TLS_RSA_WITH_AES_256_GCM_SHA384'

for suite in $static_rsa; do
	IFS=: read -r theirs ours <<<"$suite"
	check "openssl s_client gets a file with $ours" \
		with_s_client "TLS 1.2 $ours .*tx sw, rx sw" 4545 -tls1_2 -cipher "$theirs"
done
check 'openssl s_client gets a file with a certificate of its own in TLS 1.2' \
	with_s_client 'TLS 1.2 .*tx sw, rx sw' 4545 -tls1_2 -cert "$certs/client.pem" \
	-key "$certs/client.key" -cert_chain "$certs/client.pem"

no_static_rsa() {
	! with_s_client 'TLS' 4543 -tls1_2 -cipher AES128-GCM-SHA256 && cat "$dir/err" &&
		grep -q 'alert handshake failure' "$dir/err"
}
check 'a profile without static-rsa refuses it' no_static_rsa

refused() {
	! with_s_client 'TLS' 4544 -tls1_2 && cat "$dir/err" &&
		grep -q 'alert protocol version' "$dir/err"
}
check 'a profile without TLS 1.2 refuses it' refused

# ---- we are the client ---------------------------------------------------------------------------

fetch() {
	timeout 60 "$build/tests/tools/client" --socket "$dir/$1" 4550 'GET /file.bin HTTP/1.0' \
		>"$dir/answer" 2>"$dir/said"
}

# gets WHAT [DAEMON]: the file, by a handshake like this.
gets() {
	fetch "${2:-both}"
	local status=$?

	cat "$dir/said"
	[ "$status" -eq 0 ] && got_the_file <"$dir/answer" && grep -q "$1" "$dir/said"
}

# s_server CERT OPTION...
s_server() {
	local cert=$1

	shift
	start s_server in_www openssl s_server -WWW -accept 4550 -cert "$certs/$cert.pem" \
		-cert_chain "$certs/$cert.pem" -key "$certs/$cert.key" "$@"
	until_true listens 4550
}

for suite in $suites; do
	IFS=: read -r theirs ours cert <<<"$suite"
	s_server "$cert" -tls1_2 -cipher "$theirs"
	check "we get a file from openssl s_server with $ours" gets "TLS 1.2 $ours .*tx=sw rx=sw"
	stop_last
done
for suite in $static_rsa; do
	IFS=: read -r theirs ours <<<"$suite"
	s_server rsa2048 -tls1_2 -cipher "$theirs"
	check "we get a file from openssl s_server with $ours" \
		gets "TLS 1.2 $ours .*tx=sw rx=sw" old
	stop_last
done
s_server p256 -tls1_2 -Verify 4 -verify_return_error -CAfile "$certs/ca.pem"
check 'we show a certificate to openssl s_server in TLS 1.2' gets 'TLS 1.2 .*tx=sw rx=sw' clientcert
stop_last
s_server rsa2048 -tls1_2 -sigalgs RSA+SHA512
check 'we get a file from openssl s_server that signs with rsa_pkcs1' \
	gets 'TLS 1.2 .*rsa_pkcs1_sha512'
stop_last
s_server p256 -tls1_2 -groups P-256
check 'we get a file from openssl s_server with secp256r1' gets 'TLS 1.2 .*secp256r1 '

refuses() {
	! fetch only13 && cat "$dir/said" && grep -q '^PEER_ALERT alert=protocol_version' "$dir/said"
}
check 'a profile without TLS 1.2 does not offer it' refuses
stop_last

# ---- and all of it was kernel TLS ----------------------------------------------------------------

in_kernel() {
	[ "$(stat_of TlsTxSw)" -ge $((tx_before + 23)) ] &&
		[ "$(stat_of TlsRxSw)" -ge $((rx_before + 23)) ] &&
		[ "$(stat_of TlsDecryptError)" -eq "$errors_before" ]
}
check 'the kernel has counted them' in_kernel

tap_done
