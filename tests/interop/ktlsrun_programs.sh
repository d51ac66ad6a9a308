# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Programs of others under ktlsrun: servers and clients that have no TLS, or have theirs turned off,
# with each other and with programs that have TLS. To be sourced; test_all begins.

needs='/usr/bin/python3 curl wget openssl redis-server redis-cli nc ss'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh || exit

python=/usr/bin/python3
export PYTHONUNBUFFERED=1

# free_port NAME: that variable becomes a port that nobody has.
free_port() {
	local candidate

	while :; do
		candidate=$((10000 + RANDOM % 20000))
		ss -Htan "sport = :$candidate" | grep -q . || break
	done
	printf -v "$1" %s "$candidate"
}

# As words, too: what start() has started is what it ends, and not what a function has.
ktlsrun() { "${ktlsrun[@]}" "$@"; }

configure() {
	if [ -n "${KTLS_CERTS:-}" ]; then
		cp "$KTLS_CERTS"/*.{pem,key} "$dir"
	else
		"$build/tests/tools/certs" "$dir"
	fi
	cat >"$dir/ktlsd.conf" <<-END
		[ktlsd]
		socket = $dir/ktlsd.sock
		socket-group = $(id -gn)
		workers = 2
		$([ "$(id -u)" -ne 0 ] || echo 'user = nobody')
		[profile default]
		certificate = $dir/p256.pem
		key = $dir/p256.key
		trust = $dir/ca.pem
		server-users = $(id -un)
		client-users = $(id -un)
		$([ "$records" = require-kernel ] || echo "records = $records")
	END
}

# What every call does: tests/tools/wrapped_*.c
wrapped() {
	local first second

	free_port first
	free_port second
	ktlsrun --listen "$first=default" --listen "$second=default" --connect "$first=default" \
		--connect "$second=default" --name "$second=wrong.example" --deadline 60000 -- \
		"$build/tests/tools/wrapped_$1"
}

# serve PORT NAME COMMAND...: by ktlsrun, in the background. Not to be called in a check.
serve() {
	local port=$1 name=$2

	shift 2
	start "$name" "${ktlsrun[@]}" --listen "$port=default" --deadline 60000 --verbose -- "$@"
}

# serves PORT NAME
serves() {
	until_true listens "$1" || { cat "$dir/$2.log"; return 1; }
}

# Ends what the function that calls this has started itself.
stop() {
	kill "$1"
	wait "$1" 2>/dev/null
}

get() {
	curl -sS --cacert "$dir/ca.pem" -m "$patience" "$@"
}
patience=$((60 * ${KTLS_TIMEOUT_FACTOR:-1}))

# ---- python3 -m http.server -------------------------------------------------------------------------

http_get() {
	get -o "$dir/got" "https://localhost:$http/big" && cmp "$dir/got" "$dir/www/big"
}

http_get_quietly() {
	http_get 2>/dev/null
}

http_goes_on() {
	until_true http_get_quietly && return
	get -v -o /dev/null "https://localhost:$http/small" 2>&1
	ss -tanp "sport = :$http or dport = :$http"
	tail -n 20 "$dir/http.log" "$dir/ktlsd.log"
	return 1
}

http_get_parallel() {
	local urls=() i

	for i in $(seq 12); do urls+=(-o "$dir/got.$i" "https://localhost:$http/big"); done
	get --parallel --parallel-immediate "${urls[@]}" || return
	for i in $(seq 12); do cmp "$dir/got.$i" "$dir/www/big" || return; done
}

http_peer_address() {
	cat "$dir/http.log"
	grep -q '^127.0.0.1 - - .*GET /big' "$dir/http.log"
}

# OpenSSL tells an end that nobody announced from close_notify.
http_close_notify() {
	printf 'GET /small HTTP/1.0\r\n\r\n' | timeout "$patience" openssl s_client \
		-connect "localhost:$http" -CAfile "$dir/ca.pem" -verify_return_error -ign_eof \
		>"$dir/end" 2>&1
	tail -n 5 "$dir/end"
	! grep -aq 'unexpected eof' "$dir/end" && grep -aq 'closed$' "$dir/end"
}

# Whoever says nothing, or what is no TLS, keeps nobody waiting: this server has one thread.
http_silent() {
	local silent plain

	exec {silent}<>"/dev/tcp/localhost/$http" {plain}<>"/dev/tcp/localhost/$http" || return
	printf 'GET / HTTP/1.0\r\n\r\n' >&"$plain"
	http_get
	local status=$?
	exec {silent}>&- {plain}>&-
	return $status
}

wget_wrapped() {
	ktlsrun --connect "$http=default" -- wget -q -T "$patience" -t 1 -O "$dir/got" \
		"http://localhost:$http/big" && cmp "$dir/got" "$dir/www/big"
}

curl_wrapped() {
	ktlsrun --connect "localhost:$http=default" -- curl -sS -m "$patience" -o "$dir/got" \
		"http://localhost:$http/big" && cmp "$dir/got" "$dir/www/big"
}

test_http() {
	free_port http
	serve "$http" http "$python" -m http.server --bind 127.0.0.1 --directory "$dir/www" "$http"
	check 'http.server: listens' serves "$http" http
	check 'http.server: curl gets a file' http_get
	check 'http.server: twelve at once' http_get_parallel
	check 'http.server: knows who asks' http_peer_address
	check 'http.server: ends with close_notify' http_close_notify
	kill "${pids[0]}"
	start_ktlsd
	check 'http.server: goes on when ktlsd has been restarted' http_goes_on
	check 'http.server: nobody waits for those who are silent, or have no TLS' http_silent
	check 'wget, without TLS of its own' wget_wrapped
	check 'curl, without TLS of its own' curl_wrapped
}

# has_profile yes|no: from now on, with a server that waits for a set of descriptors, not for one.
has_profile() {
	local name=default

	[ "$1" = yes ] || name=another
	sed -i "s/^\[profile .*/[profile $name]/" "$dir/ktlsd.conf"
	kill -HUP "${pids[-2]}"
}

