#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a reply says of a device that does TLS, and what the device really did: emulated
# (kernel-setup/nicsim), with ktlsd at the end that has it. "require" and zerocopy, too.

needs='ip ethtool openssl setpriv ss'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
# shellcheck source=tests/harness/nicsim.sh
. tests/harness/nicsim.sh

use_certs
mkdir "$dir/www"
head -c 100000 /dev/urandom >"$dir/www/file"

ktlsd_conf 'workers = 1'
ktlsd_profile default 'tls-min = 1.2' 'tickets = 0'
ktlsd_profile needs 'tls-min = 1.2' 'tickets = 0' 'hardware = require' 'zerocopy = yes'

printf 'GET /file HTTP/1.0\r\n\r\n' >"$dir/request"

# serve PROFILE PORT
serve() {
	start "$1" ip netns exec a "$build/tests/tools/ktlspeer" server --host 10.9.0.1 --port "$2" \
		--profile "$1" --socket "$dir/ktlsd.sock" --http "$dir/www/file"
	until_true listens "$2" "${pids[-1]}"
}

# fetch PORT OPTION...: the file, from the namespace b.
fetch() {
	local port=$1

	shift
	in_b timeout 120 openssl s_client -quiet -connect "10.9.0.1:$port" -servername localhost "$@" \
		<"$dir/request" 2>"$dir/err" | body >"$dir/got"
	cmp "$dir/got" "$dir/www/file" || { cat "$dir/err"; return 1; }
}

gcm=(-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256)

