#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Who is who: ktlsd's profiles with client certificates, revocation lists and pinned keys, against
# peers of other makes, in both roles and versions, with the keys in the kernel.

# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh

certs=$dir/certs

# The pin of a certificate's key.
pin() {
	openssl x509 -in "$certs/$1.pem" -noout -pubkey | openssl pkey -pubin -outform der |
		openssl dgst -sha256 -binary | base64
}

"$build/tests/tools/certs" "$certs"
mkdir "$dir/www"
head -c 100000 /dev/urandom >"$dir/www/file"

# profile NAME: the lines that all have.
profile() {
	printf '[profile %s]\ntls-min = 1.2\nserver-users = root\nclient-users = root\n' "$1"
	printf 'certificate = %s\nkey = %s\n' "$certs/p256.pem" "$certs/p256.key"
	printf 'certificate = %s\nkey = %s\n' "$certs/client.pem" "$certs/client.key"
}

{
	printf '[ktlsd]\nsocket = %s\nsocket-mode = 0666\nworkers = 1\n' "$dir/socket"
	profile default
	printf 'trust = %s\npin = sha256/%s\n' "$certs/ca.pem" "$(pin p256)"
	printf 'client-auth = require\nclient-trust = %s\n' "$certs/ca.pem"
	printf 'client-crl = %s\n' "$certs/ca.crl"
	profile request
	printf 'trust = none\npin = sha256/%s\n' "$(pin self-signed)"
	printf 'client-auth = request\nclient-trust = %s\n' "$certs/ca.pem"
	profile wrong
	printf 'trust = %s\npin = sha256/%s\n' "$certs/ca.pem" "$(pin rsa2048)"
	printf 'client-auth = require\nclient-trust = none\nclient-pin = sha256/%s\n' "$(pin client)"
} >"$dir/ktlsd.conf"
start_ktlsd

# ---- we are the server ---------------------------------------------------------------------------

port=4460
for profile in default request wrong; do
	start "server-$profile" "$build/examples/fileserver" --socket "$dir/socket" \
		--profile "$profile" $port "$dir/www"
	until_true listens $port
	port=$((port + 1))
done

# The last handshake that ktlsd saw was like this.
logged() {
	until_true sh -c "grep ' server ' '$dir/ktlsd.log' | tail -n 1 | grep -q '$1'" ||
		{ tail -n 2 "$dir/ktlsd.log"; return 1; }
}

# with_curl LOG PORT ARG...: gets the file.
with_curl() {
	local what=$1 port=$2

	shift 2
	curl -sS --max-time 60 --cacert "$certs/ca.pem" -o "$dir/got" "$@" \
		"https://localhost:$port/file" && cmp "$dir/got" "$dir/www/file" && logged "$what"
}

# without_curl LOG PORT ARG...: gets nothing.
without_curl() {
	local what=$1

	rm -f "$dir/got"
	! with_curl "$@" && logged "$what"
}

client=(--cert "$certs/client.pem" --key "$certs/client.key")
revoked=(--cert "$certs/client-revoked.pem" --key "$certs/client-revoked.key")
other=(--cert "$certs/unknown-ca.pem" --key "$certs/unknown-ca.key")

for version in 1.2 1.3; do
	v=(--tls-max "$version")
	check "curl shows a certificate, TLS $version" \
		with_curl "OK TLS $version .*client=\"CN=client\"" 4460 "${v[@]}" "${client[@]}"
	check "curl shows none where one is required, TLS $version" \
		without_curl CERTIFICATE_REQUIRED 4460 "${v[@]}"
	check "curl shows one that was revoked, TLS $version" \
		without_curl CERTIFICATE_REVOKED 4460 "${v[@]}" "${revoked[@]}"
	check "curl shows one of another CA, TLS $version" \
		without_curl 'CERTIFICATE_U' 4460 "${v[@]}" "${other[@]}"
	check "curl shows none where one is welcome, TLS $version" \
		with_curl 'client="-"' 4461 "${v[@]}"
	check "curl has the pinned key, TLS $version" \
		with_curl 'client="CN=client"' 4462 "${v[@]}" "${client[@]}"
	check "curl has another key, TLS $version" \
		without_curl CERTIFICATE_NOT_PINNED 4462 "${v[@]}" "${revoked[@]}"
