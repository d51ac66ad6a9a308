#!/bin/bash
# SPDX-License-Identifier: MIT
#
# ktlsd's hand-off against peers of other makes, in both roles, with the keys in the kernel: OpenSSL,
# GnuTLS, curl, nginx, Python. The file server of Documentation/examples is our server, and
# tests/tools/client.c our client.

# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh

certs=$dir/certs

# Other tests have run in this VM, and some break records on purpose.
tx_before=$(stat_of TlsTxSw)
rx_before=$(stat_of TlsRxSw)
errors_before=$(stat_of TlsDecryptError)

"$build/tests/tools/certs" "$certs"
mkdir "$dir/www"
head -c 1000000 /dev/urandom >"$dir/www/file"
cp "$dir/www/file" "$dir/www/file.bin"

cat >"$dir/ktlsd.conf" <<END
[ktlsd]
socket = $dir/socket
socket-mode = 0666
workers = 2
[profile default]
certificate = $certs/p256.pem
key = $certs/p256.key
certificate = $certs/p384.pem
key = $certs/p384.key
certificate = $certs/rsa2048.pem
key = $certs/rsa2048.key
certificate = $certs/ed25519.pem
key = $certs/ed25519.key
certificate = $certs/wildcard.pem
key = $certs/wildcard.key
server-users = root
client-users = root
trust = $certs/ca.pem
alpn = http/1.1, http/1.0
END
start_ktlsd
start server "$build/examples/fileserver" --socket "$dir/socket" 4433 "$dir/www"
until_true listens 4433

# ---- we are the server ---------------------------------------------------------------------------

same() {
	cmp "$1" "$dir/www/file"
}

# The last handshake that our server saw was like this.
served() {
	until_true sh -c "tail -n 1 '$dir/server.log' | grep -q '$1'"
}

with_curl() {
	local what=$1

	shift
	curl -sS --max-time 60 --cacert "$certs/ca.pem" -o "$dir/got" "$@" && same "$dir/got" &&
		served "$what"
}

for suite in TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256; do
	check "curl gets a file with $suite" \
		with_curl "TLS 1.3 $suite .*tx sw, rx sw" --tls13-ciphers "$suite" https://localhost:4433/file
done
check 'curl gets a file with secp256r1' \
	with_curl secp256r1 --curves P-256 https://localhost:4433/file
check 'curl gets a file after a HelloRetryRequest' \
	with_curl secp256r1 --curves X448:P-256 https://localhost:4433/file
for key in p256:ecdsa_secp256r1 p384:ecdsa_secp384r1 rsa2048:rsa_pss ed25519:ed25519; do
	name=${key%:*}.example.com
	check "curl gets a file from $name by its name" \
		with_curl "${key#*:}.*$name" --resolve "$name:4433:127.0.0.1" "https://$name:4433/file"
done
check 'curl gets a file by a wildcard' with_curl 'any.wild.example.com' \
	--resolve any.wild.example.com:4433:127.0.0.1 https://any.wild.example.com:4433/file
check 'curl gets a file over IPv6' with_curl 'tx sw' -6 'https://[::1]:4433/file'

with_alpn() {
	curl -sSv --max-time 60 --cacert "$certs/ca.pem" --http1.1 -o /dev/null \
		https://localhost:4433/file 2>&1 | grep -i 'ALPN.* http/1.1'
}
check 'curl agrees on a protocol' with_alpn

with_s_client() {
	printf 'GET /file HTTP/1.0\r\n\r\n' |
		timeout 60 openssl s_client -quiet -connect localhost:4433 -servername localhost \
			-CAfile "$certs/ca.pem" -verify_return_error "$@" 2>"$dir/err" |
		body >"$dir/got"
	same "$dir/got"
}
check 'openssl s_client gets a file' with_s_client
check 'openssl s_client gets a file with P-256 only' with_s_client -groups P-256

with_gnutls_cli() {
	printf 'GET /file HTTP/1.0\r\n\r\n' |
		timeout 60 gnutls-cli --logfile="$dir/gnutls.log" --x509cafile="$certs/ca.pem" \
			--port 4433 localhost | body >"$dir/got"
	same "$dir/got"
}
check 'gnutls-cli gets a file' with_gnutls_cli

with_python() {
	timeout 60 python3 - "$certs/ca.pem" >"$dir/got" <<-'END'
		import socket, ssl, sys
		context = ssl.create_default_context(cafile=sys.argv[1])
		s = context.wrap_socket(socket.create_connection(("localhost", 4433)),
		                        server_hostname="localhost", suppress_ragged_eofs=False)
		s.sendall(b"GET /file HTTP/1.0\r\n\r\n")
		answer = b""
		while True:
		    part = s.recv(65536)
		    if not part:
		        break
		    answer += part
		sys.stdout.buffer.write(answer.partition(b"\r\n\r\n")[2])
	END
	same "$dir/got"
}
check 'Python gets a file and sees its end' with_python

distrusted() {
	! curl -sS --max-time 60 -o /dev/null https://localhost:4433/file && served unknown_ca
}
check 'a client that does not trust us says so' distrusted

