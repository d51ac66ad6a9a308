# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What OpenSSL and GnuTLS send behind a handshake, at the wish of who types there: tickets, KeyUpdates
# that ask for ours or do not, close_notify; and what they make of ours. tests/tools/after.c is the
# application. A kernel that cannot change keys ends the connection in order. To be sourced;
# $carrier, kernel or relay, has the records.

# shellcheck disable=SC2034 # services.sh's
needs='openssl gnutls-cli gnutls-serv stdbuf'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh

relay=() few=() # for a client: a relay changes its key when it is time only
[ "$carrier" = kernel ] || relay=(--relay) few=(--profile few)

"$build/tests/tools/certs" "$dir/certs"
certs=$dir/certs

# profile NAME LINE...
profile() {
	printf '%s\n' "[profile $1]" "certificate = $certs/p256.pem" "key = $certs/p256.key" \
		"trust = $certs/ca.pem" 'tls-min = 1.2' "server-users = $(id -un)" \
		"client-users = $(id -un)" "${@:2}"
	[ "$carrier" = kernel ] || echo 'records = relay'
}

{
	printf '%s\n' '[ktlsd]' "socket = $dir/socket" 'socket-mode = 0666' 'workers = 1'
	profile default
	profile few 'records-per-key = 2'
} >"$dir/ktlsd.conf"
start_ktlsd

after() {
	timeout 60 "$build/tests/tools/after" "$1" --socket "$dir/socket" "${relay[@]}" "${@:2}"
}

rekey=no
if [ "$carrier" = relay ] || after rekey; then
	rekey=yes
fi
tap_diag "keys can be changed: $rekey"

# ---- we are the server ---------------------------------------------------------------------------

# our_server [WORD]...: sets port. Not to be called in a check.
our_server() {
	start echo after echo "$@"
	until_true grep -q ^port "$dir/echo.log"
	port=$(sed -n 's/^port //p' "$dir/echo.log")
}

