#!/bin/bash
# SPDX-License-Identifier: MIT
#
# ktls-bench where the kernel may have no TLS: that each pattern moves what it says, that modes which
# cannot be had are left out with the reason, and two ends that find each other by their key.

anywhere=yes
needs=python3
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
# shellcheck source=tests/harness/ktls_bench.sh
. tests/harness/ktls_bench.sh

bench=$build/ktls-bench
cells=$dir/cells

# run OPTION...: with little of everything, in minutes whatever happens; fills $cells
run() {
	timeout -k 5 150 "$bench" run -q -r 1 --bytes 200K --count 10 --file-size 100K --warmup 0 --json "$dir/out.json" "$@" \
		>"$dir/out" 2>"$dir/err" || { cat "$dir/err"; return 1; }
	bench_cells "$dir/out.json" >"$cells"
	cat "$cells"
}

streams() {
	local mode pattern

	for mode in tcp user libssl; do
		for pattern in write sendfile splice more; do
			bench_is "$mode" "$pattern" '$4 == 1 && $5 == "verified" && $6 == 614400' || return
		done
	done
}

check 'all patterns, in userspace' run -p all -m tcp,user,libssl -c 3 -t 2
check 'streams bring all bytes, which are those that were sent' streams
check 'files are counted' bench_is user sendfile '$7 == 6'
check 'answers come to requests' bench_is user request '$5 == "verified" && $7 == 30 && $6 == 30720'
check 'and with libssl' bench_is libssl request '$5 == "verified" && $7 == 30'
check 'connections are counted' bench_is user churn '$7 == 20 && $8 == 0'
check 'plain TCP has no suite' bench_is tcp write '$9 == "-" && $10 == "-"'
check 'ours has' bench_is user write '$9 == "TLS1.3" && $10 == "TLS_AES_128_GCM_SHA256"'

check 'the other way, and both ways' run -d to-server,both -m tcp,user,libssl -p write -c 2 \
	--record-size 4096 --write-size 10000
there_and_back() {
	for mode in tcp user libssl; do
		bench_cell $mode write to-server | grep -q 'verified 409600 ' &&
			bench_cell $mode write both | grep -q 'verified 819200 ' || return
	done
}
check 'bring all bytes as well' there_and_back

sizes() {
	run -p write,request,churn -m tcp,user --size 1k,4K && [ "$(wc -l <"$cells")" -eq 10 ] &&
		bench_is user write '$5 == "verified" && $6 == 204800' &&
		bench_is user request '$5 == "verified" && $6 == 10240 || $6 == 40960' &&
		bench_is user churn '$7 == 10' && grep -A3 'request.*over sizes' "$dir/out" | grep '1 KiB *4 KiB'
}
check 'several sizes in one run' sizes

version() {
	run -m user,libssl -p write "$@" && bench_is user write "\$10 == \"$suite\"" &&
		bench_is libssl write "\$10 == \"$suite\""
}
suite=TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
check 'TLS 1.2 and another suite, with a key of RSA' version --tls 1.2 --suite chacha20 --key-type rsa
suite=TLS_AES_256_GCM_SHA384
check 'AES-256' version --suite aes256

left_out() {
	run -m tcp,ktls-sw,ktls-hw -p write && bench_is tcp write '$4 == 1' &&
		bench_is ktls-hw write '$4 == 0 && $15 != "-"' || return
	[ -r /proc/net/tls_stat ] || bench_cell ktls-sw write | grep 'CONFIG_TLS'
}
check 'what cannot be had is left out, with the reason' left_out

no_ktlsd() {
	! "$bench" run --socket "$dir/none.sock" -m ktls-sw 2>"$dir/err" && grep 'none.sock' "$dir/err"
}
check 'without ktlsd no handshakes by it' no_ktlsd

# ---- handshakes by ktlsd -------------------------------------------------------------------------

"$build/tests/tools/certs" "$dir/certs"
cat >"$dir/ktlsd.conf" <<-END
	[ktlsd]
	socket = $dir/ktlsd.sock
	workers = 1
	[profile bench]
	certificate = $dir/certs/p256.pem
	key = $dir/certs/p256.key
	trust = $dir/certs/ca.pem
	server-users = $(id -un)
	client-users = $(id -un)
END
start_ktlsd
by_ktlsd() {
	run --socket "$dir/ktlsd.sock" --profile bench --name localhost -m tcp,ktls-sw -p "$1"
}