was_refused() {
	until_true grep -q "listening on port $http: no such profile" "$dir/loop.log" && return
	tail -n 20 "$dir/loop.log" "$dir/ktlsd.log"
	return 1
}

asyncio_answers() {
	[ "$(get "https://localhost:$http/" 2>/dev/null)" = hello ]
}

asyncio_goes_on() {
	until_true asyncio_answers && return
	tail -n 20 "$dir/loop.log" "$dir/ktlsd.log"
	return 1
}

test_asyncio() {
	cat >"$dir/loop.py" <<-'END'
		import asyncio, sys
		async def answer(reader, writer):
		    await reader.readuntil(b"\r\n\r\n")
		    writer.write(b"HTTP/1.0 200 OK\r\n\r\nhello")
		    await writer.drain()
		    writer.close()
		async def main():
		    server = await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]))
		    await server.serve_forever()
		asyncio.run(main())
	END
	free_port http
	serve "$http" loop "$python" "$dir/loop.py" "$http"
	check 'asyncio: listens' serves "$http" loop
	check 'asyncio: an answer' asyncio_goes_on
	has_profile no
	check 'asyncio: is told that its profile has gone' was_refused
	has_profile yes
	check 'asyncio: goes on when its profile is back' asyncio_goes_on
	stop_last
}

# A process for each connection.
test_forking() {
	cat >"$dir/forking.py" <<-'END'
		import http.server, socketserver, sys
		class Server(socketserver.ForkingMixIn, http.server.HTTPServer):
		    pass
		handler = lambda *a: http.server.SimpleHTTPRequestHandler(*a, directory=sys.argv[2])
		Server(("127.0.0.1", int(sys.argv[1])), handler).serve_forever()
	END
	free_port http
	serve "$http" forking "$python" "$dir/forking.py" "$http" "$dir/www"
	check 'a server that forks: listens' serves "$http" forking
	check 'a server that forks: a file' http_get
	check 'a server that forks: twelve at once' http_get_parallel
	check 'a server that forks: ends with close_notify' http_close_notify
}

