# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The programs of this folder, as peers.sh wants them; to be sourced after it. $program is one of them.

their_client() {
	log=$tmp/theirs
	timeout "$patience" "$program" client "$1" "$port" "$ca" "$request" "$tmp/answer" "${@:2}" \
		>"$log" 2>&1
}

their_server() {
	log=$tmp/theirs
	background "$log" "$program" server "$certs/$1.pem" "$certs/$1.key" "$ca" "${@:2}"
	until_ok has_port "$log" || { cat "$log"; return 1; }
}
