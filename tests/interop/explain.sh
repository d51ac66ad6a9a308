#!/bin/bash
# SPDX-License-Identifier: MIT
#
# "ktlsctl explain" against our own server and others', as a server, and where a handshake fails.

# shellcheck source=tests/interop/peers.sh
. tests/interop/peers.sh
need openssl python3 xmllint

ktlsctl=${KTLS_BUILD:-build}/ktlsctl
export LC_ALL=C
certs_of=(-cert_chain "$certs/intermediate.pem")

# ---- running it ---------------------------------------------------------------------------------

# explain STATUS ARGUMENT...: says what is in $tmp/text, draws $tmp/svg; JSON is that of a run of its own.
explain() {
	local status=0

	"$ktlsctl" explain --svg "$tmp/svg" "${@:2}" >"$tmp/text" 2>"$tmp/errors" || status=$?
	[ "$status" -eq "$1" ] || { echo "status $status"; cat "$tmp/text" "$tmp/errors"; return 1; }
	xmllint --noout "$tmp/svg"
}

# Lines with a time, and all behind the steps, each on one line; what differs from run to run is taken
# out.
outline() {
	awk '/^(What was|The |OK:|FAILED:)/ { rest = 1 }
		/kernel c/ { exit }
		rest && /^          / { sub(/^ +/, " "); line = line $0; next }
		rest || /^ *[0-9.]+ ms / { print line; line = $0 }
		END { print line }' "$tmp/text" |
		sed -E 's/^ *[0-9.]+ ms //; s/[0-9]+ bytes?$//; s/ +$//; s/  +/ /g; s/[0-9.]+ ms/T ms/g
			s/20[0-9-]+ [0-9:]+ UTC/DATE/g; s/[0-9]+ days/N days/; s/number [0-9]+ of the [0-9]+ that/number N of the N that/; s|'"$certs"'|CERTS|
			/^$/d'
}

is() {
	diff -u - <(outline)
}

# says TEXT...: without regard to where lines end.
says() {
	local text flat

	flat=$(tr -s ' \n' ' ' <"$tmp/text")
	for text; do
		[[ $flat != *"$text"* ]] || continue
		echo "not said: $text"
		cat "$tmp/text"
		return 1
	done
}

# The names of the steps, by way of JSON.
names() {
	"$ktlsctl" explain --json "$@" >"$tmp/json"
	python3 -c 'import json, sys
steps = json.load(open(sys.argv[1]))["steps"]
print(" ".join((">" if s.get("from") == "client" else "<" if "from" in s else "") + s["name"]
	for s in steps if s["kind"] not in ("keys", "complete", "data") and s["bytes"] != 1))' "$tmp/json"
}

# openssl_server CERT ARGUMENT...: sets port.
openssl_server() {
	log=$tmp/theirs
	[ -p "$tmp/fifo" ] || mkfifo "$tmp/fifo"
	exec {fifo}<>"$tmp/fifo"
	openssl s_server -accept 127.0.0.1:0 -cert "$certs/$1.pem" -key "$certs/$1.key" \
		"${certs_of[@]}" -quiet "${@:2}" <&"$fifo" >/dev/null 2>"$log" &
	pid=$!
	started+=("$pid")
	listening "$pid"
}

believing=(--ca "$ca" --name localhost)

# ---- complete handshakes ------------------------------------------------------------------------

ours_1_3() {
	serve p256 --echo || return
	explain 0 "${believing[@]}" "127.0.0.1:$port" || return
	is <<-'END'
	client --> server ClientHello
	client <-- server ServerHello
	* handshake keys
	client <-- server change_cipher_spec
	client <-- server EncryptedExtensions
	client <-- server Certificate
	client <-- server CertificateVerify
	client <-- server Finished
	* application keys
	client --> server change_cipher_spec
	client --> server Finished
	* resumption secret
	* handshake complete
	client --> server alert: close_notify
	client <-- server alert: close_notify
	What was agreed, and why
	 version TLS 1.3 - the highest that we offered
	 cipher suite TLS_AES_128_GCM_SHA256 - the server's choice: number N of the N that we offered for this version
	 key exchange x25519 - the group that we sent a share for, and the server took it
	 signature ecdsa_secp256r1_sha256 - by the key of the server's certificate; number N of the N that the client takes
	 server name localhost - asked for by the client (SNI)
	 application protocol none - we have none to offer (--alpn)
	The server's certificate
	 verified yes, for localhost: it leads to a certificate of CERTS/ca.pem
	 not checked revocation
	OK: The handshake is complete: TLS 1.3, TLS_AES_128_GCM_SHA256
	 It took T ms and 1 round trip, of which we computed for T ms.
	END
}