# ---- redis ----------------------------------------------------------------------------------------

cli() {
	ktlsrun --connect "$redis=default" -- timeout "$patience" redis-cli -h localhost -p "$redis" "$@"
}

redis_answers() {
	[ "$(cli ping)" = PONG ]
}

redis_keeps() {
	[ "$(cli -x set big <"$dir/www/text")" = OK ] && cli --raw get big >"$dir/got" || return
	# redis-cli ends what it prints with a newline.
	cmp -n "$(stat -c %s "$dir/www/text")" "$dir/got" "$dir/www/text"
}

redis_pipeline() {
	local i

	for i in $(seq 2000); do printf 'SET key%d value%d\r\n' "$i" "$i"; done |
		cli --pipe | tee /dev/stderr | grep -q 'errors: 0, replies: 2000' &&
		[ "$(cli get key1999)" = value1999 ]
}

# bgsave forks: the child has all connections, and ends.
redis_saves() {
	cli bgsave && until_true saved && redis_answers
}

saved() {
	cli info persistence | grep -q 'rdb_bgsave_in_progress:0' && [ -s "$dir/dump.rdb" ]
}

# In the clear there is nothing.
redis_plain() {
	! timeout 5 redis-cli -h localhost -p "$redis" ping 2>/dev/null | grep PONG
}

test_redis() {
	free_port redis
	serve "$redis" redis redis-server --port "$redis" --bind 127.0.0.1 --dir "$dir" --save '' \
		--appendonly no
	check 'redis-server: listens' serves "$redis" redis
	check 'redis-cli: ping' redis_answers
	check 'redis-cli: a large value' redis_keeps
	check 'redis-cli: 2000 commands in a row' redis_pipeline
	check 'redis-server: forks, and goes on' redis_saves
	check 'redis-server: nothing in the clear' redis_plain
}

# ---- nc -------------------------------------------------------------------------------------------

# One way at a time: nc ends when the other end does, whatever it has still to send.
nc_to_nc() {
	local port listening

	free_port port
	ktlsrun --listen "$port=default" -- nc -l 127.0.0.1 "$port" >"$dir/got.1" </dev/null &
	listening=$!
	until_true listens "$port" || return
	ktlsrun --connect "$port=default" -- timeout "$patience" nc -N 127.0.0.1 "$port" \
		<"$dir/www/text" || return
	wait "$listening"
	cmp "$dir/got.1" "$dir/www/text"
}

nc_from_nc() {
	local port listening

	free_port port
	ktlsrun --listen "$port=default" -- nc -l -N 127.0.0.1 "$port" <"$dir/www/big" &
	listening=$!
	until_true listens "$port" || return
	ktlsrun --connect "$port=default" -- timeout "$patience" nc -d 127.0.0.1 "$port" \
		>"$dir/got.2" || return
	wait "$listening"
	cmp "$dir/got.2" "$dir/www/big"
}

# s_server ends when its standard input does, so that is held open.
nc_to_openssl() {
	local port server hold

	free_port port
	mkfifo "$dir/hold"
	exec {hold}<>"$dir/hold"
	openssl s_server -accept "127.0.0.1:$port" -cert "$dir/p256.pem" -key "$dir/p256.key" \
		-cert_chain "$dir/p256.pem" -quiet -naccept 1 <&"$hold" >"$dir/got" 2>"$dir/s_server" &
	server=$!
	until_true listens "$port" || return
	ktlsrun --connect "$port=default" --verbose -- timeout "$patience" nc -N localhost "$port" \
		<"$dir/www/text" || return
	wait "$server"
	exec {hold}>&-
	cat "$dir/s_server"
	cmp "$dir/got" "$dir/www/text"
}

# ---- how it can end -------------------------------------------------------------------------------