# A relay of ktlsd's has no place among the modes: then that one is left out, in ktlsd's words.
by_kernel_only() {
	by_ktlsd write && bench_is tcp write '$5 == "verified"' || return
	if [ -r /proc/net/tls_stat ]; then
		bench_is ktls-sw write '$5 == "verified" && $6 == 204800'
	else
		bench_cell ktls-sw write | grep 'ktlsd: KERNEL_NO_TLS'
	fi
}
check 'handshakes by ktlsd, for the kernel only' by_kernel_only
refused_by_ktlsd() {
	run --socket "$dir/ktlsd.sock" --profile other -m ktls-sw -p churn
	bench_cell ktls-sw churn | grep 'ktlsd: PROFILE_'
}
check 'what ktlsd refuses is told' refused_by_ktlsd
check "that ktlsd's own CPU time is not counted is told" grep -q ktlsd-cpu "$dir/out.json"
stop_last

# ---- two ends ------------------------------------------------------------------------------------

start serve "$bench" serve --key-file "$dir/key" --address 127.0.0.1 --port 0
until_true grep -q '^port' "$dir/serve.log" >/dev/null
port=$(sed -n 's/^port //p' "$dir/serve.log")
check 'the key is for its owner only' test "$(stat -c %a "$dir/key")" = 600
check 'a run on another machine' run 127.0.0.1 --port "$port" --key-file "$dir/key" -m tcp,user -p request
check 'has come to an end' bench_is user request '$5 == "verified"'

head -c 64 /dev/zero | tr '\0' a >"$dir/other"
refused() {
	! "$bench" run 127.0.0.1 --port "$port" --key-file "$dir/other" 2>"$dir/err" &&
		grep 'key-file' "$dir/err"
}
check 'who has another key is told so' refused
check 'and others are served all the same' run 127.0.0.1 --port "$port" --key-file "$dir/key" -m tcp -p write

leaves() {
	local running status

	timeout -k 5 100 "$bench" run 127.0.0.1 --port "$port" --key-file "$dir/key" -m tcp -p write -D 600 -r 1 \
		>"$dir/out" 2>"$dir/err" &
	running=$!
	until_true grep -q 'write, to-client' "$dir/err"
	stop_last
	wait $running
	status=$?
	cat "$dir/err" "$dir/serve.log"
	[ $status -eq 1 ]
}
check 'a serving end that is told to leaves in the middle of a run, which ends then' leaves

# ---- what is measured, and how -------------------------------------------------------------------

# In each round another mode is the first; cycles are none, or such as a CPU may take for a byte.
in_turns() {
	run -r 3 -m tcp,user,libssl -p write --bytes 50K && python3 - "$dir/out.json" <<-'END'
		import json, sys
		seen = []
		for cell in json.load(open(sys.argv[1]))["cells"]:
		    for r in cell["rounds"]:
		        seen.append((r["began_seconds"], cell["mode"]))
		        for end in "server", "client":
		            each = r["cycles"][end] / r["bytes"]
		            assert each == 0 or 0.01 < each < 1e6, (end, each)
		turns = [mode for began, mode in sorted(seen)]
		print(turns)
		assert turns == "tcp user libssl user libssl tcp libssl tcp user".split()
	END
}
check 'modes take turns, and cycles are none or plausible' in_turns

# runs_on PID CPU: a thread of that process has to
runs_on() { grep -qsx "Cpus_allowed_list:[[:space:]]*$2" /proc/"$1"/task/*/status; }
both_run_where_they_should() {
	local child

	child=$(cat /proc/"$1"/task/*/children) && runs_on "$1" "$3" && runs_on "${child% }" "$2"
}
pinned() {
	local cpus pid status

	cpus=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
	"$bench" run -q -m tcp -p write -D 600 -r 1 --serve-pin "${cpus%%[,-]*}" --pin "${cpus##*[,-]}" \
		>"$dir/out" 2>&1 &
	pid=$!
	until_true both_run_where_they_should $pid "${cpus%%[,-]*}" "${cpus##*[,-]}"
	status=$?
	kill -INT $pid
	wait $pid
	return $status
}
check 'threads are pinned to the CPUs that are named' pinned

