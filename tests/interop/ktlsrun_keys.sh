# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# KeyUpdates (RFC 9846, 4.7.3) where a program under ktlsrun knows nothing of TLS: the peer's, asked
# for and not, and our own when a key has served its time; and TLS 1.2, which has none. The program
# sends back what it gets; the peer is tests/tools/script. To be sourced; $records says who has the records.

needs='/usr/bin/python3 ss'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh

patience=$((60 * ${KTLS_TIMEOUT_FACTOR:-1}))
per_key=64
profile=default tls=()

prepare() {
	use_certs
	ktlsd_conf 'workers = 1'
	ktlsd_profile default 'tickets = 0' "records-per-key = $per_key" "records = $records"
	ktlsd_profile old 'tls-min = 1.2' 'tls-max = 1.2' "records-per-key = $per_key" "records = $records"
	cat >"$dir/echo.py" <<-'END'
		import socket, sys
		def echo(connection):
		    try:
		        while data := connection.recv(20000):
		            connection.sendall(data)
		    except OSError as e:
		        print("broken:", e, flush=True)
		    connection.close()
		port = int(sys.argv[2])
		if sys.argv[1] == "connect":
		    echo(socket.create_connection(("localhost", port)))
		    sys.exit()
		listener = socket.create_server(("127.0.0.1", port))
		while True:
		    echo(listener.accept()[0])
	END
}

# As words, too: what start() has started is what it ends, and not what a function has.
ktlsrun=("$build/ktlsrun" --socket "$dir/ktlsd.sock" --records "$records" --deadline 60000)
ktlsrun() { "${ktlsrun[@]}" "$@"; }

# as_client LINE...: the peer connects to the program that listens
as_client() {
	timeout "$patience" "$build/tests/tools/script" client "127.0.0.1:$port" \
		"${tls[@]}" --trust "$certs/ca.pem" --name localhost "$@" >"$dir/said" 2>&1
	local status=$?

	cat "$dir/said"
	return "$status"
}

# as_server LINE...: the program connects to the peer
as_server() {
	local peer status

	rm -f "$dir/said"
	timeout "$patience" "$build/tests/tools/script" server --cert "$certs/p256" \
		"${tls[@]}" "$@" >"$dir/said" 2>&1 &
	peer=$!
	until_true grep -qs '^port ' "$dir/said" || return
	other=$(sed -n 's/^port //p' "$dir/said")
	ktlsrun --connect "$other=$profile" -- timeout "$patience" /usr/bin/python3 "$dir/echo.py" \
		connect "$other" >"$dir/program" 2>&1
	wait "$peer"
	status=$?
	cat "$dir/said" "$dir/program"
	return "$status"
}

# updates SENT RECEIVED: of the peer's, at least
updates() {
	local sent received

	IFS=, read -r sent received < <(sed -n 's/^ok.* updates=\([0-9,]*\).*/\1/p' "$dir/said")
	echo "sent ${sent:=0}, received ${received:=0}"
	[ "$sent" -ge "$1" ] && [ "$received" -ge "$2" ]
}

# Each takes the function for the peer's role first.
not_asked() {
	"$1" 'repeat 20 send 1000, key-update, send 1' 'expect data 20020' \
		'repeat 10 key-update, send 100, expect data 100' 'close-notify, expect end' &&
		updates 30 0
}

asked() {
	"$1" 'repeat 10 key-update request, send 1000, expect key-update answer, expect data 1000' \
		'send 30000, key-update request, send 30000, expect data 60000' \
		'close-notify, expect end' && updates 11 11
}

storm() {
	"$1" 'storm 30 request, send 1000, expect data 1000, close-notify, expect end' &&
		updates 30 1
}

# 4 MB come and go in 256 records at least, of which 64 may be under one key.
own() {
	"$1" 'repeat 40 send 100000, expect data 100000' 'close-notify, expect end' && updates 0 4
}

# Where the kernel has one key only.
peers_is_the_end() {
	"$1" 'send 10, expect data 10, heedless, key-update, send 10, until alert 80, drain'
}

own_is_the_end() {
	rm -f "$dir/program"
	"$1" 'send 50000, expect data 50000' 'heedless, send 2000000' 'drain'
	# The peer's key is worn as soon as ours is, and a relay counts that, too.
	cat "$dir/program" "$dir/echo.log" 2>/dev/null | grep 'broken: .Errno \(32\|104\).' |
		tail -n 1 | grep .
}

with_updates() {
	check "$1: the peer changes its key" not_asked "$2"
	check "$1: the peer asks for a new key" asked "$2"
	check "$1: as often as may be at once" storm "$2"
	check "$1: our key has served its time" own "$2"
}

with_one_key() {
	check "$1: the peer changes its key, which is the end" peers_is_the_end "$2"
	check "$1: our key has served its time, which is an end in order" own_is_the_end "$2"
}

to_and_fro() {
	"$1" 'send 30000, expect data 30000' 'close-notify, expect end'
}

# It may go on as it is (RFC 5246, 7.4.1.1).
asked_to_begin_anew() {
	"$1" 'send 10, expect data 10, hello-request, expect alert 100' \
		'send 10, expect data 10, close-notify, expect end'
}

with_tls_12() {
	check "$1, TLS 1.2: to and fro, and the end" to_and_fro "$2"
	check "$1, TLS 1.2: our key has served its time, which is an end in order" own_is_the_end "$2"
}

# echoes: a program that listens at port, by this profile
echoes() {
	port=$((10000 + RANDOM % 20000))
	while ss -Htan "sport = :$port" | grep -q .; do port=$((port + 1)); done
	start echo "${ktlsrun[@]}" --listen "$port=$profile" -- /usr/bin/python3 "$dir/echo.py" listen "$port"
	until_true listens "$port"
}

test_keys() {
	local with=with_updates

	[ "$records" != require-kernel ] || kernel_can rekey || with=with_one_key
	prepare
	start_ktlsd
	echoes
	$with server as_client
	$with client as_server
	stop_last
	profile=old tls=(--tls 1.2)
	echoes
	with_tls_12 server as_client
	with_tls_12 client as_server
	check 'client, TLS 1.2: asked to begin anew' asked_to_begin_anew as_server
	[ "$tap_failures" -eq 0 ] || tap_diag "$(tail -n 30 "$dir/echo.log" "$dir/ktlsd.log")"
}
