#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A network device that does TLS, emulated (kernel-setup/nicsim): what ktls-setup says of it and does to
# it, and that connections of ktlsd's go through it, to peers that know nothing of it. Two namespaces:
# a has nic0a, and ktlsd; b has nic0b, and the peers.

needs='ip ethtool openssl'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
# shellcheck source=tests/harness/nicsim.sh
. tests/harness/nicsim.sh

setup=$build/ktls-setup
use_certs
mkdir "$dir/www"
head -c 1000000 /dev/urandom >"$dir/www/file"

# ---- the devices ---------------------------------------------------------------------------------

as_user_in_a() { in_a setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

# says STATUS LINE COMMAND...: ends with that status, and has the line.
says() {
	local wanted=$1 line=$2 status

	shift 2
	"$@" >"$dir/out" 2>&1
	status=$?
	cat "$dir/out"
	[ "$status" -eq "$wanted" ] && grep -qF -- "$line" "$dir/out"
}

# error CODE COMMAND...: refused, with an object on standard output that has the code.
error() {
	"${@:2}" >"$dir/out" 2>"$dir/err"
	[ $? -eq 1 ] || return
	cat "$dir/out"
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
sys.exit(d["error"] != sys.argv[2] or d["text"] not in open(sys.argv[3]).read())' \
		"$dir/out" "$1" "$dir/err"
}

# json PATH VALUE: of the JSON that came last.
json() {
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))["devices"][0]
for k in sys.argv[2].split("."): d = d[k]
print(d); sys.exit(str(d) != sys.argv[3])' "$dir/out" "$1" "$2"
}

stat() {
	nicsim_stat a "$1"
}

counter() {
	nicsim_counter a nic0a "$1"
}

check 'the emulated device is there' nicsim_pair

# ---- ktls-setup offload --------------------------------------------------------------------------

check 'offload is off at first, and can be turned on' says 0 \
	'sending    off        can be turned on: ktls-setup offload on nic0a tx' in_a "$setup" offload show nic0a
check 'the driver is named' grep -qx 'nic0a (nicsim)' "$dir/out"
check 'a user cannot turn it on, and is told why' says 1 'needs CAP_NET_ADMIN' \
	as_user_in_a "$setup" offload on nic0a
check 'a user may look' says 0 'receiving  off' as_user_in_a "$setup" offload show nic0a
check 'root turns on what is sent' says 0 'sending    on' in_a "$setup" offload on nic0a tx
check 'and nothing else' grep -q 'receiving  off' "$dir/out"
check 'ethtool sees it' sh -c 'ip netns exec a ethtool -k nic0a | grep -x "tls-hw-tx-offload: on"'
check 'root turns on both' says 0 'receiving  on' in_a "$setup" offload on nic0a
check 'a device that is not there' says 1 'no such device: nic7' in_a "$setup" offload on nic7
check 'the loopback device has no offload' says 1 'no device is involved' in_a "$setup" offload on lo tx

check 'a user cannot turn it off either' says 1 'needs CAP_NET_ADMIN' \
	as_user_in_a "$setup" offload off nic0a
check 'which is JSON where that is asked for' error NEEDS_ROOT \
	as_user_in_a "$setup" offload off nic0a --json
check 'and it is still on' grep -qx 'tls-hw-tx-offload: on' <(in_a ethtool -k nic0a)

in_a ethtool -K nic0a rx off >/dev/null
check 'without checksums there is no offload' says 0 'needs checksum offload first' \
	in_a "$setup" offload show nic0a
check 'which on says, too' says 1 'tls-hw-rx-offload is still off: needs checksum offload first' \
	in_a "$setup" offload on nic0a rx
in_a ethtool -K nic0a rx on >/dev/null
check 'and it comes back with them' says 0 'receiving  on' in_a "$setup" offload show nic0a

ip -n a link set nic0a down
check 'a device that is down' says 0 'the device is down: ip link set nic0a up' \
	in_a "$setup" offload show nic0a
check 'is turned on all the same' says 0 'sending    on         the device is down' \
	in_a "$setup" offload on nic0a
ip -n a link set nic0a up
modprobe -a 8021q bridge vxlan ip_gre team
ip -n a link add link nic0a name nic0a.5 type vlan id 5
check 'a vlan on it' says 0 'never offloaded, only those directly through nic0a' \
	in_a "$setup" offload show nic0a.5
check 'and in JSON' says 0 '"obstacle": "STACKED"' in_a "$setup" offload show nic0a.5 --json
check 'which names the device below' json lower nic0a
check 'JSON of the device' says 0 '"driver": "nicsim"' in_a "$setup" offload show nic0a --json
check 'has the state' json tx.state on
check 'and nothing in the way' json tx.obstacle NONE
check 'and the counters' json counters.tx_tls_ctx 0
for verb in on persist; do
	check "a vlan cannot have it: $verb" says 1 \
		'nic0a.5: tls-hw-tx-offload cannot be changed: connections through a vlan device are never' \
		in_a "$setup" offload "$verb" nic0a.5
done
check 'in JSON' error CANNOT in_a "$setup" offload on nic0a.5 rx --json
ip -n a link del nic0a.5

# stacked KIND OPTION...: such a device, and what is said of it.
stacked() {
	ip -n a link add stacked type "$@" &&
		says 0 "connections through a $1 device are never offloaded" in_a "$setup" offload show stacked &&
		says 1 "stacked: tls-hw-tx-offload cannot be changed" in_a "$setup" offload on stacked tx
	local status=$?

	ip -n a link del stacked
	return $status
}
check 'a bridge' stacked bridge
check 'a vxlan' stacked vxlan id 7 dev nic0a remote 10.9.0.2 dstport 4789
check 'a gre tunnel' stacked gre local 10.9.0.1 remote 10.9.0.2
check 'a team' stacked team
ip -n a link add veth0 type veth peer name veth1
check 'a driver without TLS' says 1 'veth0: tls-hw-tx-offload cannot be changed: the driver veth has no TLS' \
	in_a "$setup" offload on veth0