done

with_s_client() {
	printf 'GET /file HTTP/1.0\r\n\r\n' |
		timeout 60 openssl s_client -connect localhost:4460 -CAfile "$certs/ca.pem" -quiet \
			-ign_eof -cert "$certs/client.pem" -key "$certs/client.key" >"$dir/got" 2>/dev/null
	sed '1,/^\r$/d' <"$dir/got" | cmp - "$dir/www/file" && logged 'client="CN=client"'
}
check 'openssl s_client shows a certificate' with_s_client

with_gnutls_cli() {
	printf 'GET /file HTTP/1.0\r\n\r\n' |
		timeout 60 gnutls-cli --logfile=/dev/null --x509cafile "$certs/ca.pem" \
			--x509certfile "$certs/client.pem" --x509keyfile "$certs/client.key" \
			-p 4460 localhost >"$dir/got"
	logged 'client="CN=client"'
}
check 'gnutls-cli shows a certificate' with_gnutls_cli

# ---- we are the client ---------------------------------------------------------------------------

# fetch PORT ARG...
fetch() {
	local port=$1

	shift
	timeout 60 "$build/tests/tools/client" --socket "$dir/socket" "$@" "$port" \
		'GET /file HTTP/1.0' >"$dir/answer" 2>"$dir/said" || { cat "$dir/said"; return 1; }
	sed '1,/^\r$/d' <"$dir/answer" | cmp - "$dir/www/file"
}

refuses() {
	! fetch "${@:2}" && grep -q "^$1 " "$dir/said"
}

# s_server PORT CERTIFICATE ARG...: in the folder of the files.
s_server() {
	local port=$1 cert=$2

	shift 2
	start "s_server-$port" sh -c 'cd "$1" && shift && exec "$@"' - "$dir/www" openssl s_server \
		-WWW -accept "$port" -cert "$certs/$cert.pem" -key "$certs/$cert.key" \
		-cert_chain "$certs/$cert.pem" -CAfile "$certs/ca.pem" "$@"
	until_true listens "$port"
}

for version in 2 3; do
	s_server $((4470 + version)) p256 -Verify 1 -verify_return_error "-tls1_$version"
	check "openssl s_server wants our certificate, TLS 1.$version" fetch $((4470 + version))
done
s_server 4474 rsa2048
check 'openssl s_server has a key that is not pinned' refuses CERTIFICATE_NOT_PINNED 4474
check 'openssl s_server has the pinned key' fetch 4474 --profile wrong
s_server 4475 self-signed
check 'openssl s_server has the pinned key and nobody who signed it' fetch 4475 --profile request
check 'the key alone is not enough with a trust' refuses CERTIFICATE_SELF_SIGNED 4475

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
				listen 127.0.0.1:4480 ssl;
				ssl_certificate $certs/p256.pem;
				ssl_certificate_key $certs/p256.key;
				ssl_client_certificate $certs/ca.pem;
				ssl_verify_client on;
				root $dir/www;
			}
		}
	END
	start nginx /usr/sbin/nginx -c "$dir/nginx.conf" -e "$dir/nginx-error.log"
	until_true listens 4480
	check 'nginx wants our certificate' fetch 4480
else
	tap_skip 'nginx wants our certificate' 'nginx is not installed'
fi

# ---- a new list comes by a reload ----------------------------------------------------------------

rm -f "$dir/got"
: >"$certs/ca.crl"
reload() {
	openssl ca -gencrl -keyfile "$certs/ca.key" -cert "$certs/ca.pem" -crldays 9 \
		-md sha256 -config <(printf '[ca]\ndefault_ca=a\n[a]\ndatabase=%s/db\n' "$dir") \
		-out "$certs/ca.crl" && kill -HUP "${pids[0]}"
}
: >"$dir/db"
check 'an empty list takes the place of the first' reload
check 'curl shows one that is revoked no more' until_true \
	with_curl 'client="CN=client"' 4460 "${revoked[@]}"

tap_done
