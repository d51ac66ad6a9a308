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

certs=${KTLS_CERTS:-$dir/certs}
[ -n "${KTLS_CERTS:-}" ] || "$build/tests/tools/certs" "$certs"
echo content >"$dir/file"
printf 'GET / HTTP/1.0\r\n\r\n' >"$dir/request"
gcm=ECDHE-ECDSA-AES128-GCM-SHA256
chacha=ECDHE-ECDSA-CHACHA20-POLY1305

check 'the emulated device is there' nicsim_pair
modprobe 8021q
# Beside nic0a, a VLAN on it, and a device without TLS.
ip -n a link add link nic0a name nic0a.5 type vlan id 5
ip -n b link add link nic0b name nic0b.5 type vlan id 5
ip -n a link add veth0a type veth peer name veth0b netns b
ip -n a -batch - <<-END && ip -n b -batch - <<-END
	address add 10.9.5.1/24 dev nic0a.5
	address add 10.9.6.1/24 dev veth0a
	link set nic0a.5 up
	link set veth0a up
END
	address add 10.9.5.2/24 dev nic0b.5
	address add 10.9.6.2/24 dev veth0b
	link set nic0b.5 up
	link set veth0b up
END
turn() { in_a ethtool -K nic0a tls-hw-tx-offload "$1" tls-hw-rx-offload "$1" >/dev/null; }
turn on

# ---- ktlsd, and a server of each profile ---------------------------------------------------------

printf '[ktlsd]\nsocket = %s\nsocket-mode = 0666\nworkers = 1\n' "$dir/ktlsd.sock" >"$dir/ktlsd.conf"
for policy in prefer require avoid; do
	cat >>"$dir/ktlsd.conf" <<-END
		[profile $policy]
		certificate = $certs/p256.pem
		key = $certs/p256.key
		server-users = root
		client-users = root
		trust = $certs/ca.pem
		hardware = $policy
	END
done
echo 'tls-min = 1.2' >>"$dir/ktlsd.conf" # of the last: the others need not say so
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
for port in "${!peers[@]}"; do until_true listens "$port" "${peers[$port]}"; done

# ended N FILE: of what the file has behind N lines, which is in $said, the last tells of a connection.
ended() {
	local lines

	mapfile -t lines <"$2"
	said="${lines[*]:$1}"
	[ ${#lines[@]} -gt "$1" ] && [[ ${lines[-1]} == @(ok|failed)* ]]
}

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
new='version=TLS1.3'

check 'prefer: TLS 1.2 with AES-GCM, and no client gives up' server prefer "$old"
check 'which the device has' test "$(nicsim_stat a TlsTxDevice)" -eq 1
check 'prefer: TLS 1.3 for those that have nothing else' server prefer "$new" -tls1_3
check 'prefer: and for those without AES-GCM in TLS 1.2' server prefer "$new" -cipher $chacha
check 'require: TLS 1.2 with AES-GCM' server require "$old"
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

	said=$(in_a timeout 60 "$build/tests/tools/ktlspeer" client "10.9.0.2:$3" --name localhost \
		--socket "$dir/ktlsd.sock" --profile "$1" --get / --out "$dir/got" 2>&1)
	echo "$said"
	[[ $said =~ $2 ]]
}

check 'require as client: TLS 1.2' client require "$old" 4440
check 'require as client: a server of TLS 1.3 only' client require 'VERSION: devices' 4441
check 'require as client: a server of ChaCha20 only' client require 'CIPHER: devices' 4442
check 'prefer as client: what the server picks' client prefer "$new" 4440

# ---- what is in the way --------------------------------------------------------------------------

from=in_a to=127.0.0.1 check 'require: over loopback' server require 'LOOPBACK: '
to=10.9.5.1 check 'require: over a VLAN' server require 'STACKED: .*\(nic0a\.5\)'
to=10.9.5.1 check 'prefer: over a VLAN' server prefer "$new"
to=10.9.6.1 check 'require: a driver without TLS' server require 'NO_TLS_DRIVER: .*\(veth0a\)'
turn off
check 'require: the feature is off' server require 'FEATURE_OFF: .*\(nic0a\)'
check 'prefer: the feature is off' server prefer "$new"
turn on
check 'and on again' server prefer "$old"
in_a ethtool -K nic0a tx off rx off >/dev/null
check 'require: checksums are off' server require 'CHECKSUM_OFF: .*\(nic0a\)'
in_a ethtool -K nic0a tx on rx on >/dev/null

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
check 'all of it can go' nicsim_remove

tap_done
