# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The example servers, tried: curl gets files from them, many at once; a peer that changes its keys
# and asks for theirs is served as far as the kernel can; and ktlsd's log shows who had the records.
# To be sourced, behind services.sh; $carrier is kernel or relay.

export PYTHONDONTWRITEBYTECODE=1
socket=$dir/ktlsd.sock
# For fileserver, server.py and server; and for uring.
relay=()
relay_short=()
state=sw
[ "$carrier" = kernel ] || { relay=(--relay); relay_short=(-r); state=relay; }

get() {
	curl -sS --cacert "$certs/ca.pem" -m 60 --retry 0 "$@"
}

# same PORT FILE: what comes is what the folder has
same() {
	get -o "$dir/got" "https://localhost:$1/$2" && cmp "$dir/got" "$dir/www/$2"
}

not_found() {
	local code

	for path in /missing '/../ktlsd.conf' '/%2e%2e/ktlsd.conf'; do
		code=$(get --path-as-is -o /dev/null -w '%{http_code}' "https://localhost:$1$path") &&
			[[ $code == 4?? ]] || return
	done
}

# Eight at once, while one who says nothing holds a connection open.
at_once() {
	local pids=() silent

	exec {silent}<>"/dev/tcp/localhost/$1" || return
	for i in 1 2 3 4 5 6 7 8; do
		get -o "$dir/got.$i" "https://localhost:$1/big" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || return
	done
	exec {silent}>&-
	for i in 1 2 3 4 5 6 7 8; do
		cmp "$dir/got.$i" "$dir/www/big" || return
	done
}

# OpenSSL tells an end that nobody announced from close_notify.
ends_well() {
	printf 'GET /file HTTP/1.0\r\n\r\n' | timeout 60 openssl s_client -connect "localhost:$1" \
		-CAfile "$certs/ca.pem" -verify_return_error -ign_eof >"$dir/end" 2>&1
	grep -a 'error' "$dir/end"
	! grep -aq 'unexpected eof' "$dir/end" && grep -aq 'closed$' "$dir/end"
}

# peer PORT LINE...: the scripted peer, as client
peer() {
	local port=$1

	shift
	timeout 60 "$build/tests/tools/script" client "127.0.0.1:$port" --trust "$certs/ca.pem" \
		--name localhost --any-data "$@" >"$dir/said" 2>&1
	local status=$?

	cat "$dir/said"
	return "$status"
}

# changes_keys PORT WORDS BYTES: its first two records are KeyUpdates, and it wants one, too. Where the
# kernel has one key only, that is the end of the connection, and the next one is served.
changes_keys() {
	if $rekeys; then
		peer "$1" "key-update request, key-update, $2" 'expect key-update answer, until close-notify' &&
			grep -q "received=$3 " "$dir/said"
	else
		peer "$1" "key-update, $2, drain" # or the server is faster, and nobody hears the rest
		peer "$1" "$2, until close-notify"
	fi
}

# In the middle of what it is sent, more than buffers hold, it asks for another key.
changes_keys_midway() {
	! $rekeys || peer "$1" 'get /huge, expect data 1000000, key-update request' \
		'until key-update answer, until close-notify'
}

# updated N: the server's keys, at least
updated() {
	local n

	n=$(sed -n 's/^ok.* updates=[0-9]*,\([0-9]*\).*/\1/p' "$dir/said")
	echo "${n:=0} new keys"
	[ "$n" -ge "$1" ]
}

# What it sends is more than one key may protect: it changes its key in time, unasked. Where the
# kernel has one key only, that is the end, and the next connection is served.
key_has_served() {
	if $rekeys; then
		peer "$1" 'get /long' 'until close-notify' && updated 1
	else
		peer "$1" 'heedless, get /long, drain' && same "$1" file
	fi
}

uring_key_has_served() {
	if $rekeys; then
		peer 4445 'repeat 80 send 100000, expect data 100000' 'close-notify, expect end' &&
			updated 1
	else
		peer 4445 'heedless' 'repeat 80 send 100000' 'drain' # somewhere in there it ends
		peer 4445 'send 5, expect data 5' 'close-notify, expect end'
	fi
}

# Each of them breaks something, and the next one is served all the same.
bad_ends() {
	for end in bad-mac oversize 'fatal 40' 'cut, fin' 'type 99 4'; do
		peer "$1" 'get /file, expect data 100' "$end, drain"
		peer "$1" "$end, drain"
	done
	peer "$1" 'rst'
	same "$1" file
}

# records_had PORT: all connections that came about
records_had() {
	local n

	n=$(tail -n "+$((logged + 1))" "$dir/ktlsd.log" | grep -c ": OK .* tx=$state rx=$state")
	echo "$n connections"
	[ "$n" -ge 11 ]
}

# server NAME PORT COMMAND...: the same for each of them
server() {
	local name=$1 port=$2

	shift 2
	logged=$(wc -l <"$dir/ktlsd.log")
	start "$name" "$@"
	check "$name: starts" until_true listens "$port"
	check "$name: a file" same "$port" file
	check "$name: what is not there, or not below the folder" not_found "$port"
	check "$name: eight at once, and a client that says nothing" at_once "$port"
	check "$name: close_notify at the end" ends_well "$port"
	check "$name: a client that changes its keys" changes_keys "$port" 'get /file' '5[01][0-9][0-9]'
	check "$name: a key that has served its time" key_has_served "$port"
	check "$name: clients that end badly" bad_ends "$port"
	check "$name: who had the records" records_had
}

use_certs
mkdir "$dir/www"
head -c 5000 /dev/urandom >"$dir/www/file"
head -c 3000000 /dev/urandom >"$dir/www/big"
truncate -s 30M "$dir/www/huge"
truncate -s 10M "$dir/www/long"
ktlsd_conf 'user = nobody' 'workers = 2'
ktlsd_profile default 'tickets = 0' 'records-per-key = 512' "records = $records"

rekeys=true
[ "$carrier" = relay ] || kernel_can rekey || rekeys=false

start_ktlsd
tap_plan 41
server C 4441 "$build/examples/fileserver" --socket "$socket" "${relay[@]}" 4441 "$dir/www"
check 'C: a new key in the middle of a file' changes_keys_midway 4441
server listening 4442 "$build/examples/fileserver" --socket "$socket" "${relay[@]}" --listen 4442 "$dir/www"
server Python 4443 python3 Documentation/examples/server.py --ktlsd "$socket" "${relay[@]}" 4443 "$dir/www"
if [ -x "$build/examples/server" ]; then
	server Go 4444 "$build/examples/server" -ktlsd "$socket" "${relay[@]}" -listen localhost:4444 "$dir/www"
else
	for i in 1 2 3 4 5 6 7 8 9; do
		tap_skip "Go: test $i" 'Go is not installed'
	done
fi
if [ -x "$build/examples/uring" ]; then
	start uring "$build/examples/uring" -k "$socket" "${relay_short[@]}" 4445
	check 'io_uring: starts' until_true listens 4445
	check 'io_uring: what comes goes back' peer 4445 'send 1000000, expect data 1000000' \
		'repeat 10 send 5, expect data 5' 'close-notify, expect end'
	check 'io_uring: a client that changes its keys' changes_keys 4445 'send 1000, close-notify' 1000
	check 'io_uring: a key that has served its time' uring_key_has_served
else
	for i in 1 2 3 4; do
		tap_skip "io_uring: test $i" 'liburing-dev was not installed'
	done
fi
# What they said, where something has failed.
[ "$tap_failures" -eq 0 ] || for log in "$dir"/*.log; do
	tap_diag "${log##*/}: $(tail -n 20 "$log")"
done
tap_done