# A peer that is killed, or does not announce the end: not the end of a file.
cut_off() {
	local port

	free_port port
	"$python" - "$port" "$dir" <<-'END' &
		import socket, ssl, sys
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain(sys.argv[2] + "/p256.pem", sys.argv[2] + "/p256.key")
		server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
		connection = context.wrap_socket(server.accept()[0], server_side=True)
		connection.sendall(b"half")
		connection.recv(1)
		connection.close()
	END
	until_true listens "$port" || return
	ktlsrun --connect "$port=default" -- "$python" - "$port" <<-'END'
		import socket, sys
		s = socket.create_connection(("localhost", int(sys.argv[1])))
		assert s.recv(4, socket.MSG_WAITALL) == b"half"
		s.send(b"x")
		try:
		    print("read", s.recv(1))
		    sys.exit(1)
		except ConnectionResetError:
		    pass
	END
}

says_why() {
	local port

	free_port port
	"$python" -m http.server --bind 127.0.0.1 "$port" >"$dir/plain.log" 2>&1 </dev/null &
	local server=$!
	until_true listens "$port" || return
	ktlsrun --connect "$port=default" --deadline 5000 -- curl -sS "http://localhost:$port/" \
		>"$dir/got" 2>"$dir/said"
	local status=$?
	stop "$server"
	cat "$dir/said"
	[ "$status" -eq 7 ] &&
		[ "$(grep -c '^ktlsrun: connecting to .*: the peer does not speak TLS' "$dir/said")" -eq 1 ]
}

deadline() {
	local port before after

	free_port port
	"$python" -c 'import socket, sys, time
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(600)' "$port" &
	local server=$!
	until_true listens "$port" || return
	before=$(date +%s%N)
	ktlsrun --connect "$port=default" --deadline 1500 -- "$python" - "$port" 2>&1 <<-'END'
		import socket, sys
		s = socket.socket()
		s.setblocking(False)
		try:
		    s.connect(("127.0.0.1", int(sys.argv[1])))
		except TimeoutError:
		    sys.exit(0)
		sys.exit(1)
	END
	local status=$?
	after=$(date +%s%N)
	stop "$server"
	echo "status $status after $(((after - before) / 1000000)) ms"
	[ "$status" -eq 0 ] && [ $((after - before)) -gt 1400000000 ]
}

unknown_profile() {
	local port

	free_port port
	timeout "$patience" "$build/ktlsrun" --socket "$dir/ktlsd.sock" --records "$records" \
		--listen "$port=nobody" -- "$python" - "$port" 2>"$dir/said" <<-'END'
		import socket, sys
		s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
		try:
		    s.accept()
		    sys.exit(1)
		except PermissionError:
		    sys.exit(0)
	END
	local status=$?
	cat "$dir/said"
	[ "$status" -eq 0 ] && grep -q "ktlsrun: listening on port $port: .*profile" "$dir/said"
}

test_all() {
	mkdir "$dir/www"
	head -c 3000000 /dev/urandom >"$dir/www/big"
	head -c 1500000 /dev/urandom | base64 -w 0 >"$dir/www/text"
	echo small >"$dir/www/small"
	records=$1
	ktlsrun=("$build/ktlsrun" --socket "$dir/ktlsd.sock" --records "$records")
	configure
	start_ktlsd
	check 'every call that carries data' wrapped data
	check 'signals while a send waits' wrapped signals
	check 'how connections end' wrapped ends
	check 'every way to wait for connections' wrapped listen
	check 'descriptors, processes, streams' wrapped files
	check 'options of TCP and IP' wrapped options
	test_http
	test_asyncio
	test_forking
	test_redis
	check 'nc, both ends' nc_to_nc
	check 'nc, the other way' nc_from_nc
	check 'nc, with openssl s_server' nc_to_openssl
	check 'what was cut off is an error' cut_off
	check 'what is no TLS is an error, and one line says why' says_why
	check 'a deadline is one for programs that do not block, too' deadline
	check 'a profile that is not there is an error of accept()' unknown_profile
}