# ---- we are the client ---------------------------------------------------------------------------

fetch() {
	timeout 60 "$build/tests/tools/client" --socket "$dir/socket" "$@" >"$dir/answer" 2>"$dir/said"
}

# gets WHAT PORT PATH [ARG...]: the file, by a handshake like this.
gets() {
	local what=$1 port=$2 path=$3

	shift 3
	if ! fetch "$@" "$port" "GET $path HTTP/1.0"; then
		cat "$dir/said"
		return 1
	fi
	body <"$dir/answer" >"$dir/got"
	same "$dir/got" && grep "$what" "$dir/said"
}

# refuses REASON ALERT PORT
refuses() {
	fetch "$3" 'GET / HTTP/1.0'
	[ $? -eq 1 ] && cat "$dir/said" && grep -q "^$1 alert=$2:" "$dir/said"
}

s_server() {
	local cert=$1 port=$2

	shift 2
	start "s_server-$cert" in_www openssl s_server -WWW -accept "$port" -cert "$certs/$cert.pem" \
		-cert_chain "$certs/$cert.pem" -key "$certs/$cert.key" "$@"
	until_true listens "$port"
}

for cert in p256:ecdsa_secp256r1 p384:ecdsa_secp384r1 rsa2048:rsa_pss_rsae ed25519:ed25519; do
	s_server "${cert%:*}" 4450
	check "we get a file from openssl s_server, ${cert%:*}" \
		gets "TLS 1.3 .*${cert#*:}.*tx=sw rx=sw" 4450 /file.bin
	stop_last
done
s_server p256 4451 -groups P-256 -ciphersuites TLS_CHACHA20_POLY1305_SHA256
check 'we get a file from openssl s_server after a HelloRetryRequest' \
	gets 'TLS_CHACHA20_POLY1305_SHA256 secp256r1' 4451 /file.bin
stop_last

# NAME REASON ALERT: what is wrong with each, and what the server hears of it.
while read -r cert reason alert; do
	s_server "$cert" 4452
	check "we refuse openssl s_server, $cert: $reason" refuses "$reason" "$alert" 4452
	check "openssl s_server hears of it, $cert" until_true grep -qi "alert ${alert//_/ }" "$dir/s_server-$cert.log"
	stop_last
done <<-END
	expired CERTIFICATE_EXPIRED certificate_expired
	wrong-name CERTIFICATE_NAME bad_certificate
	unknown-ca CERTIFICATE_UNKNOWN_CA unknown_ca
	self-signed CERTIFICATE_SELF_SIGNED unknown_ca
END

start gnutls-serv in_www gnutls-serv --quiet --http \
	--port 4453 --x509certfile "$certs/rsa2048.pem" --x509keyfile "$certs/rsa2048.key"
until_true listens 4453

with_gnutls_serv() {
	fetch 4453 'GET / HTTP/1.0' || { cat "$dir/said"; return 1; }
	grep -q 'TLS 1.3 .*tx=sw rx=sw' "$dir/said" && grep -qi '<html>' "$dir/answer"
}
check 'we get a page from gnutls-serv' with_gnutls_serv
stop_last

if [ -x /usr/sbin/nginx ]; then
	cat >"$dir/nginx.conf" <<-END
		daemon off;
		pid $dir/nginx.pid;
		error_log $dir/nginx-error.log;
		events { }
		http {
			access_log off;
			client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3;
			uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
			server {
				listen 127.0.0.1:4454 ssl;
				ssl_certificate $certs/p256.pem;
				ssl_certificate_key $certs/p256.key;
				ssl_protocols TLSv1.3;
				root $dir/www;
			}
		}
	END
	start nginx /usr/sbin/nginx -c "$dir/nginx.conf" -e "$dir/nginx-error.log"
	until_true listens 4454
	check 'we get a file from nginx' gets 'tx=sw rx=sw' 4454 /file
	stop_last
else
	tap_skip 'we get a file from nginx' 'nginx is not installed'
fi

start python python3 -c "
import http.server, os, ssl
os.chdir('$dir/www')
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('$certs/p256.pem', '$certs/p256.key')
server = http.server.HTTPServer(('127.0.0.1', 4455), http.server.SimpleHTTPRequestHandler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()"
until_true listens 4455

# http.server ends a stream without close_notify: we say so, having got everything.
with_python_server() {
	fetch 4455 'GET /file HTTP/1.0'
	[ $? -eq 2 ] && grep -q 'TRUNCATED' "$dir/said" && body <"$dir/answer" >"$dir/got" &&
		same "$dir/got"
}
check 'we get a file from Python, and see that its end is missing' with_python_server
stop_last

# ---- and all of it was kernel TLS ----------------------------------------------------------------

many_in_kernel() {
	[ "$(stat_of TlsTxSw)" -ge $((tx_before + 20)) ] &&
		[ "$(stat_of TlsRxSw)" -ge $((rx_before + 20)) ] &&
		[ "$(stat_of TlsDecryptError)" -eq "$errors_before" ]
}
check 'the kernel has counted them' many_in_kernel

tap_done