check 'is off already' says 0 'sending    fixed' in_a "$setup" offload off veth0
ip -n a link del veth0
check 'off' says 0 'receiving  off' in_a "$setup" offload off nic0a rx
check 'and on again, in JSON' says 0 '"devices"' in_a "$setup" offload on nic0a --json
check 'with what was done' json rx.state on
check 'off in JSON' says 0 '"devices"' in_a "$setup" offload off nic0a tx --json
check 'with that' json tx.state off
check 'and nothing else' json rx.state on
check 'and on again' says 0 'sending    on' in_a "$setup" offload on nic0a

# ---- connections ---------------------------------------------------------------------------------

ktlsd_conf 'workers = 1'
ktlsd_profile default 'tls-min = 1.2'
start_ktlsd
start server in_a "$build/tests/tools/ktlspeer" server --host 10.9.0.1 --port 4433 \
	--socket "$dir/ktlsd.sock" --http "$dir/www/file"
listens_in_a() {
	in_a ss -Htln "sport = :$1" | grep -q .
}
until_true listens_in_a 4433

# fetch OPTION...: the file, with OpenSSL in b.
fetch() {
	printf 'GET /file HTTP/1.0\r\n\r\n' |
		in_b timeout 240 openssl s_client -quiet -connect 10.9.0.1:4433 -servername localhost \
			-CAfile "$certs/ca.pem" -verify_return_error "$@" 2>"$dir/err" | body >"$dir/got"
	cmp "$dir/got" "$dir/www/file" || { cat "$dir/err" "$dir/server.log"; return 1; }
}

# offloaded CIPHER: it came, and the device has encrypted it, but for what was sent again.
offloaded() {
	local tx rx encrypted

	tx=$(stat TlsTxDevice) rx=$(stat TlsRxDevice)
	encrypted=$(counter tx_tls_encrypted_bytes)
	fetch -tls1_2 -cipher "$1" || return
	[ "$(stat TlsTxDevice)" -eq $((tx + 1)) ] && [ "$(stat TlsRxDevice)" -eq $((rx + 1)) ] &&
		[ "$(counter tx_tls_encrypted_bytes)" -gt $((encrypted + 500000)) ]
}

# uploaded: what is put comes back, and the device has decrypted it, but for what came before it had the
# key, and again.
uploaded() {
	local decrypted

	decrypted=$(counter rx_tls_decrypted_bytes)
	{
		printf 'PUT /file HTTP/1.0\r\nContent-Length: 1000000\r\n\r\n'
		cat "$dir/www/file"
	} | in_b timeout 240 openssl s_client -quiet -connect 10.9.0.1:4433 -servername localhost \
		-CAfile "$certs/ca.pem" -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256 2>"$dir/err" |
		body >"$dir/got"
	cmp "$dir/got" "$dir/www/file" || { cat "$dir/err" "$dir/server.log"; return 1; }
	in_a ethtool -S nic0a | grep rx_tls
	[ "$(counter rx_tls_decrypted_bytes)" -gt $((decrypted + 500000)) ]
}

not_offloaded() {
	local tx rx

	tx=$(stat TlsTxDevice) rx=$(stat TlsRxDevice)
	fetch "$@" && [ "$(stat TlsTxDevice)" -eq "$tx" ] && [ "$(stat TlsRxDevice)" -eq "$rx" ]
}

check 'AES-128-GCM of TLS 1.2 goes through the device' offloaded ECDHE-ECDSA-AES128-GCM-SHA256
check 'AES-256-GCM of TLS 1.2 does' offloaded ECDHE-ECDSA-AES256-GCM-SHA384
check 'what comes goes through it, too' uploaded
check 'ChaCha20-Poly1305 does not' not_offloaded -tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305
check 'TLS 1.3 does not' not_offloaded -tls1_3

# faulty FAULT=N...: with loss or disorder on the wire the file comes whole all the same.
faulty() {
	nicsim_set "$@"
	fetch -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256
	local status=$?

	nicsim_set "${@/%=*/=0}"
	return $status
}

in_a ethtool -K nic0a tso off gso off >/dev/null
check 'with loss on the wire' faulty drop_wire=23
check 'with loss before the device' faulty drop_local=23
check 'with disorder' faulty reorder=7
check 'with all of that' faulty drop_wire=53 drop_local=71 reorder=31
check 'the device has been out of step' test "$(counter tx_tls_resync_res)" -gt 0

nicsim_set max_ctx=0
check 'a device that has no room left leaves it to the kernel' \
	not_offloaded -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256
check 'and has counted that' test "$(counter tx_tls_ctx_refused)" -gt 0

stop_last
check 'all of it can go' nicsim_remove

# ---- a device that sends, and does not receive ---------------------------------------------------

check 'a device that only sends is there' nicsim_pair features=1
check 'it says so' says 0 'receiving  fixed      the driver nicsim has no TLS offload here' \
	in_a "$setup" offload show nic0a
check 'what is meant is what it has' says 0 'sending    on' in_a "$setup" offload on nic0a
check 'what it has not is refused' says 1 'nic0a: tls-hw-rx-offload cannot be changed: the driver nicsim' \
	in_a "$setup" offload on nic0a rx
check 'with what it has, too' error CANNOT in_a "$setup" offload on nic0a tx rx --json
check 'and nothing was done' says 0 'sending    on' in_a "$setup" offload show nic0a
check 'off is both' says 0 'sending    off' in_a "$setup" offload off nic0a
check 'it can go, too' nicsim_remove

tap_done
