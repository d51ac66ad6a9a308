# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Our ends against others' programs; to be sourced by the scripts that know one of these programs
# each. Such a script says how its program is used:
#
#	their_client HOST [WORD...]   connects to $port, sends $data as the body of a PUT ($request),
#	                              leaves what comes in $tmp/answer, or without a header in
#	                              $tmp/got, and what it said in $log
#	their_server CERT [WORD...]   listens for one client or more; sets port and log. It sends $data
#	                              or what it gets to our client, which is called with $exchange;
#	                              what it got may be in the file $their_copy
#	their_alert NUMBER            whether $log tells of that alert
#
# Words say what a program shall do; one that it cannot is in $cannot, and our end does it then:
#
#	suite=NAME group=NAME,...     no others
#	alpn=NAME,...                 offers or accepts these
#	tls1.2                        no other version
#	alerts                        server: log has to tell of alerts
#	ask, demand                   server: wants or needs a client's certificate
#
# and then calls test_servers and test_clients of matrix.sh.
#
# Our ends are tests/tools/tlspeer, which needs no kernel TLS. With KTLS_SOCKET in the environment
# they are ktlspeer and the ktlsd that listens there, whose profiles are the sets of certificates;
# KTLS_CERTS is the folder that these are in, then. KTLS_ONLY is a pattern of tests to be run,
# KTLS_INTEROP_BYTES how much random data is sent, in base64.

# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh
# shellcheck source=tests/harness/until.sh
. tests/harness/until.sh

tools=${KTLS_BUILD:-build}/tests/tools
factor=${KTLS_TIMEOUT_FACTOR:-1}
patience=$((20 * factor)) # seconds for one of their clients
tmp=$(mktemp -d)
started=()
# until_ok COMMAND...: tries for up to ten seconds, more where programs are slow.
until_ok() {
	local i

	for ((i = 0; i < 500 * factor; i++)); do
		! "$@" || return 0
		nap 0.02
	done
	echo "in vain: $*"
	return 1
}

# background LOG COMMAND...: starts it; its number is in $pid. It ends with the case, or the script.
background() {
	: >"$1"
	"${@:2}" >"$1" 2>&1 </dev/null &
	pid=$!
	started+=("$pid")
}

end_started() {
	[ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null
	wait "${started[@]}" 2>/dev/null
	started=()
}

leave() {
	end_started
	rm -rf "$tmp"
}
trap leave EXIT
trap 'exit 143' TERM INT HUP

# try NAME COMMAND...: a test; what it starts ends with it.
try() {
	# shellcheck disable=SC2053
	[[ $1 != @(${KTLS_ONLY:-*}) ]] || check "$1" alone "${@:2}"
}

alone() {
	local name

	started=()
	trap end_started EXIT
	for name in ours theirs answer got; do
		: >"$tmp/$name"
	done
	"$@"
}

# need PROGRAM...: without them there is nothing to test.
need() {
	local program

	for program; do
		command -v "$program" >/dev/null || tap_skip_all "there is no $program"
	done
}

# ---- material -----------------------------------------------------------------------------------

certs=${KTLS_CERTS:-$tmp/certs}
ca=$certs/ca.pem
data=$tmp/data
[ -d "$certs" ] || "$tools/certs" "$certs" || exit
# Lines of text: gnutls-serv takes nothing else.
head -c "${KTLS_INTEROP_BYTES:-800000}" /dev/urandom | base64 -w 1000 >"$data"
data_len=$(stat -c %s "$data")
data_sum=$(sha256sum <"$data")
data_sum=${data_sum%% *}

# For programs that know nothing of HTTP: a request for our server, and its answer without a header.
request=$tmp/request
{
	printf 'PUT /data HTTP/1.0\r\nContent-Length: %d\r\n\r\n' "$data_len"
	cat "$data"
} >"$request"

answer_is_data() {
	local line

	{
		while IFS= read -r line && [ "$line" != $'\r' ]; do :; done
		cmp - "$data"
	} <"$tmp/answer"
}

got_data() {
	if [ -s "$tmp/answer" ]; then answer_is_data; else cmp "$tmp/got" "$data"; fi
}

# ---- our ends -----------------------------------------------------------------------------------

facts=

# Sets of certificates by name; any other name is a certificate's. strict takes known names only.
declare -A sets=([all]='p256 p384 rsa2048 rsa4096 ed25519 many wildcard' [strict]='p256 wildcard'
	[two]='p256 rsa2048')

# has TEXT FILE
has() {
	[ -e "$2" ] && [[ "$(<"$2")"$'\n' == *"$1"* ]]
}

# The first line "port 12345" of what a server prints.
has_port() {
	local word

	[ -e "$1" ] && read -r word port <"$1" && [ "$word" = port ]
}

# for_ktlspeer PROFILE ARG...: what tlspeer is told becomes what ktlspeer is told, in $arguments. Of
# versions, the profile speaks: those of TLS 1.2 have that behind their name.
for_ktlspeer() {
	local profile=$1

	arguments=()
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--tls) [ "$2" != 1.2 ] || profile+=-1.2; shift ;;
		--suite | --group) shift ;;
		*) arguments+=("$1") ;;
		esac
		shift
	done
	arguments=(--socket "$KTLS_SOCKET" --profile "$profile" "${arguments[@]}")
}

