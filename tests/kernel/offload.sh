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
# run-vm has made some: RSA keys take long where the CPU is emulated.
certs=${KTLS_CERTS:-$dir/certs}
[ -n "${KTLS_CERTS:-}" ] || "$build/tests/tools/certs" "$certs"
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
check 'a device that is not there' says 1 'no device nic7' in_a "$setup" offload on nic7
check 'the loopback device has no offload' says 1 'no device is involved' in_a "$setup" offload on lo tx

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
ip -n a link set nic0a up
modprobe 8021q
ip -n a link add link nic0a name nic0a.5 type vlan id 5
check 'a vlan on it' says 0 'never offloaded, only those directly through nic0a' \
	in_a "$setup" offload show nic0a.5
check 'and in JSON' says 0 '"obstacle": "STACKED"' in_a "$setup" offload show nic0a.5 --json
check 'which names the device below' json lower nic0a
check 'JSON of the device' says 0 '"driver": "nicsim"' in_a "$setup" offload show nic0a --json
check 'has the state' json tx.state on
check 'and nothing in the way' json tx.obstacle NONE
check 'and the counters' json counters.tx_tls_ctx 0
ip -n a link del nic0a.5
check 'off' says 0 'receiving  off' in_a "$setup" offload off nic0a rx
check 'and on again' says 0 'receiving  on' in_a "$setup" offload on nic0a

# ---- connections ---------------------------------------------------------------------------------

cat >"$dir/ktlsd.conf" <<-END
	[ktlsd]
	socket = $dir/ktlsd.sock
	socket-mode = 0666
	workers = 1
	[profile default]
	certificate = $certs/p256.pem
	key = $certs/p256.key
	server-users = root
	client-users = root
	trust = $certs/ca.pem
	tls-min = 1.2
END
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

tap_done