# type_after TEXT LINE [TEXT LINE]...: types a line each time when one of $files holds the text.
type_after() {
	while [ $# -gt 1 ]; do
		until_true grep -aq "$1" "${files[@]}" >/dev/null || return
		printf '%s\n' "$2"
		shift 2
	done
	until_true grep -aq "$1" "${files[@]}" >/dev/null
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
	local files=("$dir/theirs")

	: >"$dir/theirs"
	type_after "$@" | timeout 60 stdbuf -oL openssl s_client \
		-connect "localhost:$port" -CAfile "$certs/ca.pem" -servername localhost -msg \
		"${options[@]}" >"$dir/theirs" 2>&1
	grep -av '^    ' "$dir/theirs"
}

# seen: the KeyUpdates that s_client has sent (>) and got (<), 1 where they ask for one, and between
# them the lines that it got.
seen() {
	awk '/^(<<<|>>>).*KeyUpdate/ { way = substr($1, 1, 1); next }
		way { printf "%s%d ", way, $5; way = "" }
		/^(first|second|third|update|fourth)$/ { printf "%s ", $0 }' "$dir/theirs"
}

# seen_is WORD...
seen_is() {
	local got

	got=$(seen)
	echo "seen: $got"
	[ "$got" = "$* " ]
}

# A relay's application has no updates.
ours_and_theirs=()
[ "$carrier" = relay ] || ours_and_theirs=('<1' '>0')

s_client_updates() {
	if [ "$rekey" = yes ]; then
		typed_to_s_client 'Verify return code' first '^first' k '^KEYUPDATE' second '^second' K \
			'^>>>.*KeyUpdate' third '^third' update '^update' fourth '^fourth' Q DONE
		told PEER_CLOSE_NOTIFY &&
			seen_is first '>0' second '>1' '<0' third update "${ours_and_theirs[@]}" fourth
	else
		typed_to_s_client 'Verify return code' first '^first' k 'alert internal error'
		told KEY_UPDATE_UNSUPPORTED
	fi
}

s_client_own_updates() {
	typed_to_s_client 'Verify return code' first '^first' second '^second' third '^third' fourth \
		'^fourth' Q DONE
	told PEER_CLOSE_NOTIFY && [[ $(seen) == *'<'*fourth* ]]
}

# Standard output of gnutls-cli comes late, so it is typed when our server has had the line before, or
# gnutls-cli has told of something on standard error.
# "^rekey^" is a KeyUpdate that asks for ours, "^rekey1^" one that does not.
typed_to_gnutls() {
	local files=("$dir/echo.log" "$dir/theirs")

	: >"$dir/theirs"
	type_after "$@" | timeout 60 gnutls-cli -d 4 --inline-commands \
		--logfile=/dev/null --x509cafile "$certs/ca.pem" -p "$port" localhost \
		>"$dir/theirs" 2>&1
	grep -v '^|' "$dir/theirs"
}

# gnutls_has WORD...: which KeyUpdates it has sent and received, 1 where they ask for one.
gnutls_has() {
	local got

	got=$(sed -n 's/.*: sending key update (\(.\))/>\1/p; s/.*received.* key update (\(.\))/<\1/p' \
		"$dir/theirs")
	echo "seen: ${got//$'\n'/ }"
	[ "${got//$'\n'/ }" = "$*" ]
}

# gnutls_updates COMMAND [WORD]...: which KeyUpdates that makes. It answers ours in front of what it
# sends next.
gnutls_updates() {
	local updated='received.* key update (1)'

	[ "$carrier" = kernel ] || updated='got update'
	if [ "$rekey" = yes ]; then
		typed_to_gnutls ready first 'got first' "$1" 'got first' second 'got second' update \
			"$updated" third 'got third'
		told PEER_CLOSE_NOTIFY && grep -qx third "$dir/theirs" &&
			gnutls_has "${@:2}" "${ours_and_theirs[@]}"
	else
		typed_to_gnutls ready first 'got first' "$1" '^end'
		told KEY_UPDATE_UNSUPPORTED
	fi
}

tls12_goes_on() {
	typed_to_s_client 'Verify return code' first '^first' update '^update' second '^second' Q DONE
	told PEER_CLOSE_NOTIFY && seen_is first update second &&
		{ [ "$carrier" = relay ] || grep -q '^update: ' "$dir/echo.log"; }
}

test_our_server() {
	our_server
	check 'openssl s_client: KeyUpdates at its wish and ours' s_client_updates
	our_server
	check 'gnutls-cli: KeyUpdates that ask for ours, and ours' gnutls_updates '^rekey^' '>1' '<0'
	our_server
	check 'gnutls-cli: KeyUpdates that do not ask for ours' gnutls_updates '^rekey1^' '>0'
	if [ "$rekey" = yes ]; then
		our_server --profile few
		check 'openssl s_client: our KeyUpdates when it is time' s_client_own_updates
	fi
	our_server
	options=(-tls1_2)
	check 'openssl s_client, TLS 1.2: the keys stay' tls12_goes_on
}

# ---- we are the client ---------------------------------------------------------------------------

# our_client PORT TEXT... -- [WORD]...: lines, and what comes back
our_client() {
	local port=$1 want=()

	shift
	while [ "$1" != -- ]; do
		want+=("$1")
		shift
	done
	shift
	after lines "$port" first second third "$@" >"$dir/said" 2>&1
	cat "$dir/said"
	{ [ "$rekey" = no ] || ! grep -q '^update' "$dir/said"; } &&
		[ "$(grep -v '^update' "$dir/said")" = "$(printf '%s\n' "${want[@]}" 'end PEER_CLOSE_NOTIFY')" ]
}

# s_server PORT TICKETS
s_server() {
	start s_server openssl s_server -accept "$1" -cert "$certs/p256.pem" \
		-cert_chain "$certs/p256.pem" -key "$certs/p256.key" -rev -num_tickets "$2" -msg
	until_true listens "$1"
}

# updates LOG PATTERN NUMBER: a line in the server's log for each KeyUpdate. A relay makes some, the
# application one after each line but the last.
updates() {
	local got

	got=$(grep -ac "$2" "$dir/$1.log")
	echo "KeyUpdates: $got"
	if [ "$rekey" = no ]; then
		[ "$got" -eq 0 ]
	elif [ "$carrier" = relay ]; then
		[ "$got" -gt 0 ]
	else
		[ "$got" -eq "$3" ]
	fi
}

# s_server PORT TICKETS
s_server() {
	start s_server stdbuf -oL openssl s_server -accept "$1" -cert "$certs/p256.pem" \
		-cert_chain "$certs/p256.pem" -key "$certs/p256.key" -rev -num_tickets "$2" -msg
	until_true listens "$1"
}

openssl_tickets() {
	our_client "$1" tsrif dnoces driht -- || return
	[ "$(grep -c '>>>.*NewSessionTicket' "$dir/s_server.log")" -eq "$2" ] || return
	if [ "$2" -eq 0 ]; then
		our_client "$1" tsrif dnoces driht --
	else
		our_client "$1" resumed tsrif dnoces driht --
	fi
}

openssl_updates() {
	our_client "$1" tsrif dnoces driht -- "${few[@]}" &&
		updates s_server '<<<.*KeyUpdate' 2 &&
		{ [ "$carrier" = relay ] || updates s_server '>>>.*KeyUpdate' 2; }
}

gnutls_serv() {
	start gnutls-serv gnutls-serv -d 4 --port "$1" --echo --x509certfile "$certs/p256.pem" \
		--x509keyfile "$certs/p256.key"
	until_true listens "$1"
}

gnutls_server() {
	our_client "$1" first second third -- "${few[@]}" &&
		updates gnutls-serv 'received TLS 1.3 key update' 2 &&
		{ [ "$carrier" = relay ] || updates gnutls-serv 'sending key update (0)' 2; } &&
		our_client "$1" resumed first second third -- "${few[@]}"
}

# test_our_client TICKETS...
test_our_client() {
	local port=4460 tickets

	s_server "$port" 0
	check 'openssl s_server: our KeyUpdates' openssl_updates "$port"
	stop_last
	for tickets; do
		s_server $((++port)) "$tickets"
		check "openssl s_server: $tickets tickets, and whether one of them is good" \
			openssl_tickets "$port" "$tickets"
		stop_last
	done
	gnutls_serv $((++port))
	check 'gnutls-serv: tickets, our KeyUpdates and its own' gnutls_server "$port"
}
