# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The table of TLS stacks: their client and their server, TLS 1.2 and 1.3, a full handshake and a
# resumed one, with and without a client's certificate, a test each; and a KeyUpdate. To be sourced
# after matrix.sh.
# A full handshake is done once with each suite that both have. With a client's certificate it is
# secp256r1, after a HelloRetryRequest where x25519 is the client's first choice. A script says
#
#	stack NAME CLIENT SERVER what the table calls it, and its two ends
#	cell_lacks PATTERN WHY   what it cannot do, of cells named "client 1.2 resumed certificate" and
#	                         the like
#	lacks_suites='NAME...'   suites that it does not have
#	lacks_ecdsa_client='...' suites with which its server takes no client's ECDSA certificate
#	cannot='client-alpn...'  if its client, or server, knows nothing of ALPN
#
# and calls test_cells. Words for their_client and their_server, besides those of peers.sh:
#
#	tls1.2, tls1.3           no other version
#	cert=BASE                client: has that certificate, BASE.pem and BASE.key
#	resume                   client: connects twice, then with the session of the first connection
#	resumable                server: will be asked to resume
#
# Rows go to the folder build/stacks, for table.py. With ktlsd at our end, there are none, and only the
# full handshakes without a client's certificate, in a suite of ktlsd's choice.

stack_name=
lacks_suites=
lacks_ecdsa_client=
lacking=()
rows=${KTLS_BUILD:-build}/stacks/$(basename "$0" .sh)
[ -z "${KTLS_SOCKET:-}" ] || rows=/dev/null
declare -A suites_of=(
	[1.3]='TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256'
	[1.2]='TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
		TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
		TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
		TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
		TLS_RSA_WITH_AES_128_GCM_SHA256 TLS_RSA_WITH_AES_256_GCM_SHA384'
)

stack() {
	stack_name=${1% }
	[ -n "${KTLS_SOCKET:-}" ] || mkdir -p "${rows%/*}"
	echo "stack|$1|$2|$3" >"$rows"
}

# package_version NAME: that of a Debian package, as its authors count; for the table only.
package_version() {
	[ -n "${KTLS_SOCKET:-}" ] || dpkg-query -Wf '${source:Upstream-Version}' "$1" 2>/dev/null
}

cell_lacks() {
	lacking+=("$1" "$2")
}

# Suites of VERSION that both have; with CERT, those that it is for.
suites_for() {
	local suite

	for suite in ${suites_of[$1]}; do
		[[ " $lacks_suites " == *" $suite "* ]] || [ "${2:-$(cert_for "$suite")}" != \
			"$(cert_for "$suite")" ] || echo "$suite"
		[ -z "${KTLS_SOCKET:-}" ] || return 0
	done
}

# What comes of a full handshake with a suite.
agreed() {
	[ -z "${KTLS_SOCKET:-}" ] || return 0
	echo "suite=$1 resumed=no"
	case $1 in
	TLS_RSA_*) echo group=none ;;
	*) [ ${#proof[@]} -eq 0 ] || echo group=secp256r1 ;;
	esac
}

cert_for() {
	case $1 in
	*_RSA_WITH_*) echo rsa2048 ;;
	*) echo p256 ;;
	esac
}

# note VERSION ROLE: for the table, what the connection has agreed on.
note() {
	printf 'negotiated|%s|%s|%s\n' "$2 $1" "$(word suite $facts)" "$(word group $facts)" >>"$rows"
}

# words_of ROLE VERSION: words for them, arguments for our end, and what is to come of it.
words_of() {
	words=("tls$2" alpn=http/1.1)
	mine=(--tls "$2" --alpn http/1.1)
	want=("version=TLS$2" sni=localhost)
	[[ " $cannot " == *" $1-alpn "* ]] || want+=(alpn=http/1.1)
}

# ---- our server ---------------------------------------------------------------------------------

# line N: that of our server's connection N becomes $facts.
line() {
	facts=$(sed -n "$((1 + $1))p" "$tmp/ours")
}

# cell_client VERSION HOW [certificate]
cell_client() {
	local words mine want proof=()

	words_of client "$1"
	if [ "${3:-}" = certificate ]; then
		words+=("cert=$certs/client")
		mine+=(--demand --trust "$ca" --group secp256r1)
		proof=("client=*")
	fi
	"client_$2" "$1"
}

