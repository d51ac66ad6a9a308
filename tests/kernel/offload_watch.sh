#!/bin/bash
# SPDX-License-Identifier: MIT
#
# ktls-setup offload show --watch beside connections of ktlsd's through an emulated device: what it
# counts, and what it finds wrong when the cable is bad.

needs='ip ethtool openssl'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
# shellcheck source=tests/harness/nicsim.sh
. tests/harness/nicsim.sh

setup=$build/ktls-setup
use_certs
head -c 300000 /dev/urandom >"$dir/file"

ktlsd_conf 'workers = 1'
ktlsd_profile default 'tls-min = 1.2'
check 'the emulated devices are there' nicsim_pair
in_a "$setup" offload on nic0a >/dev/null
start_ktlsd ktlsd
start server in_a "$build/tests/tools/ktlspeer" server --host 10.9.0.1 --port 4433 \
	--socket "$dir/ktlsd.sock" --http "$dir/file"
listens_in_a() { in_a ss -Htln "sport = :4433" | grep -q .; }
until_true listens_in_a

# A user's is enough.
start watch in_a setpriv --reuid=65534 --regid=65534 --clear-groups \
	"$setup" offload show nic0a --watch --interval 0.5 --json
until_true [ -s "$dir/watch.log" ]

# request METHOD FILE OPTION...: of OpenSSL in b; the answer is not looked at.
request() {
	local head=$1 file=$2

	shift 2
	{
		printf '%b' "$head"
		cat "$file"
	} | in_b timeout 60 openssl s_client -quiet -connect 10.9.0.1:4433 -servername localhost \
		-CAfile "$certs/ca.pem" "$@" >"$dir/got" 2>&1
}
get() { request 'GET /file HTTP/1.0\r\n\r\n' /dev/null "$@"; }
put() { request 'PUT /file HTTP/1.0\r\nContent-Length: 300000\r\n\r\n' "$dir/file" "$@"; }
gcm='-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256'

# found CODE: a line of the log has this in all of these Python words.
found() {
	python3 - "$dir/watch.log" "$1" <<-'END'
		import json, sys
		lines = [json.loads(line) for line in open(sys.argv[1]) if line.endswith("\n")]
		for l in lines:
		    wrong = {}
		    for w in l["wrong"]:  # one may be there for each direction
		        wrong[w["trouble"]] = wrong.get(w["trouble"], "") + w["text"]
		    since = {n: c["since"] for n, c in l["tls"].items()}
		    device = {n: c["since"] for n, c in l["devices"][0]["counters"].items()}
		    if eval(sys.argv[2]):
		        sys.exit(0)
		print(json.dumps(lines[-1]))
		sys.exit(1)
	END
}
waits_for() { until_true found "$1"; }

get -tls1_3
check 'a connection of TLS 1.3 does not use the device, and that is said' \
	waits_for 'since["TlsTxSw"] > 0 and "tls-hw-tx-offload is on for nic0a" in wrong.get("NOT_USED", "")'
# shellcheck disable=SC2086 # several words
get $gcm
check 'one of TLS 1.2 does' waits_for 'since["TlsTxDevice"] == 1 and "NOT_USED" not in wrong'
check 'and the device counts' waits_for 'device["tx_tls_encrypted_bytes"] > 0'
nicsim_set drop_local=9
# shellcheck disable=SC2086
get $gcm
nicsim_set drop_local=0
check 'what was lost is seen to be sent again' \
	waits_for 'l["tcp"]["RetransSegs"]["since"] > 0'
check 'and the device was out of step' waits_for 'device["tx_tls_ooo"] > 0'
nicsim_set corrupt=40
# shellcheck disable=SC2086
put $gcm
nicsim_set corrupt=0
check 'records that were changed are seen' \
	waits_for '"did not decrypt" in wrong.get("DECRYPT_ERRORS", "")'
check 'and that the device saw them' waits_for 'wrong.get("RX_ERRORS", "").endswith("failed in the device")'

# ---- what is wrong as long as it lasts -----------------------------------------------------------

# Every packet is as long as the wire allows, or shorter, and every record from b has one of its own,
# so that a packet that is lost is a header that the device misses.
for end in a b; do
	ip netns exec $end ethtool -K nic0$end tso off gso off gro off >/dev/null
done

lines() {
	mapfile -t lines <"$dir/watch.log"
}
more_lines() {
	lines
	[ ${#lines[@]} -gt "$mark" ]
}
next_line() {
	lines
	mark=${#lines[@]}
	until_true more_lines
	mark=${#lines[@]}
}

# lately get|put TROUBLE...: a file goes, and all of these are told of the time that it takes, in the
# lines from $from on
lately() {
	local way=$1 trouble

	shift
	next_line
	from=$mark
	# shellcheck disable=SC2086
	case $way in
	get) get $gcm ;;
	put) put $gcm -max_send_frag 1024 ;;
	esac
	next_line
	for trouble; do
		[[ "${lines[*]:from}" == *"\"trouble\": \"$trouble\", \"device\": "* ]] || return
	done
}

troubles() {
	until_true lately "$@" || { echo "${lines[-1]}"; return 1; }
}

# calm: a file comes and goes through the device, and none of them is told. A busy machine may send
# something again.
calm() {
	local trouble sent received

	sent=$(nicsim_counter a nic0a tx_tls_encrypted_bytes)
	received=$(nicsim_counter a nic0a rx_tls_decrypted_bytes)
	lately put
	for trouble in RETRANSMITS TX_RESYNC_STORM RX_RESYNC_STORM; do
		[[ "${lines[*]:from}" != *"$trouble"* ]] || return
	done
	[ "$(nicsim_counter a nic0a tx_tls_encrypted_bytes)" -gt $((sent + 290000)) ] &&
		[ "$(nicsim_counter a nic0a rx_tls_decrypted_bytes)" -gt $((received + 150000)) ]
}

nicsim_set drop_wire=11 fault_ports=1
check 'losses on the way are told, and what they cost the device' \
	troubles get RETRANSMITS TX_RESYNC_STORM
nicsim_set drop_wire=0
check 'and no more when there are none' until_true calm
nicsim_set drop_wire=11 fault_ports=2
check 'losses of what comes are told, and that the device loses its place' troubles put RX_RESYNC_STORM
nicsim_set drop_wire=0
check 'and no more when these are over' until_true calm
stop_last
check 'it has ended with a whole line' sh -c "tail -n 1 '$dir/watch.log' | python3 -m json.tool"

in_a "$setup" offload show --watch --count 1 --interval 0.1 >"$dir/text"
check 'the text names the device' grep -qx 'nic0a (nicsim): sending on, receiving on' "$dir/text"
check 'and its counters' grep -Eq '^  tx_tls_encrypted_bytes +[1-9]' "$dir/text"
check 'nothing is wrong now' grep -qx 'nothing is wrong' "$dir/text"
stop_last
check 'all of it can go' nicsim_remove
tap_done
