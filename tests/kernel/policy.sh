#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The policy about network devices (hardware = require, prefer, avoid) with an emulated one that does
# TLS: which version and suite is negotiated with peers that have both or one of them, and what a
# profile that requires a device says is in the way. ktlsd is in a, and the peers, OpenSSL's, in b.

needs='ip ethtool openssl'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
# shellcheck source=tests/harness/nicsim.sh
. tests/harness/nicsim.sh

use_certs
echo content >"$dir/file"
printf 'GET / HTTP/1.0\r\n\r\n' >"$dir/request"
gcm=ECDHE-ECDSA-AES128-GCM-SHA256
gcm256=ECDHE-ECDSA-AES256-GCM-SHA384
chacha=ECDHE-ECDSA-CHACHA20-POLY1305

check 'the emulated devices are there' nicsim_pair pairs=2
modprobe -a 8021q bonding
ip link set nic1a netns a
ip link set nic1b netns b
# Beside nic0a, a VLAN on it, a device without TLS, and a bond of nic1a.
ip -n a link add link nic0a name nic0a.5 type vlan id 5
ip -n b link add link nic0b name nic0b.5 type vlan id 5
ip -n a link add veth0a type veth peer name veth0b netns b
ip -n a -batch - <<-END && ip -n b -batch - <<-END
	address add 10.9.5.1/24 dev nic0a.5
	address add 10.9.6.1/24 dev veth0a
	link add bond0 type bond mode balance-xor xmit_hash_policy layer3+4 miimon 100
	link set nic1a down
	link set nic1a master bond0
	address add 10.9.7.1/24 dev bond0
	link set bond0 up
	link set nic0a.5 up
	link set veth0a up
END
	address add 10.9.5.2/24 dev nic0b.5
	address add 10.9.6.2/24 dev veth0b
	address add 10.9.7.2/24 dev nic1b
	link set nic1b up
	link set nic0b.5 up
	link set veth0b up
END
turn() { in_a ethtool -K "${2:-nic0a}" tls-hw-tx-offload "$1" tls-hw-rx-offload "$1" >/dev/null; }
turn on
turn on nic1a

# ---- ktlsd, and a server of each profile ---------------------------------------------------------

ktlsd_conf 'workers = 1'
for policy in prefer require; do
	ktlsd_profile "$policy" "hardware = $policy"
done
ktlsd_profile avoid 'hardware = avoid' 'tls-min = 1.2' # the others need not say so
start ktlsd ip netns exec a "$build/ktlsd" --config "$dir/ktlsd.conf"
check 'ktlsd starts' until_true grep -q ready: "$dir/ktlsd.log"
declare -A ports=([prefer]=4431 [require]=4432 [avoid]=4433)
peers=() # their processes, by port
for policy in "${!ports[@]}"; do
	start "$policy" ip netns exec a "$build/tests/tools/ktlspeer" server --host 0.0.0.0 \
		--port "${ports[$policy]}" --socket "$dir/ktlsd.sock" --profile "$policy" --http "$dir/file"
	peers[${ports[$policy]}]=${pids[-1]}
done
# s_server PORT OPTION...
s_server() {
	start "s_server.$1" ip netns exec b openssl s_server -quiet -accept "$1" -cert "$certs/p256.pem" \
		-cert_chain "$certs/p256.pem" -key "$certs/p256.key" -www "${@:2}"
	peers[$1]=${pids[-1]}
}

s_server 4440
s_server 4441 -tls1_3
s_server 4442 -tls1_2 -cipher $chacha
s_server 4443 -tls1_2 -cipher $gcm256
for port in "${!peers[@]}"; do until_true listens "$port" "${peers[$port]}"; done