openssl_1_2() {
	openssl_server rsa2048 -tls1_2 || return
	explain 0 "${believing[@]}" "127.0.0.1:$port" || return
	is <<-'END'
	client --> server ClientHello
	client <-- server ServerHello
	client <-- server Certificate
	client <-- server ServerKeyExchange
	client <-- server ServerHelloDone
	client --> server ClientKeyExchange
	* keys
	client --> server change_cipher_spec
	client --> server Finished
	client <-- server change_cipher_spec
	client <-- server Finished
	* handshake complete
	client --> server alert: close_notify
	client <-- server alert: close_notify
	What was agreed, and why
	 version TLS 1.2 - we offered a higher one too: the server does not have it, or may not use it
	 cipher suite TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 - the server's choice: number N of the N that we offered for this version
	 key exchange x25519 - the server's choice among the groups that we listed
	 signature rsa_pss_rsae_sha256 - by the key of the server's certificate; number N of the N that the client takes
	 server name localhost - asked for by the client (SNI)
	 application protocol none - we have none to offer (--alpn)
	 master secret extended - bound to this handshake (RFC 7627)
	The server's certificate
	 verified yes, for localhost: it leads to a certificate of CERTS/ca.pem
	 not checked revocation
	OK: The handshake is complete: TLS 1.2, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	 It took T ms and 2 round trips, of which we computed for T ms.
	END
}

retried() {
	openssl_server p256 -groups P-256 -Verify 2 -CAfile "$ca" || return
	explain 0 "${believing[@]}" --cert "$certs/client.pem" --key "$certs/client.key" \
		"127.0.0.1:$port" || return
	says 'HelloRetryRequest' 'wants one of secp256r1' 'CertificateRequest' 'CN=client' \
		'asked for it by HelloRetryRequest' '2 round trips' 'NewSessionTicket' \
		'yes: the peer saw the same messages' 'yes, with the key of the leaf'
}

addresses() {
	openssl_server p256 -alpn http/1.1 || return
	explain 0 --ca "$ca" --alpn h2,http/1.1 "127.0.0.1:$port" || return
	says 'an address is not sent as a name' 'http/1.1 - the server' 'yes, for 127.0.0.1' || return
	explain 0 --ca "$ca" --groups secp256r1 --suites TLS_CHACHA20_POLY1305_SHA256 "localhost:$port" ||
		return
	says 'TLS_CHACHA20_POLY1305_SHA256' 'key exchange secp256r1'
}

in_json() {
	openssl_server p256 || return
	[ "$(names "${believing[@]}" "127.0.0.1:$port")" = ">ClientHello <ServerHello \
<EncryptedExtensions <Certificate <CertificateVerify <Finished >Finished >alert: close_notify \
<NewSessionTicket <NewSessionTicket <alert: close_notify" ]
}

old_key_exchange() {
	openssl_server rsa2048 -tls1_2 -cipher AES128-GCM-SHA256 || return
	explain 0 "${believing[@]}" --suites TLS_RSA_WITH_AES_128_GCM_SHA256 --tls 1.2 "127.0.0.1:$port" ||
		return
	says 'encrypted premaster secret' '48 bytes that the client made up' 'forward secrecy NONE' \
		'key exchange RSA'
}

