#!/bin/bash
# SPDX-License-Identifier: MIT
#
# ktls-bench through emulated devices (nicsim): every mode and pattern shortly. Nothing is said of
# speed: bytes, hashes and who encrypted are what counts.

needs='ip python3'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
# shellcheck source=tests/harness/nicsim.sh
. tests/harness/nicsim.sh
# shellcheck source=tests/harness/ktls_bench.sh
. tests/harness/ktls_bench.sh

bench=$build/ktls-bench
cells=$dir/cells

# run OPTION...: the client in a, the server in b; fills $cells
run() {
	in_a "$bench" run --serve-netns b --address 10.9.0.2 -r 1 --bytes 100K --count 3 --file-size 60K --warmup 0 \
		--json "$dir/out.json" "$@" >"$dir/out" 2>&1 || { cat "$dir/out"; return 1; }
	bench_cells "$dir/out.json" >"$cells"
	cat "$cells"
}

check 'the emulated device is there' nicsim_pair

# turn on|off: what the devices can do
turn() {
	local end

	for end in a b; do
		ip netns exec $end ethtool -K nic0$end tls-hw-tx-offload "$1" tls-hw-rx-offload "$1" || return
	done
}

all_are() {
	local end

	for end in a b; do
		! ip netns exec $end ethtool -k nic0$end | grep 'tls-hw-.x-offload' | grep -v ": $1" || return
	done
}

# ---- every mode, every pattern ---------------------------------------------------------------------

streams() {
	local mode pattern

	for mode in tcp user libssl ktls-sw ktls-hw; do
		for pattern in write sendfile splice more; do
			bench_is "$mode" "$pattern" '$4 == 1 && $5 == "verified" && $6 == 204800' || return
		done
	done
}

check 'all modes in one run, the device switched for each' run -p all -c 2 --switch-offload
check 'the devices are as they were' all_are off
check 'streams bring all bytes, which are those that were sent' streams
check 'answers come to requests' bench_is ktls-hw request '$5 == "verified" && $7 == 6'
check 'all modes speak what the device can' bench_is user write '$9 == "TLS1.2"'
for pattern in write sendfile splice more request; do
	check "$pattern: the device has the keys" bench_is ktls-hw $pattern '$11 == 2 && $12 == 0 && $13 == 2'
	check "$pattern: and has not in software" bench_is ktls-sw $pattern '$11 == 0 && $12 == 2 && $13 == 0'
done
check 'connections that the device has' bench_is ktls-hw churn '$7 >= 1 && $11 >= $7 && $8 == 0'
check 'zerocopy' bench_is ktls-hw-zc sendfile \
	'$5 == "verified" && $11 == 2'
encrypted() {
	python3 - "$dir/out.json" <<-'END'
		import json, sys
		for cell in json.load(open(sys.argv[1]))["cells"]:
		    if cell["mode"] == "ktls-hw" and cell["workload"]["pattern"] == "sendfile":
		        seen = {(c["end"], c["name"]): c["value"] for c in cell["rounds"][0]["counters"]}
		        print(seen)
		        assert seen["server", "TlsTxDevice"] == 2
		        assert seen["server", "tx_tls_encrypted_bytes"] > 100000
		        assert seen["client", "rx_tls_decrypted_bytes"] > 0
	END
}
check 'the device says how much it has encrypted' encrypted
described() {
	python3 - "$dir/out.json" <<-'END'
		import json, sys
		run = json.load(open(sys.argv[1]))
		for machine in run["machines"].values():
		    print(machine["nic"], machine["nic_driver"], machine["nic_firmware"])
		    assert (machine["nic_driver"], machine["nic_firmware"]) == ("nicsim", "emulated")
		for cell in run["cells"]:
		    for r in cell["rounds"]:
		        for end in "server", "client":
		            each = r["cycles"][end] / r["bytes"] if r["bytes"] else 0
		            assert each == 0 or 0.01 < each < 1e7, (cell["mode"], end, each)
	END
}
check 'driver and firmware are named, and cycles are none or plausible' described

# ---- other keys, other records, the other way -----------------------------------------------------

check 'both ways at once' run -m ktls-hw -p write -d both --switch-offload
check 'all bytes, and the device has both keys' bench_is ktls-hw write \
	'$5 == "verified" && $6 == 204800 && $11 == 1 && $13 == 1'
check 'AES-256' run -m ktls-sw,ktls-hw -p sendfile --suite aes256 --switch-offload
check 'in the kernel' bench_is ktls-sw sendfile '$5 == "verified" && $10 ~ /AES_256/ && $12 == 1 && $14 == 1'
check 'and in the device' bench_is ktls-hw sendfile '$5 == "verified" && $10 ~ /AES_256/ && $11 == 1 && $13 == 1'
check 'ChaCha20, and records of 1000 bytes where the kernel makes such' run -m ktls-sw -p write \
	--suite chacha20 --tls 1.3 --record-size 1000
limited() {
	if "$build/ktls-setup" check --json | grep -q '"max_payload": "ok"'; then
		bench_is ktls-sw write '$5 == "verified" && $6 == 102400 && $10 ~ /CHACHA20/ && $12 == 1'
	else
		bench_is ktls-sw write '$4 == 0 && $15 ~ /TLS_TX_MAX_PAYLOAD_LEN/' &&
			run -m ktls-sw -p write --suite chacha20 --tls 1.2 &&
			bench_is ktls-sw write '$5 == "verified" && $10 ~ /CHACHA20/ && $12 == 1'
	fi
}
check 'brings all bytes, or says what is missing' limited

