#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs of other TLS libraries, as they come, at the other end of a connection of ktlsd's whose TLS
# an emulated device does (kernel-setup/nicsim): OpenSSL, GnuTLS, NSS, curl. Ours are in namespace a,
# the others in b. What they are sent they send back, so that both directions of the device are used.

needs='ip openssl gnutls-cli gnutls-serv tstclnt selfserv certutil pk12util curl'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
# shellcheck source=tests/harness/nicsim.sh
. tests/harness/nicsim.sh

# run-vm has made some: RSA keys take long where the CPU is emulated.
certs=${KTLS_CERTS:-$dir/certs}
[ -n "${KTLS_CERTS:-}" ] || "$build/tests/tools/certs" "$certs"
mkdir "$dir/www"
# Lines of text, for gnutls-serv.
head -c 60000 /dev/urandom | base64 >"$dir/www/file"
size=$(stat -c %s "$dir/www/file")
sum=$(sha256sum "$dir/www/file" | cut -c1-64)
{
	printf 'PUT /file HTTP/1.0\r\nContent-Length: %s\r\n\r\n' "$size"
	cat "$dir/www/file"
} >"$dir/request"

cat >"$dir/ktlsd.conf" <<-END
	[ktlsd]
	socket = $dir/ktlsd.sock
	socket-mode = 0666
	workers = 1
	[profile default]
	certificate = $certs/p256.pem
	key = $certs/p256.key
	server-users = root
	client-users = root
	trust = $certs/ca.pem
	tls-min = 1.2
	hardware = prefer
	[profile require]
	client-users = root
	trust = $certs/ca.pem
	tls-min = 1.2
	hardware = require
END

devices() {
	nicsim_pair && in_a ethtool -K nic0a tls-hw-tx-offload on tls-hw-rx-offload on
}

check 'the emulated device is there' devices
# It knows the devices of its own namespace.
start ktlsd in_a "$build/ktlsd" --config "$dir/ktlsd.conf"
check 'ktlsd is ready' until_true grep -q ready: "$dir/ktlsd.log"
tx=$(nicsim_stat a TlsTxDevice)
rx=$(nicsim_stat a TlsRxDevice)

# ---- they are the clients ------------------------------------------------------------------------

listens_in() {
	ip netns exec "$1" ss -Htln "sport = :$2" | grep -q .
}

start server in_a "$build/tests/tools/ktlspeer" server --host 10.9.0.1 --port 4433 \
	--socket "$dir/ktlsd.sock" --http "$dir/www/file"
until_true listens_in a 4433

# puts COMMAND...: the file came back, and the device had the records both ways.
puts() {
	local before

	before=$(wc -l <"$dir/server.log")
	in_b timeout 240 "$@" >"$dir/answer" 2>"$dir/err"
	[ -e "$dir/got" ] || body <"$dir/answer" >"$dir/got"
	if ! cmp "$dir/got" "$dir/www/file"; then
		tail -n 20 "$dir/err" "$dir/server.log"
		return 1
	fi
	rm -f "$dir/got"
	until_true sh -c "[ \$(wc -l <'$dir/server.log') -gt $before ]"
	tail -n 1 "$dir/server.log" | grep 'version=TLS1.2 .*tx=hw rx=hw' || { tail -n 1 "$dir/server.log"; return 1; }
}

with_s_client() {
	openssl s_client -quiet -connect 10.9.0.1:4433 -servername localhost -CAfile "$certs/ca.pem" \
		-verify_return_error <"$dir/request"
}

with_gnutls_cli() {
	gnutls-cli --logfile="$dir/gnutls.log" --x509cafile="$certs/ca.pem" --port 4433 \
		--sni-hostname localhost --verify-hostname localhost 10.9.0.1 <"$dir/request"
}

with_curl() {
	curl -sS -m 240 --cacert "$certs/ca.pem" --resolve localhost:4433:10.9.0.1 -H Expect: \
		-T "$dir/www/file" -o "$dir/got" https://localhost:4433/file
}

# NSS wants its certificates in a store of its own, and names that it can look up.
store() {
	mkdir "$dir/nss" && certutil -N -d "sql:$dir/nss" --empty-password &&
		certutil -A -d "sql:$dir/nss" -n ca -t CT,C,C -i "$certs/ca.pem" &&
		openssl pkcs12 -export -in "$certs/p256.pem" -inkey "$certs/p256.key" -name p256 \
			-passout pass: -out "$dir/p256.p12" &&
		pk12util -i "$dir/p256.p12" -d "sql:$dir/nss" -W '' -K ''
}

with_tstclnt() {
	tstclnt -h 10.9.0.1 -a localhost -4 -p 4433 -d "sql:$dir/nss" -A "$dir/request"
}

# in_b runs programs, not functions.
export -f with_s_client with_gnutls_cli with_curl with_tstclnt
export dir certs

check 'openssl s_client' puts bash -c with_s_client
check 'gnutls-cli' puts bash -c with_gnutls_cli
check 'curl' puts bash -c with_curl
check 'a store for NSS' store
check 'tstclnt' puts bash -c with_tstclnt
stop_last

# ---- they are the servers ------------------------------------------------------------------------

# gets HOST:PORT WHAT OPTION...: our client gets the file, and it was like this.
gets() {
	local address=$1 what=$2

	shift 2
	in_a timeout 240 "$build/tests/tools/ktlspeer" client "$address" --socket "$dir/ktlsd.sock" \
		--name localhost "$@" >"$dir/said" 2>&1
	cat "$dir/said"
	grep -q "received=$size .*sha256=$sum" "$dir/said" && grep -q "$what" "$dir/said"
}

# Left to itself a server that has TLS 1.3 takes it, and that is what prefer is for.
server() {
	local name=$1 port=$2

	shift 2
	start "$name" in_b "$@"
	check "$name starts" until_true listens_in b "$port"
}

require=(--profile require)
with_hw='version=TLS1.2 .*tx=hw rx=hw'
with_sw='version=TLS1.3 .*tx=sw rx=sw'

cd "$dir/www" || exit
server s_server 4451 openssl s_server -WWW -quiet -accept 4451 -cert "$certs/p256.pem" \
	-cert_chain "$certs/p256.pem" -key "$certs/p256.key"
cd "$OLDPWD" || exit
check 'openssl s_server, where a device is required' \
	gets 10.9.0.2:4451 "$with_hw" "${require[@]}" --get /file
check 'openssl s_server, where it is preferred' gets 10.9.0.2:4451 "$with_sw" --get /file
stop_last

server gnutls-serv 4452 gnutls-serv --quiet --echo --port 4452 --disable-client-cert \
	--x509certfile "$certs/p256.pem" --x509keyfile "$certs/p256.key"
check 'gnutls-serv, where a device is required' gets 10.9.0.2:4452 "$with_hw" "${require[@]}" \
	--send-file "$dir/www/file" --expect "$size"
stop_last

server selfserv 4453 selfserv -Q -d "sql:$dir/nss" -p 4453 -e p256
check 'selfserv, where a device is required' \
	gets 10.9.0.2:4453 "$with_hw" "${require[@]}" --get "$dir/www/file"
stop_last

# ---- and all of it -------------------------------------------------------------------------------

counted() {
	[ "$(nicsim_stat a TlsTxDevice)" -eq $((tx + 7)) ] &&
		[ "$(nicsim_stat a TlsRxDevice)" -eq $((rx + 7)) ] &&
		[ "$(nicsim_stat a TlsDecryptError)" -eq 0 ]
}
check 'the kernel has counted seven connections of the device' counted
check 'all of it can go' nicsim_remove

tap_done
