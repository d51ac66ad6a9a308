# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Our ends (tests/tools/tlspeer) against others' programs; to be sourced by the scripts that know
# one of these programs each. Such a script says how its program is used:
#
#	their_client HOST [WORD...]   connects to $port, sends $data as the body of a PUT, leaves the
#	                              answer in $tmp/got and what it said in $log
#	their_server CERT [WORD...]   listens for one client or more; sets port and log. It sends $data
#	                              or what it gets to our client, which is called with $exchange
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

# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

tools=${KTLS_BUILD:-build}/tests/tools
tmp=$(mktemp -d)
started=()
exec {nap_fd}<> <(:)

# nap SECONDS: sleeps without starting a program.
nap() {
	read -rt "$1" -u "$nap_fd" || :
}

# until_ok COMMAND...: tries for up to ten seconds.
until_ok() {
	local i

	for ((i = 0; i < 500; i++)); do
		! "$@" || return 0
		nap 0.02
	done
	echo "in vain: $*"
	return 1
}

# background LOG COMMAND...: starts it; its number is in $pid. It ends with the case, or the script.
background() {
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
	check "$1" alone "${@:2}"
}

alone() {
	started=()
	trap end_started EXIT
	rm -f "$tmp"/{ours,theirs,answer,got,sent}
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

certs=$tmp/certs
ca=$certs/ca.pem
data=$tmp/data
"$tools/certs" "$certs" || exit
# Lines of text: gnutls-serv takes nothing else.
head -c 800000 /dev/urandom | base64 -w 1000 >"$data"
data_len=$(stat -c %s "$data")
data_sum=$(sha256sum <"$data")
data_sum=${data_sum%% *}

put_request() {
	printf 'PUT /data HTTP/1.0\r\nContent-Length: %d\r\n\r\n' "$data_len"
	cat "$data"
}

# body FILE: what follows a header.
body() {
	sed '1,/^\r$/d' "$1"
}

# ---- our ends -----------------------------------------------------------------------------------

facts=

# has TEXT FILE
has() {
	[ -e "$2" ] && [[ "$(<"$2")"$'\n' == *"$1"* ]]
}

# The first line "port 12345" of what a server prints.
has_port() {
	local word

	[ -e "$1" ] && read -r word port <"$1" && [ "$word" = port ]
}

# serve ARG...: our server, for one connection; sets port.
serve() {
	background "$tmp/ours" "$tools/tlspeer" server --count 1 "$@"
	ours=$pid
	until_ok has_port "$tmp/ours" || { cat "$tmp/ours"; return 1; }
}

has_ended() {
	! kill -0 "$1" 2>/dev/null
}

# served WORD...: waits for its end, and says whether its line has these words.
served() {
	until_ok has_ended "$ours" || return
	facts=$(<"$tmp/ours")
	facts=${facts#*$'\n'}
	facts_have "$@"
}

# connect ARG...: our client, to $port; its line goes to $facts.
connect() {
	facts=$("$tools/tlspeer" client "${host:-127.0.0.1}:$port" --trust "$ca" "$@" 2>&1)
}

facts_have() {
	local word

	for word; do
		[[ " $facts " == *" $word "* ]] && continue
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
	local sockets table at state inode

	sockets=$(readlink "/proc/$1/fd/"* 2>/dev/null)
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
