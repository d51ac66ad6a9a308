# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The example server httpd, tried by Python's http.client and raw bytes (httpd.py), curl, wget and the
# scripted peer. To be sourced, behind services.sh; $carrier is kernel or relay.

export PYTHONDONTWRITEBYTECODE=1
socket=$dir/ktlsd.sock
relay=() state=sw
[ "$carrier" = kernel ] || { relay=(--relay); state=relay; }

# httpd NAME PORT OPTION...: two workers, until they listen
httpd() {
	local name=$1 port=$2

	shift 2
	start "$name" "$build/examples/httpd" --workers 2 --verbose "$@" "$port" "$dir/www"
	check "$name: starts" until_true listens "$port"
}

# cases NAME LIST PORT: what Python says of each is a test
cases() {
	local name=$1 ca=("$certs/ca.pem") result what

	[ "$name" != plain ] || ca=()
	rm -f "$dir/www/link" "$dir/www/fifo" "$dir/www/shrinking"
	while read -r result what; do
		case $result in
		ok) tap_ok "$name: $what" ;;
		not) tap_not_ok "$name: ${what#ok }" ;;
		*) tap_diag "$result $what" ;;
		esac
	done < <(python3 tests/harness/httpd.py "$2" "$3" "$dir/www" "${ca[@]}" 2>&1)
}

get() {
	curl -sS --cacert "$certs/ca.pem" -m 60 "$@"
}

# Three files by one connection, and one that is continued.
curls() {
	local n

	n=$(get -w '%{num_connects}' -o "$dir/got.1" "https://localhost:$1/file" \
		-o "$dir/got.2" "https://localhost:$1/big" -o "$dir/got.3" "https://localhost:$1/file")
	[ "$n" = 100 ] && cmp "$dir/got.1" "$dir/www/file" && cmp "$dir/got.2" "$dir/www/big" &&
		cmp "$dir/got.3" "$dir/www/file" || return
	head -c 1234567 "$dir/www/big" >"$dir/got.4"
	get -C - -o "$dir/got.4" "https://localhost:$1/big" && cmp "$dir/got.4" "$dir/www/big"
}

wgets() {
	head -c 1234567 "$dir/www/big" >"$dir/big"
	wget -q --ca-certificate "$certs/ca.pem" -T 60 -c -P "$dir" "https://localhost:$1/big" &&
		cmp "$dir/big" "$dir/www/big"
}

at_once() {
	local i pids=() pid

	for i in 1 2 3 4 5 6; do
		get -o "$dir/got.$i" "https://localhost:$1/big" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || return
	done
	for i in 1 2 3 4 5 6; do
		cmp "$dir/got.$i" "$dir/www/big" || return
	done
}

peer() {
	timeout 60 "$build/tests/tools/script" client "127.0.0.1:$1" --trust "$certs/ca.pem" \
		--name localhost --any-data "${@:2}"
}

# The peer changes its keys, and asks for ours in the middle of a file. Where the kernel has one key
# only, that is the end of the connection, and the next one is served.
changes_keys() {
	if $rekeys; then
		peer "$1" 'get /huge, expect data 1000000, key-update request' \
			'until key-update answer, until close-notify'
	else
		peer "$1" 'key-update, get /file, drain'
		peer "$1" 'get /file' 'until close-notify, close-notify, fin'
	fi
}

# A request, and the end of all that the client sends: of that there is one event.
asks_and_ends() {
	peer "$1" 'cork, get /file, close-notify, fin, uncork' 'until close-notify, expect fin'
}

had() {
	grep -c "tx $state, rx $state," "$dir/$1.log"
	! grep "tx " "$dir/$1.log" | grep -v "tx $state, rx $state,"
}

# ends NAME: the server, the last that was started, after it was told to
ends() {
	local i

	for ((i = 0; i < 600; i++)); do
		kill -0 "${pids[-1]}" 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}

use_certs
mkdir -p "$dir/www/sub"
echo secret >"$dir/secret"
echo '<p>index</p>' >"$dir/www/index.html"
: >"$dir/www/empty"
head -c 5000 /dev/urandom >"$dir/www/file"
head -c 40000 /dev/urandom >"$dir/www/middle"
head -c 3000000 /dev/urandom >"$dir/www/big"
truncate -s 30M "$dir/www/huge"
ktlsd_conf 'user = nobody' 'workers = 2'
ktlsd_profile default "records = $records"
rekeys=true
[ "$carrier" = relay ] || kernel_can rekey || rekeys=false

start_ktlsd
httpd listening 4461 --socket "$socket" "${relay[@]}" --timeout 200
cases listening all 4461
check 'listening: curl' curls 4461
check 'listening: wget' wgets 4461
check 'listening: six at once' at_once 4461
check 'listening: a client that changes its keys' changes_keys 4461
check 'listening: a client that asks, and ends' asks_and_ends 4461
cases listening stops "4461:${pids[-1]}"
check 'listening: its end' ends
check 'listening: who had the records' had listening
unset 'pids[-1]'

httpd starting 4462 --socket "$socket" "${relay[@]}" --start
cases starting one_connection,pipelined 4462
cases starting stops "4462:${pids[-1]}"
check 'starting: its end' ends
check 'starting: who had the records' had starting
unset 'pids[-1]'

httpd limited 4463 --socket "$socket" "${relay[@]}" --connections 4 --workers 1
cases limited beyond_the_limit 4463
httpd impatient 4466 --socket "$socket" "${relay[@]}" --timeout 4
cases impatient too_slow 4466

httpd embedded 4464 --cert "$certs/p256.pem" --key "$certs/p256.key" "${relay[@]}"
cases embedded one_connection,stops "4464:${pids[-1]}"
check 'embedded: its end' ends
unset 'pids[-1]'

if [ "$carrier" = relay ]; then
	httpd plain 4465 --plain
	cases plain all,stops "4465:${pids[-1]}"
	check 'plain: its end' ends
	unset 'pids[-1]'
fi
[ "$tap_failures" -eq 0 ] || for log in "$dir"/*.log; do
	tap_diag "${log##*/}: $(tail -n 20 "$log")"
done
tap_done