# Between two ends: every second connection for data brings a byte that is another. Ports: control, data.
damage() {
	exec python3 - "$1" <<-'END'
		import re, socket, sys, threading

		def copy(source, to, at):
		    seen = 0
		    try:
		        while block := bytearray(source.recv(65536)):
		            if at is not None and seen <= at < seen + len(block):
		                block[at - seen] ^= 1
		            seen += len(block)
		            to.sendall(block)
		        to.shutdown(socket.SHUT_WR)
		    except OSError:
		        pass

		def between(listener, port):
		    n = 0
		    while True:
		        client = listener.accept()[0]
		        server = socket.create_connection(("127.0.0.1", port or real_port()))
		        at = 100000 if port and n % 2 else None
		        n += 1
		        threading.Thread(target=copy, args=(client, server, None), daemon=True).start()
		        threading.Thread(target=copy, args=(server, client, at), daemon=True).start()

		def real_port():
		    return int(re.search(r"^port (\d+)", open(sys.argv[1]).read(), re.M)[1])

		control, data = (socket.create_server(("127.0.0.2", 0)) for i in range(2))
		number = data.getsockname()[1]
		print("ports", control.getsockname()[1], number, flush=True)
		threading.Thread(target=between, args=(data, number), daemon=True).start()
		between(control, None)
	END
}
start damage damage "$dir/served.log"
until_true grep -qs '^ports' "$dir/damage.log" >/dev/null
read -r _ control data <"$dir/damage.log"
start served "$bench" serve --key-file "$dir/key" --address 127.0.0.1 --port 0 --data-port "$data"
until_true grep -qs '^port' "$dir/served.log" >/dev/null
damaged() {
	run 127.0.0.2 --port "$control" --key-file "$dir/key" -m tcp -p write "$@"
}
noticed() { bench_is tcp write '$5 == "corrupt"' && grep -q verified-rounds "$dir/out.json" && grep CORRUPT "$dir/out"; }
check 'a byte that is another, in a round whose bytes are hashed' damaged --verify all
check 'is noticed, and that rounds were disturbed is said' noticed
check 'in one whose bytes are not' damaged --verify first
check 'it is not: these were so in the pass before' bench_is tcp write '$5 == "verified"'
stop_last
stop_last

# ---- the end ------------------------------------------------------------------------------------

# A busy machine needs longer until there is a round that has ended.
interrupted() {
	local seconds

	for seconds in 2 10 60; do
		timeout -s INT $seconds "$bench" run -m tcp -p write -r 1000 -D 0.2 --json "$dir/out.json" >"$dir/out"
		[ $? -eq 124 ] && bench_cells "$dir/out.json" >"$cells" || return
		bench_is tcp write '$4 < 1000' || return
		! bench_is tcp write '$4 >= 1 && $6 > 0' || return 0
	done
	return 1
}
check 'when interrupted, it gives what there is' interrupted
check 'which can be shown again' "$bench" show "$dir/out.json" --html "$dir/out.html"
check 'and as a page' grep -q '</html>' "$dir/out.html"
check 'and compared' "$bench" compare "$dir/out.json" "$dir/out.json"

# compared FILE: what a program reads there
compared() {
	python3 - "$1" <<-'END'
		import json, sys
		seen = json.load(open(sys.argv[1]))
		print(seen["status"], seen["compared"], seen["differences"])
		assert seen["format"] == "ktls-bench comparison" and seen["status"] == "same"
		assert seen["compared"] == 1 and seen["differences"] == []
		assert seen["cells"][0]["metrics"][0]["ratio"] == 1
	END
}
as_json() {
	"$bench" compare "$dir/out.json" "$dir/out.json" --json "$dir/both.json" >"$dir/out" &&
		grep '1 compared, 0 of' "$dir/out" && compared "$dir/both.json" &&
		"$bench" compare --json - "$dir/out.json" "$dir/out.json" >"$dir/both.json" && compared "$dir/both.json"
}
check 'for programs, too' as_json

# incomparable WORD OPTION...: status 2, with this word on stderr
incomparable() {
	local word=$1

	shift
	"$bench" compare "$@" >"$dir/out" 2>"$dir/err"
	[ $? -eq 2 ] && grep "$word" "$dir/err"
}
check 'a file that is none cannot be compared' incomparable 'none.json: No such file' "$dir/out.json" "$dir/none.json"
check 'what cannot be written is told' incomparable full "$dir/out.json" "$dir/out.json" --json /dev/full
check 'and where' incomparable 'no/where: No such file' "$dir/out.json" "$dir/out.json" --json "$dir/no/where"

tap_done
