#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The scripts of tests/interop, with ktlsd and kernel TLS at our end: an application hands its sockets
# over and goes on with read(), write() and sendfile(). Not all of their tests, for every program that
# is started here takes its time; the engine is tested in full where no kernel TLS is needed.

set -u
[ -r /proc/net/tls_stat ] || { echo '1..0 # SKIP no kernel TLS'; exit 0; }

build=${KTLS_BUILD:-build}
dir=$(mktemp -d /tmp/interop-XXXXXX)
chmod 755 "$dir"
export KTLS_SOCKET=$dir/socket
# Ten records and more; much data is for others.
export KTLS_INTEROP_BYTES=${KTLS_INTEROP_BYTES:-150000}
ktlsd=

leave() {
	[ -z "$ktlsd" ] || kill "$ktlsd" 2>/dev/null
	wait
	rm -rf "$dir"
}
trap leave EXIT
trap 'exit 143' TERM INT HUP

# profile NAME CERT...
profile() {
	local cert

	echo "[profile $1]"
	for cert in "${@:2}"; do
		echo "certificate = $KTLS_CERTS/$cert.pem"
		echo "key = $KTLS_CERTS/$cert.key"
	done
	echo 'server-users = root'
}

config() {
	local cert

	cat <<-END
	[ktlsd]
	socket = $KTLS_SOCKET
	socket-group = root
	user = nobody
	workers = 2
	[profile default]
	trust = $KTLS_CERTS/ca.pem
	client-users = root
	[profile default-1.2]
	trust = $KTLS_CERTS/ca.pem
	client-users = root
	tls-min = 1.2
	tls-max = 1.2
	END
	profile p256-1.2 p256
	echo 'tls-min = 1.2'
	echo 'tls-max = 1.2'
	for cert in p256 rsa2048 wrong-name expired future unknown-ca; do
		profile "$cert" "$cert"
	done
	profile all p256 p384 rsa2048 rsa4096 ed25519 many wildcard
	profile strict p256 wildcard
	echo 'strict-sni = yes'
}

# Keys that the kernel was given, and records that it could not decrypt.
counted() {
	awk '$1 == "TlsTxSw" || $1 == "TlsRxSw" { keys += $2 }
	     $1 == "TlsDecryptError" { errors += $2 } END { print keys, errors }' /proc/net/tls_stat
}

# through PROGRAM PATTERN...: the tests of its script that these patterns fit.
through() {
	local IFS='|'

	KTLS_ONLY="${*:2}" "tests/interop/$1.sh" | sed -u "s/^\(\(not \)\?ok [0-9]*\) /\1 $1, /
		s/^1\.\.0 # SKIP/ok 1 $1 # SKIP/; t skipped; b
		: skipped; \$!b; a 1..1"
}

all_of_them() {
	local program

	through openssl '*: TLS_*' '*: *HelloRetry*' '*: p384*' '*: rsa2048*' 'client: rsa4096*' \
		'*: ed25519*' 'client: a name for*' 'client: an unknown*' '*: an application*' \
		'*: TLS 1.2 only*' 'client refuses what has*' 'client refuses an unknown*' \
		'server: wrong-name*' 'server: expired*' 'server: unknown-ca*' 'server: by address*'
	through gnutls 'client: ed25519*' 'client: *HelloRetry*' 'client: an unknown*' \
		'client: TLS 1.2 only*' 'client refuses wrong-name' 'server: rsa2048' \
		'server: *HelloRetry*' 'server: expired*' 'server: unknown-ca*'
	through curl 'client: TLS_CHACHA*' 'client: a name for*' 'client refuses an unknown*'
	KTLS_INTEROP_BYTES=800000 through nginx 'client: x25519' 'client: rsa2048*' \
		'client refuses wrong-name' 'server: TLS_AES_256*' 'server: expired*' 'server: a megabyte*'
	through python 'client: x25519' 'client: data in one*' 'client refuses an unknown*' \
		'server: x25519' 'server: expired*'
	for program in nss mbedtls wolfssl; do
		through "$program" '*: TLS 1.[23], full'
	done
}

if [ -z "${KTLS_CERTS:-}" ]; then
	"$build/tests/tools/certs" "$dir/certs" || exit
	export KTLS_CERTS=$dir/certs
fi
config >"$dir/ktlsd.conf"
"$build/ktlsd" --config "$dir/ktlsd.conf" >"$dir/log" 2>&1 </dev/null &
ktlsd=$!
for ((i = 0; i < 300; i++)); do
	! grep -q 'ktlsd: ready' "$dir/log" || break
	sleep 0.1
done
read -r keys errors < <(counted)

# Their plans become one, behind all results.
planned=0 failed=0
while IFS= read -r line; do
	case $line in
	1..*) ((planned += ${line#1..})); continue ;;
	'not ok'*) ((failed++)) ;;
	esac
	printf '%s\n' "$line"
done < <(all_of_them)

# Two keys for each handshake that ktlsd tells of, and nothing that could not be decrypted.
read -r keys_now errors_now < <(counted)
handshakes=$(grep -c ': OK TLS 1.[23] .* tx=sw rx=sw' "$dir/log")
if [ "$handshakes" -eq 0 ] || [ $((keys_now - keys)) -ne $((2 * handshakes)) ] ||
	[ "$errors_now" -ne "$errors" ]; then
	echo "# $handshakes handshakes, $((keys_now - keys)) keys, $((errors_now - errors)) errors"
	tail -n 20 "$dir/log" | sed 's/^/# /'
	printf 'not '
	((failed++))
fi
echo "ok $((planned + 1)) all records were the kernel's"
echo "1..$((planned + 1))"
[ "$failed" -eq 0 ]
