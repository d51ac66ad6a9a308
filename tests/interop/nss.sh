#!/bin/bash
# SPDX-License-Identifier: MIT
#
# NSS: tstclnt and selfserv.

# shellcheck source=tests/interop/peers.sh
. tests/interop/peers.sh
need tstclnt selfserv certutil pk12util openssl
# shellcheck source=tests/interop/matrix.sh
. tests/interop/matrix.sh
# shellcheck source=tests/interop/cells.sh
. tests/interop/cells.sh

# Certificates and keys by name, as NSS has them.
db=sql:$tmp/db
store() {
	local name

	mkdir "$tmp/db"
	certutil -N -d "$db" --empty-password &&
		certutil -A -d "$db" -n ca -t CT,C,C -i "$ca" || return
	for name in client p256 rsa2048; do
		openssl pkcs12 -export -in "$certs/$name.pem" -inkey "$certs/$name.key" \
			-name "$name" -passout pass: -out "$tmp/$name.p12" &&
			pk12util -i "$tmp/$name.p12" -d "$db" -W '' -K '' || return
	done
}

# options_for WORD...: the same for both; in $options.
options_for() {
	options=(-d "$db" -p "$port" -u)
	! word tls1.2 "$@" >/dev/null || options+=(-V tls1.2:tls1.2)
	! word tls1.3 "$@" >/dev/null || options+=(-V tls1.3:tls1.3)
}

their_client() {
	log=$tmp/theirs
	options_for "${@:2}"
	! word cert "${@:2}" >/dev/null || options+=(-n client)
	! word resume "${@:2}" >/dev/null || options+=(-L 2)
	timeout "$patience" tstclnt -h "$1" -4 "${options[@]}" -A "$request" >"$tmp/answers" 2>"$log" ||
		return
	# Of two answers, the second.
	if word resume "${@:2}" >/dev/null; then
		tail -c $(($(stat -c %s "$tmp/answers") / 2)) "$tmp/answers" >"$tmp/answer"
	else
		mv "$tmp/answers" "$tmp/answer"
	fi
}

# It cannot choose a port itself, so it is tried with some.
their_server() {
	local more=() i

	log=$tmp/theirs
	! word demand "${@:2}" >/dev/null || more=(-r -r)
	case $1 in
	rsa*) more+=(-n "$1") ;;
	*) more+=(-e "$1") ;;
	esac
	for ((i = 0; i < 20; i++)); do
		port=$((20000 + RANDOM % 12000))
		options_for "${@:2}"
		background "$log" selfserv -Q "${options[@]}" "${more[@]}"
		until_ok settled "$pid" && ! has_ended "$pid" && return
	done
	cat "$log"
	return 1
}

settled() {
	has_ended "$1" || find_port "$1"
}

check 'a store of certificates' store

stack "NSS $(package_version libnss3-tools)" tstclnt selfserv
cannot=client-alpn
exchange=(--get "$data") # selfserv has all files there are
test_cells
tap_done