# ---- two programs ---------------------------------------------------------------------------------

start serve in_b "$bench" serve --key-file "$dir/key" --address 10.9.0.2 --once
check 'one end serves' until_true grep -q '^port' "$dir/serve.log"
apart() {
	in_a "$bench" run 10.9.0.2 --key-file "$dir/key" -r 1 --bytes 100K --file-size 60K --warmup 0 \
		-m ktls-sw,ktls-hw -p sendfile --switch-offload --json "$dir/out.json" >"$dir/out" 2>&1 ||
		{ cat "$dir/out"; return 1; }
	bench_cells "$dir/out.json" >"$cells"
}
check 'the other one runs, and both switch their devices' apart
check 'in the kernel' bench_is ktls-sw sendfile '$5 == "verified" && $11 == 0 && $12 == 1 && $13 == 0 && $14 == 1'
check 'and in the devices' bench_is ktls-hw sendfile '$5 == "verified" && $11 == 1 && $12 == 0 && $13 == 1'
wait "${pids[-1]}"
check 'which are as they were' all_are off

# ---- handshakes by ktlsd ---------------------------------------------------------------------------

"$build/tests/tools/certs" "$dir/certs"
cat >"$dir/ktlsd.conf" <<-END
	[ktlsd]
	socket = $dir/ktlsd.sock
	workers = 1
	[profile bench]
	certificate = $dir/certs/p256.pem
	key = $dir/certs/p256.key
	trust = $dir/certs/ca.pem
	server-users = root
	client-users = root
	tls-min = 1.2
END
start ktlsd in_b "$build/ktlsd" --config "$dir/ktlsd.conf"
check 'ktlsd starts' until_true grep -q ready: "$dir/ktlsd.log"
by_ktlsd() {
	run --socket "$dir/ktlsd.sock" --profile bench --name localhost "$@"
}
in_software() { bench_is ktls-sw "$1" '$11 == 0 && $12 == '"$2"' && $13 == 0 && $14 == '"$2"; }
check 'handshakes by ktlsd' by_ktlsd -m ktls-sw,ktls-hw -p all --switch-offload
for pattern in write sendfile splice more; do
	check "$pattern: all bytes, in TLS 1.3 with its tickets" bench_is ktls-sw $pattern \
		'$4 == 1 && $5 == "verified" && $6 == 102400 && $9 == "TLS1.3"'
	check "$pattern: and by the device, in TLS 1.2" bench_is ktls-hw $pattern \
		'$5 == "verified" && $6 == 102400 && $9 == "TLS1.2" && $11 == 1'
done
check 'answers' bench_is ktls-sw request '$5 == "verified" && $7 == 3'
check 'connections' bench_is ktls-sw churn '$7 == 3 && $8 == 0'
check 'and connections that the device has' bench_is ktls-hw churn '$7 == 3 && $11 >= 3'
check 'and none that it has not' in_software churn 3
check 'both ways at once' by_ktlsd -m ktls-sw -p splice -d both
check 'bring all bytes' bench_is ktls-sw splice '$5 == "verified" && $6 == 204800'
said() { grep 'CPU time is not in the figures' "$dir/out.json"; }
check 'what is not counted is said' said
stop_last

# ---- what was there before ---------------------------------------------------------------------------

interrupted() {
	local pid

	ip netns exec a "$bench" run -q --serve-netns b --address 10.9.0.2 -m ktls-hw -p write -D 600 -r 1 \
		--switch-offload >"$dir/out" 2>&1 &
	pid=$!
	until_true all_are on >"$dir/waited" && kill -INT $pid
	wait $pid
	[ $? -eq 130 ] && all_are off
}
check 'after Ctrl-C too the devices are as they were' interrupted
turn on
stays_on() {
	run -m ktls-sw -p write --switch-offload --tls 1.2 && bench_is ktls-sw write '$11 == 0 && $12 == 1' && all_are on
}
check 'what was on is on again' stays_on

turn off

# ---- where there is no hardware --------------------------------------------------------------------

missing() {
	run -m ktls-sw,ktls-hw,ktls-hw-zc -p sendfile "$@" && bench_is ktls-hw sendfile '$4 == 0' &&
		bench_is ktls-sw sendfile '$5 == "verified"' && bench_cell ktls-hw sendfile | grep -i "$why"
}
for end in a b; do
	ip netns exec $end ethtool -K nic0$end tls-hw-tx-offload off tls-hw-rx-offload off
done
why='off'
check 'a feature that is off' missing --tls 1.2
why='1\.3'
check 'TLS 1.3' missing --tls 1.3
in_a ethtool -K nic0a tls-hw-tx-offload on
taken() {
	run -m ktls-sw,ktls-hw -p sendfile -d to-server && bench_is ktls-sw sendfile '$4 == 0' &&
		bench_cell ktls-sw sendfile | grep switch-offload && bench_is ktls-hw sendfile '$5 == "verified"'
}
check 'software is not said to be what a device does' taken
check 'it goes' nicsim_remove

tap_done