# resumed RANGE TEXT...
resumed() {
	openssl_server p256 || return
	rm -f "$tmp/keylog"
	explain 0 "${believing[@]}" --tls "$1" --resume --grease --keylog "$tmp/keylog" "127.0.0.1:$port" ||
		return
	says 'NewSessionTicket' 'resumed yes - no certificates were exchanged' 'GREASE (0x' "${@:2}" || return
	[ "$(stat -c %a "$tmp/keylog")" = 600 ]
}

insecurely() {
	openssl_server wrong-name || return
	explain 0 "${believing[@]}" --insecure "127.0.0.1:$port" || return
	says 'but the peer may be anybody' 'NO, for localhost: certificate is for another name' \
		'handshake complete'
}

try 'ours, TLS 1.3' ours_1_3
try 'OpenSSL, TLS 1.2' openssl_1_2
try 'OpenSSL, a retry and a client certificate' retried
try 'names, addresses, lists' addresses
try 'JSON' in_json
try 'insecure' insecurely
try 'RSA key exchange' old_key_exchange
try 'resumption, TLS 1.3' resumed 1.3 "of the ticket's pre-shared key" 'pre_shared_key (41)' binder
try 'resumption, TLS 1.2' resumed 1.2 'of the session that is resumed' 'session_ticket (35)'

# ---- others' servers ----------------------------------------------------------------------------

gnutls() {
	log=$tmp/theirs
	for ((port = 21000 + RANDOM % 9000, i = 0; i < 20; port++, i++)); do
		background "$log" gnutls-serv -q --port "$port" --x509certfile "$certs/$1.pem" \
			--x509keyfile "$certs/$1.key" "${@:2}"
		if until_ok find_port "$pid"; then return; fi
	done
	return 1
}

explains_gnutls() {
	gnutls p256 || return
	explain 0 "${believing[@]}" "127.0.0.1:$port" || return
	says 'TLS 1.3 - the highest' 'OK:' || return
	explain 0 "${believing[@]}" --tls 1.2 "127.0.0.1:$port" || return
	says 'TLS 1.2 - the highest' 'OK:'
}

nginx_conf() {
	cat <<-END
	daemon off; master_process off; pid $tmp/pid; error_log $tmp/theirs info; events { }
	http { access_log off; client_body_temp_path $tmp/t1; proxy_temp_path $tmp/t2;
	fastcgi_temp_path $tmp/t3; uwsgi_temp_path $tmp/t4; scgi_temp_path $tmp/t5;
	server { listen 127.0.0.1:$port ssl; ssl_protocols TLSv1.2 TLSv1.3;
	ssl_certificate $certs/p256.pem; ssl_certificate_key $certs/p256.key; } }
	END
}

explains_nginx() {
	PATH=$PATH:/usr/sbin
	port=$((20000 + RANDOM % 12000))
	log=$tmp/theirs
	nginx_conf >"$tmp/nginx.conf"
	background "$tmp/ours" nginx -p "$tmp" -e "$tmp/theirs" -c "$tmp/nginx.conf"
	listening "$pid" || return
	explain 0 "${believing[@]}" --alpn http/1.1 "127.0.0.1:$port" || return
	says 'http/1.1 - the server' || return
	explain 0 "${believing[@]}" --tls 1.2 "127.0.0.1:$port" && says 'TLS 1.2'
}

if command -v gnutls-serv >/dev/null; then
	try 'GnuTLS' explains_gnutls
else
	tap_skip 'GnuTLS' 'there is no gnutls-serv'
fi
if PATH=$PATH:/usr/sbin command -v nginx >/dev/null; then
	try 'nginx' explains_nginx
else
	tap_skip 'nginx' 'there is no nginx'
fi

# ---- failures -----------------------------------------------------------------------------------

# refuses CERT WORD...: our client believes it not.
refuses_it() {
	openssl_server "$1" || return
	explain 1 "${believing[@]}" "127.0.0.1:$port" || return
	says 'FAILED: We ended the handshake' "the server's Certificate" "${@:2}"
}

lone_leaf() {
	certs_of=()
	openssl x509 -in "$certs/p256.pem" -out "$tmp/leaf.pem" || return
	cp "$certs/p256.key" "$tmp/leaf.key"
	certs=$tmp openssl_server leaf || return
	explain 1 "${believing[@]}" "127.0.0.1:$port" && says 'the intermediate ones are missing'
}