# serve SET ARG...: our server, for one connection; sets port.
serve() {
	local name arguments=()

	if [ -n "${KTLS_SOCKET:-}" ]; then
		for_ktlspeer "$1" --count 1 "${@:2}"
		arguments=("$tools/ktlspeer" server "${arguments[@]}")
	else
		arguments=("$tools/tlspeer" server)
		for name in ${sets[$1]:-$1}; do
			arguments+=(--cert "$certs/$name")
		done
		[ "$1" != strict ] || arguments+=(--strict-sni)
		arguments+=(--count 1 "${@:2}")
	fi
	background "$tmp/ours" "${arguments[@]}"
	ours=$pid
	until_ok has_port "$tmp/ours" || { cat "$tmp/ours"; return 1; }
}

has_ended() {
	! kill -0 "$1" 2>/dev/null
}

# served WORD...: waits for its end, and says whether its line has these words.
served() {
	until_ok has_ended "$ours" || { cat "$tmp/ours"; return 1; }
	facts=$(<"$tmp/ours")
	facts=${facts#*$'\n'}
	facts_have "$@"
}

# connect ARG...: our client, to $port; its line goes to $facts.
connect() {
	local arguments=()

	if [ -n "${KTLS_SOCKET:-}" ]; then
		for_ktlspeer default "$@"
		facts=$("$tools/ktlspeer" client "127.0.0.1:$port" "${arguments[@]}" 2>&1)
	else
		facts=$("$tools/tlspeer" client "127.0.0.1:$port" --trust "$ca" "$@" 2>&1)
	fi
}

# facts_have WORD...: whether $facts has these; of one that ends in "=*", any value but none.
facts_have() {
	local word

	for word; do
		[[ " $facts " == *" $word "* ]] && continue
		[[ $word == *=\* && " $facts " == *" ${word%\*}"* && " $facts " != *" ${word%\*}none "* ]] &&
			continue
		# ktlsd does not tell.
		[[ -z ${KTLS_SOCKET:-} || $word != retried=* ]] || continue
		echo "no $word in: $facts"
		[ -z "${log:-}" ] || tail -n 20 "$log"
		return 1
	done
}

# ---- theirs -------------------------------------------------------------------------------------

# word NAME WORD...: the value of NAME=VALUE, or the word NAME itself; status 1 if there is neither.
word() {
	local name=$1 word

	for word in "${@:2}"; do
		case $word in
		"$name="*) echo "${word#*=}" ; return 0 ;;
		"$name") echo "$word" ; return 0 ;;
		esac
	done
	return 1
}

# The port that a process listens on, in $port. Sockets that listen come first in these tables.
find_port() {
	local fd links=() sockets table at state inode

	for fd in "/proc/$1/fd/"*; do
		[ ! -S "$fd" ] || links+=("$fd")
	done
	[ ${#links[@]} -gt 0 ] || return
	sockets=$(readlink "${links[@]}" 2>/dev/null)
	for table in tcp tcp6; do
		while read -r _ at _ state _ _ _ _ _ inode _; do
			[ "$state" != st ] || continue
			[ "$state" = 0A ] || break
			[[ $sockets == *"socket:[$inode]"* ]] || continue
			port=$((16#${at#*:}))
			return 0
		done <"/proc/net/$table"
	done
	return 1
}

# listening PID: waits until the process listens; sets port.
listening() {
	until_ok find_port "$1" && return
	cat "$log"
	return 1
}

# openssl_alert NUMBER: for what uses libssl.
openssl_alert() {
	until_ok has "alert number $1"$'\n' "$log" || { tail -n 20 "$log"; return 1; }
}