# said PROFILE PATTERN: in the last line of its server's.
said() {
	local lines

	mapfile -t lines <"$dir/$1.log"
	[ ${#lines[@]} -gt 0 ] && [[ ${lines[-1]} =~ $2 ]]
}

# last PROFILE PATTERN: what the server said of its last connection; it may be about to.
last() {
	until_true said "$@" || { tail -n 3 "$dir/$1.log" "$dir/ktlsd.log"; return 1; }
}

# verdict PATTERN OPTION...: a file from the default server, of which that is said.
verdict() {
	local pattern=$1

	shift
	fetch 4433 "$@" && last default "$pattern"
}

# device TX RX: so many installations have been counted as the device's.
device() {
	[ "$(nicsim_stat a TlsTxDevice)" -eq "$1" ] && [ "$(nicsim_stat a TlsRxDevice)" -eq "$2" ]
}

device_counts() { nicsim_stat a TlsTxDevice; nicsim_stat a TlsRxDevice; }

set_features() {
	in_a ethtool -K nic0a tls-hw-tx-offload "$1" tls-hw-rx-offload "$2" >/dev/null
}

# refused: the peer is told by an alert, no data comes, and the server knows why.
refused() {
	in_b timeout 120 openssl s_client -ign_eof -connect 10.9.0.1:4434 -servername localhost "${gcm[@]}" \
		<"$dir/request" >"$dir/out" 2>&1
	! grep -q 'HTTP/1.0 200' "$dir/out" && grep -qi 'alert internal error' "$dir/out" &&
		last needs DEVICE_REFUSED || { tail -n 20 "$dir/out"; return 1; }
}

# start_in_a [COMMAND...]: by which ktlsd is started.
start_in_a() {
	start ktlsd ip netns exec a "$@" "$build/ktlsd" --config "$dir/ktlsd.conf"
	check 'ktlsd runs where it is' until_true grep -q ready: "$dir/ktlsd.log"
	serve default 4433
	serve needs 4434
}

stop_all() {
	stop_last
	stop_last
	stop_last
}

check 'the emulated device is there' nicsim_pair
set_features on on
start_in_a

# ---- what became of it ---------------------------------------------------------------------------

check 'a device has both directions' verdict 'tx=hw rx=hw .*no-hw=NONE,NONE' "${gcm[@]}"
check 'and has counted them' device 1 1
check 'TLS 1.3 is for the kernel' verdict 'tx=sw rx=sw .*no-hw=VERSION,VERSION' -tls1_3
check 'ChaCha20-Poly1305 is' verdict 'tx=sw rx=sw .*no-hw=CIPHER,CIPHER' \
	-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305
set_features on off
check 'receiving is switched off' verdict 'tx=hw rx=sw .*no-hw=NONE,FEATURE_OFF' "${gcm[@]}"
check 'and only sending is counted' device 2 1
set_features off off
check 'both are switched off' verdict 'tx=sw rx=sw .*no-hw=FEATURE_OFF,FEATURE_OFF' "${gcm[@]}"
set_features on on
nicsim_set refuse=2
check 'a device without room for receiving' verdict 'tx=hw rx=sw .*no-hw=NONE,REFUSED' "${gcm[@]}"
check 'sends' device 3 1
check 'who requires one is refused with it' refused
check 'and knows which direction it was' grep -q 'sending: NONE, receiving: REFUSED' "$dir/needs.log"
nicsim_set refuse=1
check 'a device without room for sending' verdict 'tx=sw rx=hw .*no-hw=REFUSED,NONE' "${gcm[@]}"
nicsim_set refuse=0 ciphers=1
check 'a device that knows AES-128 only' verdict 'tx=sw rx=sw .*no-hw=REFUSED,REFUSED' \
	-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384
check 'has that' verdict 'AES_128_GCM_SHA256 .*tx=hw rx=hw .*no-hw=NONE,NONE' "${gcm[@]}"
nicsim_set ciphers=3
check 'another knows both' verdict 'AES_256_GCM_SHA384 .*tx=hw rx=hw .*no-hw=NONE,NONE' -tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384
before=$(device_counts)
nicsim_set max_ctx=0
check 'a device without room refuses' verdict 'tx=sw rx=sw .*no-hw=REFUSED,REFUSED' "${gcm[@]}"
check 'none of that is counted' test "$(device_counts)" = "$before"

# ---- a device is required ------------------------------------------------------------------------

check 'who requires a device is refused with it' refused
nicsim_set max_ctx=64

# zerocopy: files are read where they are, as the kernel says while somebody is there.
zerocopy() {
	local pid status

	mkfifo "$dir/idle"
	in_b openssl s_client -quiet -no_ign_eof -connect 10.9.0.1:4434 -servername localhost "${gcm[@]}" \
		<"$dir/idle" >/dev/null 2>&1 &
	pid=$!
	exec 8>"$dir/idle"
	until_true zerocopy_is_on
	status=$?
	exec 8>&-
	wait "$pid"
	return $status
}

zerocopy_is_on() {
	in_a ss -Htin "sport = :4434" >"$dir/ss"
	grep -q 'zc_ro_tx' "$dir/ss"
}

check 'and gets it where there is room' fetch 4434 "${gcm[@]}"
check 'without a copy' zerocopy
check 'as the server is told' grep -q 'tx=hw rx=hw' "$dir/needs.log"
check 'a peer without TLS 1.2 gets nothing' sh -c '! ip netns exec b openssl s_client -brief \
	-connect 10.9.0.1:4434 -tls1_3 </dev/null'

stop_all

# ---- a ktlsd that may not see who has the records --------------------------------------------------

start_in_a setpriv --bounding-set -net_admin

# unseen: who requires a device is refused before anybody has a key, and the peer hears of no TLS.
unseen() {
	local before

	before=$(device_counts)
	! fetch 4434 "${gcm[@]}" >/dev/null && last needs HARDWARE_UNAVAILABLE &&
		grep -q MAY_NOT_LOOK "$dir/needs.log" && [ "$(device_counts)" = "$before" ] &&
		grep -q 'hardware = require is refused' "$dir/ktlsd.log"
}

check 'a device has them, whether that is told or not' \
	verdict 'tx=(hw rx=hw .*no-hw=NONE,NONE|unknown rx=unknown .*no-hw=MAY_NOT_LOOK,MAY_NOT_LOOK)' "${gcm[@]}"
if said default tx=hw; then
	check 'it is told by this kernel: who requires a device gets it' fetch 4434 "${gcm[@]}"
else
	check 'it is not by this kernel: who requires a device is refused beforehand' unseen
fi

stop_all
check 'all of it can go' nicsim_remove

# ---- what a device has not is fixed --------------------------------------------------------------

check 'a device that only sends is there' nicsim_pair features=1
set_features on on
start_in_a
check 'its receiving is off for good' grep -qx 'tls-hw-rx-offload: off \[fixed\]' <(in_a ethtool -k nic0a)
check 'which is no switch that is off' verdict 'tx=hw rx=sw .*no-hw=NONE,NO_TLS_DRIVER' "${gcm[@]}"
check 'and only sending is counted' device 1 0
check 'it is a device for who requires one' fetch 4434 "${gcm[@]}"
check 'who is told the same' last needs 'tx=hw rx=sw .*no-hw=NONE,NO_TLS_DRIVER'
stop_all
check 'it can go' nicsim_remove

tap_done