no_version() {
	openssl_server p256 -tls1_2 || return
	explain 1 --tls 1.3 "${believing[@]}" "127.0.0.1:$port" || return
	says 'The server ended the handshake: protocol_version' 'behind our ClientHello' \
		'offer other versions'
}

no_suite() {
	openssl_server p256 -ciphersuites TLS_AES_256_GCM_SHA384 -tls1_3 || return
	explain 1 --suites TLS_AES_128_GCM_SHA256 --tls 1.3 "${believing[@]}" "127.0.0.1:$port" ||
		return
	says 'The server ended the handshake: handshake_failure' 'leave --suites'
}

no_certificate() {
	openssl_server p256 -Verify 2 -CAfile "$ca" || return
	explain 1 "${believing[@]}" "127.0.0.1:$port" || return
	says 'The server ended the handshake: certificate_required' 'behind our Finished' \
		'--cert FILE --key FILE'
}

# plain CODE: a server in Python; c is the connection. Sets port.
plain() {
	background "$tmp/ours" python3 -uc "import socket, time
s = socket.create_server(('127.0.0.1', 0))
print('port', s.getsockname()[1])
c = s.accept()[0]
$1"
	until_ok has_port "$tmp/ours" || return
	read -r _ port <"$tmp/ours"
}

not_tls() {
	plain "c.send(b'220 mail.example.org\\x1b[2J ESMTP\\r\\n'); time.sleep(60)" || return
	explain 1 --timeout 3 "127.0.0.1:$port" || return
	says 'the peer does not speak TLS' 'It says: 220 mail.example.org\x1b[2J ESMTP' STARTTLS
}

hangs_up() {
	plain "c.recv(1); c.shutdown(socket.SHUT_WR); time.sleep(60)" || return
	explain 1 "127.0.0.1:$port" || return
	says 'The peer closed the connection' 'behind our ClientHello, while we waited for ServerHello'
}

silent() {
	plain "time.sleep(60)" || return
	explain 1 --timeout 1 "127.0.0.1:$port" || return
	says 'The peer says nothing' 'Nothing came for 1 s'
}

half_a_record() {
	plain "c.recv(1); c.send(b'\\x16\\x03\\x03\\x00\\x50\\x02'); time.sleep(60)" || return
	explain 1 --timeout 1 "127.0.0.1:$port" && says 'The peer says nothing'
}

nonsense() {
	plain "c.recv(1); c.send(b'\\x16\\x03\\x03\\x00\\x06\\x63\\0\\0\\2\\1\\2'); time.sleep(60)" || return
	explain 1 "127.0.0.1:$port" || return
	says 'handshake message out of order' "the server's unknown (0x63)" 'alert: unexpected_message'
}

closed_port() {
	plain "time.sleep(60)" || return
	end_started
	explain 1 "127.0.0.1:$port" && says 'TLS has not begun' 'Connection refused'
}

no_name() {
	explain 1 no-such-name.invalid && says 'There is no address for this name'
}

try 'expired' refuses_it expired 'has expired' 'EXPIRED 1 day ago' 'renew the certificate'
try 'not valid yet' refuses_it future 'not valid yet' 'check the clock'
try 'another name' refuses_it wrong-name 'for another name' \
	'It is for: somebody-else.example.net, 192.0.2.1.' '--name NAME'
try 'unknown CA' refuses_it unknown-ca 'issued by nobody in the trust store' '--ca FILE'
try 'self-signed' refuses_it self-signed 'self-signed'
try 'certificate for something else' refuses_it client-usage 'have one issued for TLS servers'
try 'intermediates are missing' lone_leaf
try 'no version in common' no_version
try 'no suite in common' no_suite
try 'a client certificate is missing' no_certificate
try 'not TLS' not_tls
try 'the server hangs up' hangs_up
try 'the server is silent' silent
try 'half a record' half_a_record
try 'a message of an unknown type' nonsense
try 'closed port' closed_port
try 'no such name' no_name

