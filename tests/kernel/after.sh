#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What OpenSSL and GnuTLS send behind a handshake, at the wish of who types there: tickets, KeyUpdates
# that ask for ours or do not, close_notify; and what they make of ours. tests/tools/after.c is the
# application. A kernel that cannot change keys ends the connection in order.

needs='openssl gnutls-cli'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh

"$build/tests/tools/certs" "$dir/certs"
certs=$dir/certs
cat >"$dir/ktlsd.conf" <<END
[ktlsd]
socket = $dir/socket
socket-mode = 0666
workers = 1
[profile default]
certificate = $certs/p256.pem
key = $certs/p256.key
tls-min = 1.2
server-users = root
client-users = root
trust = $certs/ca.pem
END
start_ktlsd
after() {
	timeout 60 "$build/tests/tools/after" "$1" --socket "$dir/socket" "${@:2}"
}
rekey=no
! after rekey || rekey=yes
tap_diag "keys can be changed: $rekey"

# our_server: sets port. Not to be called in a check.
our_server() {
	start echo after echo
	until_true grep -q ^port "$dir/echo.log"
	port=$(sed -n 's/^port //p' "$dir/echo.log")
}

# type_after FILE TEXT LINE [TEXT LINE]...: types a line each time when FILE holds the text.
type_after() {
	local file=$1

	shift
	while [ $# -gt 1 ]; do
		until_true grep -aq "$1" "$file" >/dev/null || return
		printf '%s\n' "$2"
		shift 2
	done
	until_true grep -aq "$1" "$file" >/dev/null
}

# told WORD...: our server's last line.
told() {
	until_true grep -q '^end' "$dir/echo.log"
	cat "$dir/echo.log"
	grep -qx "end $*" "$dir/echo.log"
}

options=() # of s_client

# s_client's own words: "k" and "K" for KeyUpdates, the latter asking, "Q" for the end.
typed_to_s_client() {
	: >"$dir/theirs"
	type_after "$dir/theirs" "$@" | timeout 60 openssl s_client -connect "localhost:$port" \
		-CAfile "$certs/ca.pem" -servername localhost "${options[@]}" >"$dir/theirs" 2>&1
	cat "$dir/theirs"
}

s_client_updates() {
	if [ "$rekey" = yes ]; then
		typed_to_s_client 'Verify return code' first '^first' k '^KEYUPDATE' second '^second' K \
			'^second' third '^third' update '^update' fourth '^fourth' Q 'DONE'
		told PEER_CLOSE_NOTIFY && grep -aqx fourth "$dir/theirs"
	else
		typed_to_s_client 'Verify return code' first '^first' k 'alert internal error'
		told KEY_UPDATE_UNSUPPORTED
	fi
}

# Standard output of gnutls-cli comes late, so it is typed when our server has had the line before.
# "^rekey^" is a KeyUpdate that does not ask.
typed_to_gnutls() {
	type_after "$dir/echo.log" "$@" | timeout 60 gnutls-cli --inline-commands --logfile=/dev/null \
		--x509cafile "$certs/ca.pem" -p "$port" localhost >"$dir/theirs" 2>&1
	cat "$dir/theirs"
}

gnutls_updates() {
	if [ "$rekey" = yes ]; then
		typed_to_gnutls ready first 'got first' '^rekey^' 'got first' second 'got second' update \
			'got update' third 'got third'
		told PEER_CLOSE_NOTIFY && grep -qx third "$dir/theirs"
	else
		typed_to_gnutls ready first 'got first' '^rekey^' '^end'
		told KEY_UPDATE_UNSUPPORTED
	fi
}

tls12_goes_on() {
	typed_to_s_client 'Verify return code' first '^first' update '^update' second '^second' Q DONE
	told PEER_CLOSE_NOTIFY && grep -q '^update: ' "$dir/echo.log"
}

our_server
check 'openssl s_client: KeyUpdates at its wish and ours' s_client_updates
our_server
check 'gnutls-cli: KeyUpdates at its wish and ours' gnutls_updates

our_server
options=(-tls1_2)
check 'openssl s_client, TLS 1.2: the keys stay' tls12_goes_on

# ---- we are the client ---------------------------------------------------------------------------

start s_server openssl s_server -accept 4460 -cert "$certs/p256.pem" -cert_chain "$certs/p256.pem" \
	-key "$certs/p256.key" -rev -num_tickets 10
until_true listens 4460

our_client() {
	after lines 4460 first second third >"$dir/said" 2>&1
	cat "$dir/said"
	grep -qx tsrif "$dir/said" && grep -qx driht "$dir/said" &&
		{ [ "$rekey" = no ] || ! grep -q '^update' "$dir/said"; }
}
check 'openssl s_server: ten tickets, and KeyUpdates of ours' our_client

tap_done