client_full() {
	local suite

	for suite in $(suites_for "$1"); do
		serve "$(cert_for "$suite")" --http "$data" --suite "$suite" "${mine[@]}" || return
		their_client localhost "${words[@]}" || { echo "their status: $?"; cat "$log"; }
		# shellcheck disable=SC2046
		served "${want[@]}" "${proof[@]}" $(agreed "$suite") "${client_end[@]}" &&
			got_data || return
		note "$1" client
	done
}

client_resumed() {
	serve p256 --http "$data" --tickets 2 --count 2 "${mine[@]}" || return
	their_client localhost "${words[@]}" resume || { echo "their status: $?"; cat "$log"; }
	until_ok has_ended "$ours" || { cat "$tmp/ours"; return 1; }
	line 1
	facts_have "${want[@]}" "${proof[@]}" resumed=no || return
	line 2
	facts_have "${want[@]}" resumed=yes "${client_end[@]}" && got_data
}

# In the middle of our answer. Theirs would come with what they send then, which is close_notify.
client_updated() {
	serve p256 --http "$data" --key-update 20 "${mine[@]}" || return
	their_client localhost "${words[@]}" || { echo "their status: $?"; cat "$log"; }
	served "${want[@]}" "${client_end[@]}" && got_data && [[ $facts == *' updates=1,'* ]]
}

# ---- our client ---------------------------------------------------------------------------------

# cell_server VERSION HOW [certificate]
cell_server() {
	local words mine want proof=()

	words_of server "$1"
	if [ "${3:-}" = certificate ]; then
		local lacks_suites="$lacks_suites $lacks_ecdsa_client"

		words+=(demand)
		mine+=(--cert "$certs/client" --group secp256r1)
		proof=("client=*")
	fi
	want+=("received=$data_len" "sha256=$data_sum" "${server_end[@]}")
	"server_$2" "$1"
}

# What it got last.
copy_is_data() {
	tail -c "$data_len" "$their_copy" | cmp - "$data"
}

# talk ARG... -- FACT...: with their server, once.
talk() {
	local args=()

	while [ "$1" != -- ]; do args+=("$1"); shift; done
	feed
	connect --name localhost "${exchange[@]}" "${mine[@]}" "${args[@]}"
	facts_have "${want[@]}" "${@:2}" || return
	[ -z "${their_copy:-}" ] || until_ok copy_is_data
}

server_full() {
	local cert suite

	for cert in p256 rsa2048; do
		[ -n "$(suites_for "$1" "$cert")" ] || continue
		their_server "$cert" "${words[@]}" || return
		for suite in $(suites_for "$1" "$cert"); do
			# shellcheck disable=SC2046
			talk --suite "$suite" -- $(agreed "$suite") "${proof[@]}" || return
			note "$1" server
		done
		end_started
	done
}

server_resumed() {
	their_server p256 "${words[@]}" resumable || return
	rm -f "$tmp/session"
	talk --session "$tmp/session" -- "${proof[@]}" resumed=no &&
		talk --session "$tmp/session" -- resumed=yes
}

# Before our request. Whether their answer is under a new key, too, is a matter of what they had
# written when they read ours.
server_updated() {
	their_server p256 "${words[@]}" || return
	talk --key-update 1 -- && [[ $facts == *' updates=1,'* ]]
}

# ---- all of them --------------------------------------------------------------------------------

# why_not CELL: 0 and the reason where the program cannot do that.
why_not() {
	local i

	for ((i = 0; i < ${#lacking[@]}; i += 2)); do
		# shellcheck disable=SC2053
		[[ $1 != ${lacking[i]} ]] || { echo "${lacking[i + 1]}"; return 0; }
	done
	return 1
}

# cell ROLE VERSION HOW [certificate]
cell() {
	local name="$1: TLS $2, $3${4:+, client certificate}" result=ok why

	# shellcheck disable=SC2053
	[[ $name == @(${KTLS_ONLY:-*}) ]] || return
	[[ -z ${KTLS_SOCKET:-} || $3$4 == full ]] || return
	if why=$(why_not "$*"); then
		tap_skip "$name" "not in $stack_name: $why"
		result=$why
	else
		check "$name" alone "cell_$1" "${@:2}" || result=FAILED
	fi
	echo "cell|$*|$result" >>"$rows"
}

test_cells() {
	local role version how

	for role in client server; do
		for version in 1.2 1.3; do
			for how in full resumed; do
				cell "$role" "$version" "$how"
				cell "$role" "$version" "$how" certificate
			done
		done
		cell "$role" 1.3 updated
	done
}