# ---- as a server --------------------------------------------------------------------------------

has_listened() {
	grep -q 'listening on port' "$tmp/errors"
}

# listens ARGUMENT...: in the background; sets port.
listens() {
	: >"$tmp/errors"
	"$ktlsctl" explain --listen 127.0.0.1:0 --svg "$tmp/svg" "$@" >"$tmp/text" 2>"$tmp/errors" &
	listener=$!
	started+=("$listener")
	until_ok has_listened || return
	read -r _ _ _ _ port <"$tmp/errors"
}

# ended STATUS
ended() {
	local status=0

	wait "$listener" || status=$?
	[ "$status" -eq "$1" ] && xmllint --noout "$tmp/svg"
}

curl_comes() {
	listens --cert "$certs/p256.pem" --key "$certs/p256.key" || return
	curl -sS --noproxy '*' --cacert "$ca" "https://localhost:$port/" >"$tmp/got" || return
	ended 0 || return
	says 'server_name (0)' 'localhost' 'the first of ours for which the client sent a share' \
		'a client at 127.0.0.1' || return
	grep -q 'The handshake is complete' "$tmp/got"
}

browser_comes() {
	listens || return
	curl -sSk --noproxy '*' -H 'Accept: text/html,*/*' "https://localhost:$port/" >"$tmp/got" || return
	ended 0 && grep -q '^<svg' "$tmp/got" && grep -q '<pre>' "$tmp/got"
}

believes_not() {
	listens || return
	! curl -sS --noproxy '*' --cacert "$ca" "https://localhost:$port/" 2>/dev/null
	ended 1 && says 'The client ended the handshake: unknown_ca' 'temporary one'
}

old_client() {
	listens --cert "$certs/rsa2048.pem" --key "$certs/rsa2048.key" || return
	openssl s_client -connect "127.0.0.1:$port" -tls1_2 -quiet </dev/null >"$log" 2>&1
	ended 0 && says 'TLS 1.2' ClientKeyExchange 'master secret'
}

too_old_client() {
	listens || return
	! openssl s_client -connect "127.0.0.1:$port" -tls1_1 -cipher ALL:@SECLEVEL=0 </dev/null \
		>"$log" 2>&1
	ended 1 && says 'FAILED: We ended the handshake' "the client's ClientHello"
}

client_shows_certificate() {
	listens --client-auth require --ca "$ca" || return
	openssl s_client -connect "127.0.0.1:$port" -cert "$certs/client.pem" \
		-key "$certs/client.key" -quiet </dev/null >"$log" 2>&1
	ended 0 && says 'CN=client' "yes, the client's"
}

client_shows_none() {
	listens --client-auth require --ca "$ca" || return
	openssl s_client -connect "127.0.0.1:$port" -quiet </dev/null >"$log" 2>&1
	ended 1 && says 'client sent no certificate' '--client-auth request'
}

scan() {
	listens || return
	: <>"/dev/tcp/127.0.0.1/$port"
	ended 1 && says 'the client connects and says no hello'
}

log=$tmp/theirs
if command -v curl >/dev/null; then
	try 'curl comes' curl_comes
	try 'a browser comes' browser_comes
	try 'a client does not believe us' believes_not
else
	tap_skip 'curl comes' 'there is no curl'
fi
try 'a client of TLS 1.2 comes' old_client
try 'a client that is too old comes' too_old_client
try 'a client shows its certificate' client_shows_certificate
try 'a client shows none' client_shows_none
try 'a client says nothing' scan

# ---- usage --------------------------------------------------------------------------------------

wrong_usage() {
	local words

	for words in '' '--tls 1.1 x' '--suites NO x' '--count x y' 'a b' '--listen 1 x' '--cert x y' \
		'--nonsense x' '--client-auth maybe x' '--color red x'; do
		# shellcheck disable=SC2086
		timeout 20 "$ktlsctl" explain $words >/dev/null 2>&1
		[ $? -eq 2 ] || { echo "$words"; return 1; }
	done
}

try 'wrong usage' wrong_usage
tap_done