# server POLICY LINE OPTION...: what the server of the policy says of a client with these options.
server() {
	local policy=$1 line=$2 log=$dir/$1.log before said=

	shift 2
	mapfile -t before <"$log"
	${from:-in_b} timeout 60 openssl s_client -quiet -connect "${to:-10.9.0.1}:${ports[$policy]}" \
		-servername localhost -CAfile "$certs/ca.pem" -verify_return_error "$@" \
		<"$dir/request" >"$dir/got" 2>&1
	until_true ended ${#before[@]} "$log"
	echo "$said"
	[[ $said =~ $line ]]
}

old='version=TLS1.2 suite=TLS_ECDHE_ECDSA_WITH_AES'
old256='version=TLS1.2 suite=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 .*tx=hw rx=hw'
new='version=TLS1.3'

check 'prefer: TLS 1.2 with AES-GCM, and no client gives up' server prefer "$old"
check 'which the device has' test "$(nicsim_stat a TlsTxDevice)" -eq 1
check 'prefer: AES-256, by the device' server prefer "$old256" -cipher $gcm256
check 'prefer: TLS 1.3 for those that have nothing else' server prefer "$new" -tls1_3
check 'prefer: and for those without AES-GCM in TLS 1.2' server prefer "$new" -cipher $chacha
check 'require: TLS 1.2 with AES-GCM' server require "$old"
check 'require: AES-256, by the device' server require "$old256" -cipher $gcm256
check 'require: a client of TLS 1.3 only' server require 'VERSION: devices take TLS 1.2 only' -tls1_3
check 'require: a client of ChaCha20 only' server require 'CIPHER: devices take AES-GCM only' \
	-tls1_2 -cipher $chacha
check 'avoid: TLS 1.3' server avoid "$new"
check 'avoid: TLS 1.2 with ChaCha20' server avoid 'version=TLS1.2 suite=.*CHACHA20' -tls1_2
check 'avoid: a client that has neither' server avoid 'SUITES_NONE_SHARED' -tls1_2 -cipher $gcm

# ---- as a client ---------------------------------------------------------------------------------

# client POLICY LINE PORT: the same of a client, and that server of OpenSSL's.
client() {
	local said

	said=$(in_a timeout 60 "$build/tests/tools/ktlspeer" client "${to:-10.9.0.2}:$3" --name localhost \
		--socket "$dir/ktlsd.sock" --profile "$1" --get / --out "$dir/got" 2>&1)
	echo "$said"
	[[ $said =~ $2 ]]
}

check 'require as client: TLS 1.2' client require "$old" 4440
check 'require as client: a server of TLS 1.3 only' client require 'VERSION: devices' 4441
check 'require as client: a server of ChaCha20 only' client require 'CIPHER: devices' 4442
check 'require as client: AES-256, by the device' client require "$old256" 4443
check 'prefer as client: what the server picks' client prefer "$new" 4440
check 'prefer as client: which may be AES-256, by the device' client prefer "$old256" 4443
check 'avoid as client: TLS 1.3' client avoid "$new" 4440
check 'avoid as client: ChaCha20' client avoid 'version=TLS1.2 suite=.*CHACHA20.*tx=sw rx=sw' 4442
check 'avoid as client: a server that has neither' client avoid "PEER_ALERT alert=handshake_failure" 4443

# ---- what is in the way --------------------------------------------------------------------------

from=in_a to=127.0.0.1 check 'require: over loopback' server require 'LOOPBACK: '
to=10.9.5.1 check 'require: over a VLAN' server require 'STACKED: .*\(nic0a\.5\)'
to=10.9.5.1 check 'prefer: over a VLAN' server prefer "$new"
to=10.9.5.2 check 'require as client: over a VLAN' client require 'STACKED: .*\(nic0a\.5\)' 4440
to=10.9.5.2 check 'prefer as client: over a VLAN' client prefer "$new" 4440
to=10.9.6.1 check 'require: a driver without TLS' server require 'NO_TLS_DRIVER: .*\(veth0a\)'
turn off
check 'require: the feature is off' server require 'FEATURE_OFF: .*\(nic0a\)'
check 'prefer: the feature is off' server prefer "$new"
in_a ethtool -K nic0a tls-hw-rx-offload on
check 'require: it would only receive' server require 'FEATURE_OFF: .*\(nic0a\)'
check 'prefer: it would only receive' server prefer "$new"
turn on
check 'and on again' server prefer "$old"
in_a ethtool -K nic0a tx off rx off >/dev/null
check 'require: checksums are off' server require 'CHECKSUM_OFF: .*\(nic0a\)'
in_a ethtool -K nic0a tx on rx on >/dev/null

to=127.0.0.1 check 'require as client: over loopback' client require 'LOOPBACK: ' "${ports[avoid]}"

# down: of a bond's devices none is up any more when the server gets to a connection.
down() {
	local peer=${peers[${ports[require]}]} log=$dir/require.log client status before said=

	mapfile -t before <"$log"
	kill -STOP "$peer"
	in_b timeout 60 openssl s_client -quiet -connect "10.9.7.1:${ports[require]}" <"$dir/request" >/dev/null 2>&1 &
	client=$!
	until_true waits
	ip -n a link set nic1a down
	kill -CONT "$peer"
	until_true ended ${#before[@]} "$log"
	status=$?
	ip -n a link set nic1a up
	kill "$client"
	echo "$said"
	[ $status -eq 0 ] && [[ $said =~ DEVICE_DOWN:\ .*\(bond0\) ]]
}
waits() { in_a ss -Htn state established "sport = :${ports[require]}" | grep -q .; }
to=10.9.7.1 check 'require: over a bond' server require 'BOND: .*\(bond0\)'
check 'require: of whose devices none is up' down

# An application of another namespace.
elsewhere() {
	local said

	said=$(in_b timeout 60 "$build/tests/tools/ktlspeer" client "10.9.0.1:${ports[avoid]}" --name localhost \
		--socket "$dir/ktlsd.sock" --profile require --get / --out "$dir/got" 2>&1)
	echo "$said"
	[[ $said == *'MAY_NOT_LOOK: '* ]]
}
check 'require: in another namespace' elsewhere
for _ in "${pids[@]}"; do stop_last; done
ip -n a link del bond0
modprobe -r bonding # it holds the tls module
check 'all of it can go' nicsim_remove

tap_done
