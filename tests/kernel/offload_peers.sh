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

use_certs
mkdir "$dir/www"
# Lines of text, for gnutls-serv.
head -c 60000 /dev/urandom | base64 >"$dir/www/file"
size=$(stat -c %s "$dir/www/file")
sum=$(sha256sum "$dir/www/file" | cut -c1-64)
{
	printf 'PUT /file HTTP/1.0\r\nContent-Length: %s\r\n\r\n' "$size"
	cat "$dir/www/file"
} >"$dir/request"

ktlsd_conf 'workers = 1'
ktlsd_profile default 'tls-min = 1.2' 'hardware = prefer'
ktlsd_profile require 'tls-min = 1.2' 'hardware = require'

check 'the emulated device is there' nicsim_pair_offloading
# It knows the devices of its own namespace.
start ktlsd ip netns exec a "$build/ktlsd" --config "$dir/ktlsd.conf"

# ---- all that is there for the whole time --------------------------------------------------------

# NSS wants its certificates in a store of its own, and names that it can look up.
store() {
	mkdir "$dir/nss" && certutil -N -d "sql:$dir/nss" --empty-password &&
		certutil -A -d "sql:$dir/nss" -n ca -t CT,C,C -i "$certs/ca.pem" &&
		openssl pkcs12 -export -in "$certs/p256.pem" -inkey "$certs/p256.key" -name p256 \
			-passout pass: -out "$dir/p256.p12" &&
		pk12util -i "$dir/p256.p12" -d "sql:$dir/nss" -W '' -K ''
}

# server NAME NAMESPACE PORT COMMAND...: starts it; all of them are waited for at once.
waited=()
server() {
	start "$1" ip netns exec "$2" "${@:4}"
	waited+=("$1" "$3" "${pids[-1]}")
}

listen() {
	local i

	until_true grep -q ready: "$dir/ktlsd.log" || return
	for ((i = 0; i < ${#waited[@]}; i += 3)); do
		until_true listens "${waited[@]:i+1:2}" || { cat "$dir/${waited[i]}.log"; return 1; }
	done
}

check 'a store for NSS' store
server gnutls-serv b 4452 gnutls-serv --quiet --echo --port 4452 --disable-client-cert \
	--x509certfile "$certs/p256.pem" --x509keyfile "$certs/p256.key"
server selfserv b 4453 selfserv -Q -d "sql:$dir/nss" -p 4453 -e p256
cd "$dir/www" || exit
server s_server b 4451 openssl s_server -WWW -quiet -accept 4451 -cert "$certs/p256.pem" \
	-cert_chain "$certs/p256.pem" -key "$certs/p256.key"
cd "$OLDPWD" || exit
until_true grep -q ready: "$dir/ktlsd.log"
server server a 4433 "$build/tests/tools/ktlspeer" server --host 10.9.0.1 --port 4433 \
	--socket "$dir/ktlsd.sock" --http "$dir/www/file"
check 'ktlsd, our server and all of theirs are ready' listen
tx=$(nicsim_stat a TlsTxDevice)
rx=$(nicsim_stat a TlsRxDevice)

# ---- they are the clients ------------------------------------------------------------------------

with_hw='version=TLS1.2 .*tx=hw rx=hw .*no-hw=NONE,NONE'
with_sw='version=TLS1.3 .*tx=sw rx=sw .*no-hw=VERSION,VERSION'

# lines_of FILE N: there are more than N, and $line is the last of them.
lines_of() {
	local lines

	mapfile -t lines <"$1"
	[ ${#lines[@]} -gt "$2" ] && line=${lines[-1]}
}

# puts COMMAND...: the file came back, and the device had the records both ways.
puts() {
	local lines line=

	mapfile -t lines <"$dir/server.log"
	"$@" >"$dir/answer" 2>"$dir/err"
	[ -e "$dir/got" ] || body <"$dir/answer" >"$dir/got"
	if ! cmp "$dir/got" "$dir/www/file"; then
		tail -n 20 "$dir/err" "$dir/server.log"
		return 1
	fi
	rm -f "$dir/got"
	until_true lines_of "$dir/server.log" ${#lines[@]}
	echo "$line"
	[[ $line =~ $with_hw ]]
}

with_s_client() {
	in_b timeout 240 openssl s_client -quiet -connect 10.9.0.1:4433 -servername localhost \
		-CAfile "$certs/ca.pem" -verify_return_error <"$dir/request"
}

with_gnutls_cli() {
	in_b timeout 240 gnutls-cli --logfile="$dir/gnutls.log" --x509cafile="$certs/ca.pem" --port 4433 \
		--sni-hostname localhost --verify-hostname localhost 10.9.0.1 <"$dir/request"
}

with_curl() {
	in_b curl -sS -m 240 --cacert "$certs/ca.pem" --resolve localhost:4433:10.9.0.1 -H Expect: \
		-T "$dir/www/file" -o "$dir/got" https://localhost:4433/file
}

with_tstclnt() {
	in_b timeout 240 tstclnt -h 10.9.0.1 -a localhost -4 -p 4433 -d "sql:$dir/nss" -A "$dir/request"
}

check 'openssl s_client' puts with_s_client
check 'gnutls-cli' puts with_gnutls_cli
check 'curl' puts with_curl
check 'tstclnt' puts with_tstclnt

# ---- they are the servers ------------------------------------------------------------------------

# gets PORT WHAT OPTION...: our client gets the file, and it was like this.
gets() {
	local port=$1 what=$2 said

	shift 2
	said=$(in_a timeout 240 "$build/tests/tools/ktlspeer" client "10.9.0.2:$port" \
		--socket "$dir/ktlsd.sock" --name localhost "$@" 2>&1)
	echo "$said"
	[[ $said =~ $what.*\ received=$size\ .*sha256=$sum ]]
}

# asked NAME PORT OPTION...: left to itself a server that has TLS 1.3 takes it, and that is what prefer
# is for.
asked() {
	check "$1, where a device is required" gets "$2" "$with_hw" --profile require "${@:3}"
	check "$1, where it is preferred" gets "$2" "$with_sw" "${@:3}"
}

asked 'openssl s_server' 4451 --get /file
asked gnutls-serv 4452 --send-file "$dir/www/file" --expect "$size"
asked selfserv 4453 --get "$dir/www/file"

# ---- and all of it -------------------------------------------------------------------------------

counted() {
	[ "$(nicsim_stat a TlsTxDevice)" -eq $((tx + 7)) ] &&
		[ "$(nicsim_stat a TlsRxDevice)" -eq $((rx + 7)) ] &&
		[ "$(nicsim_stat a TlsDecryptError)" -eq 0 ]
}
check 'the kernel has counted seven connections of the device' counted
for _ in "${pids[@]}"; do stop_last; done
check 'all of it can go' nicsim_remove

tap_done
