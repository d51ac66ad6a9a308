#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A bond of two emulated network devices that do TLS (kernel-setup/nicsim): which connections through
# it they have, what ktlsd says of that before and after, and what ktls-setup says. ktlsd is in a, and
# OpenSSL's clients in b.
#
#	a: bond0 10.9.0.1 of nic0a, nic1a ------------ b: bond0 10.9.0.2 of nic0b, nic1b

needs='ip ethtool openssl'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
# shellcheck source=tests/harness/nicsim.sh
. tests/harness/nicsim.sh

setup=$build/ktls-setup
certs=${KTLS_CERTS:-$dir/certs}
[ -n "${KTLS_CERTS:-}" ] || "$build/tests/tools/certs" "$certs"
head -c 300000 /dev/urandom >"$dir/file"
printf 'GET /file HTTP/1.0\r\n\r\n' >"$dir/get"
{ printf 'PUT /file HTTP/1.0\r\nContent-Length: 300000\r\n\r\n'; cat "$dir/file"; } >"$dir/put"

# bond NAMESPACE ADDRESS DEVICE DEVICE MODE...: they may not be up when it gets them.
bond() {
	local name=$1 address=$2 one=$3 two=$4

	shift 4
	ip -n "$name" link add bond0 type bond "$@" miimon 20 && ip -n "$name" -batch - <<-END
		link set lo up
		link set $one down
		link set $two down
		link set $one master bond0
		link set $two master bond0
		address add $address dev bond0
		link set bond0 up
	END
}

spread='mode balance-xor xmit_hash_policy layer3+4'
connected() { [ "$(ip netns exec "$1" cat "/sys/class/net/$2/carrier" 2>&1)" = "$3" ]; }

bonds() {
	modprobe bonding max_bonds=0 && nicsim_load 2 &&
		nicsim_namespace a nic0a nic1a && nicsim_namespace b nic0b nic1b || return
	# shellcheck disable=SC2086 # words
	bond a 10.9.0.1/24 nic0a nic1a $spread && bond b 10.9.0.2/24 nic0b nic1b $spread &&
		until_true connected a nic1a 1 && until_true connected b bond0 1
}

turn() { in_a ethtool -K "$1" tls-hw-tx-offload "$2" tls-hw-rx-offload "$2" >/dev/null; }
counter() { echo $(($(nicsim_counter a nic0a "$1") + $(nicsim_counter a nic1a "$1"))); }

check 'two bonds of two emulated devices each' bonds

# ---- what ktls-setup says ------------------------------------------------------------------------

# shows LINE...: all of these are said of the bond.
shows() {
	local line

	in_a "$setup" offload show bond0 >"$dir/out" 2>&1
	cat "$dir/out"
	for line; do grep -qF -- "$line" "$dir/out" || return; done
}

check 'a bond, and its devices, none of which has it on' shows 'bond0 (bonding) of nic0a, nic1a' \
	'sending    off        through nic0a: can be turned on: ktls-setup offload on nic0a tx'
turn nic0a on
check 'the other has it off' shows 'receiving  off        through nic1a: can be turned on'
refuses_bond() { ! in_a "$setup" offload on bond0 2>"$dir/out" && grep -q 'is a bond' "$dir/out"; }
check 'it cannot be turned on for a bond' refuses_bond
turn nic1a on
check 'all have it on: but that is dangerous' shows \
	'sending    on         in the clear once a device of it goes down: ktls-setup offload off nic' \
	'receiving  on'

# ---- ktlsd, and a server of each policy ----------------------------------------------------------

printf '[ktlsd]\nsocket = %s\nsocket-mode = 0666\nworkers = 1\n' "$dir/ktlsd.sock" >"$dir/ktlsd.conf"
for policy in any prefer require; do
	cat >>"$dir/ktlsd.conf" <<-END
		[profile $policy]
		certificate = $certs/p256.pem
		key = $certs/p256.key
		server-users = root
		tickets = 0
		tls-min = 1.2
		hardware = $policy
	END
done
start ktlsd ip netns exec a "$build/ktlsd" --config "$dir/ktlsd.conf"
check 'ktlsd starts' until_true grep -q ready: "$dir/ktlsd.log"
declare -A ports=([any]=4431 [prefer]=4432 [require]=4433)
for policy in "${!ports[@]}"; do
	start "$policy" ip netns exec a "$build/tests/tools/ktlspeer" server --host 10.9.0.1 \
		--port "${ports[$policy]}" --socket "$dir/ktlsd.sock" --profile "$policy" --http "$dir/file"
	until_true listens "${ports[$policy]}" "${pids[-1]}"
done

# server POLICY LINE OPTION...: what the server of the policy says of a client with these options, who
# gets the file where that begins with a version; what is put comes back.
server() {
	local policy=$1 line=$2 log=$dir/$1.log before said=

	shift 2
	mapfile -t before <"$log"
	in_b timeout 60 openssl s_client -quiet -connect "10.9.0.1:${ports[$policy]}" \
		-servername localhost -CAfile "$certs/ca.pem" -verify_return_error "$@" \
		<"$dir/${request:-get}" 2>"$dir/err" | body >"$dir/got"
	until_true ended ${#before[@]} "$log"
	echo "$said"
	[[ $said =~ $line ]] || { tail -n 3 "$dir/err"; return 1; }
	[[ $line != version* ]] || cmp "$dir/got" "$dir/file"
}

hw='version=TLS1.2 .*tx=hw rx=hw .*no-hw=NONE,NONE'
rx='version=TLS1.2 .*tx=sw rx=hw .*no-hw=BOND,NONE'
new='version=TLS1.3 .*no-hw=VERSION,VERSION'
gcm='-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256'

# Their data may end in the clear (Documentation/offload.md): that is for nobody to want.
check 'require: it would send' server require 'BOND: .*\(bond0\)'
check 'prefer: it would send' server prefer "$new"
# shellcheck disable=SC2086 # words
request=put check 'any: one of the devices has it all the same' server any "$hw" $gcm
check 'as the kernel has counted' test "$(nicsim_stat a TlsTxDevice)" -eq 1 -a \
	"$(nicsim_stat a TlsRxDevice)" -eq 1
check 'and the device' test "$(counter tx_tls_encrypted_bytes)" -gt 200000
check 'and what came, it has decrypted' test "$(counter rx_tls_decrypted_bytes)" -gt 0

# ---- devices that differ -------------------------------------------------------------------------

turn nic1a off
check 'require: one of the devices would send' server require 'BOND: .*\(bond0\)'
check 'prefer: one of the devices would send' server prefer "$new"

# These ports go by one device each, whatever the kernel makes of the bits above the last two.
either() {
	local port hw=0 before

	for port in 40000 40003; do
		before=$(nicsim_stat a TlsTxDevice)
		# shellcheck disable=SC2086 # words
		server any 'version=TLS1.2' $gcm -bind "10.9.0.2:$port" >"$dir/out" ||
			{ cat "$dir/out"; return 1; }
		cat "$dir/out"
		if [ "$(nicsim_stat a TlsTxDevice)" -gt "$before" ]; then
			grep -q 'tx=hw rx=hw .*no-hw=NONE,NONE' "$dir/out" || return
			hw=$((hw + 1))
		else
			grep -q 'tx=sw rx=sw .*no-hw=BOND,BOND' "$dir/out" || return
		fi
	done
	[ $hw -eq 1 ]
}

check 'any: it depends on the connection, and is told as it is' either

turn nic0a off
check 'require: all have it off' server require 'FEATURE_OFF: .*\(bond0\)'
receive() { in_a ethtool -K "$1" tls-hw-tx-offload off tls-hw-rx-offload on >/dev/null; }
receive nic0a
check 'require: one of the devices would receive' server require 'BOND: .*\(bond0\)'
check 'prefer: one of the devices would receive' server prefer "$new"
ip -n a link set nic1a down
until_true connected b nic1b 0
check 'require: the other is down' server require 'BOND: .*\(bond0\)'
ip -n a link set nic1a up
until_true connected b nic1b 1
receive nic1a
check 'prefer: all would receive' server prefer "$new"
# shellcheck disable=SC2086 # words
request=put check 'any: all receive' server any "$rx" $gcm
check 'they receive only, and that is dangerous' shows \
	'receiving  on         without sending it breaks connections, and the kernel, once nic'

# ---- bonds that the kernel does not look through -------------------------------------------------

# The device that a packet takes has nothing to do with the connection.
ip -n a link set bond0 type bond xmit_hash_policy layer2
check 'layer2: said by ktls-setup' shows 'only in mode 802.3ad or balance-xor'
check 'layer2: require' server require 'STACKED: .*\(bond0\)'

ip -n a link del bond0
ip -n b link set nic1b down
check 'a bond that keeps the other for later' bond a 10.9.0.1/24 nic0a nic1a mode active-backup
until_true connected a bond0 1
before=$(nicsim_stat a TlsTxDevice)
check 'active-backup: require' server require 'STACKED: .*\(bond0\)'
check 'active-backup: prefer' server prefer "$new"
# shellcheck disable=SC2086 # words
check 'active-backup: TLS 1.2 is the kernel'"'"'s' server any \
	'version=TLS1.2 .*tx=sw rx=sw .*no-hw=STACKED,STACKED' $gcm
check 'active-backup: which has counted none' test "$(nicsim_stat a TlsTxDevice)" -eq "$before"

# ---- 802.3ad, of which a device goes in mid-transfer, and comes back --------------------------------

ip -n a link del bond0
ip -n b link del bond0
ip -n b link set nic1b up

# LACP has brought all devices together, at both ends, and they are in use.
aggregated() {
	local name

	for name in a b; do
		[ "$(ip netns exec "$name" cat /sys/class/net/bond0/bonding/ad_num_ports)" = 2 ] &&
			connected "$name" bond0 1 || return
	done
}

lacp() {
	local mode='mode 802.3ad xmit_hash_policy layer3+4 lacp_rate fast'

	# shellcheck disable=SC2086 # words
	bond a 10.9.0.1/24 nic0a nic1a $mode && bond b 10.9.0.2/24 nic0b nic1b $mode && until_true aggregated
}

check '802.3ad: LACP between the two' lacp
turn nic0a on
turn nic1a on
check '802.3ad: all have it on' shows 'sending    on' 'receiving  on'
check '802.3ad: require' server require 'BOND: .*\(bond0\)'

# What is received stops in the middle until somebody says "go"; not for long, for ktlspeer waits for
# ten seconds.
head -c 3000000 /dev/urandom >"$dir/big"
mkfifo "$dir/go"
exec {marks}<>"$dir/go"
go() { echo go >&"$marks"; }
stop() { head -c 200000; read -r _ <&"$marks"; cat; }
client() {
	# shellcheck disable=SC2086 # words
	in_b timeout 300 openssl s_client -quiet -connect "10.9.0.1:$port" -servername localhost \
		-CAfile "$certs/ca.pem" -verify_return_error $gcm 2>"$dir/err"
}

port=4434
start files ip netns exec a "$build/tests/tools/ktlspeer" server --host 10.9.0.1 --port $port \
	--socket "$dir/ktlsd.sock" --profile any --http "$dir/big"
until_true listens $port "${pids[-1]}"

arrived() { [ "$(stat -c %s "$dir/raw")" -ge "$1" ]; }
contexts() { echo $(($(nicsim_counter a "$1" tx_tls_ctx) - $(nicsim_counter a "$1" tx_tls_del))); }
encrypted() { nicsim_counter a "$1" tx_tls_encrypted_bytes; }

# The only connection goes by $device, and not by $other.
find_device() {
	device=nic0a other=nic1a
	[ "$(contexts nic0a)" -eq 1 ] || device=nic1a other=nic0a
}

# The kernel takes the records back, and then encrypts each packet for the bond and once more for the
# device below it (Documentation/offload.md): the connection does not survive that. One day it will.
came() {
	body <"$dir/raw" >"$dir/got"
	cmp "$dir/got" "$dir/big" && return
	cmp -n 190000 "$dir/got" "$dir/big" && grep 'bad record mac' "$dir/err"
}

declare -A was=([nic0a]=$(encrypted nic0a) [nic1a]=$(encrypted nic1a))
: >"$dir/raw"
client <"$dir/get" | stop >"$dir/raw" &
transfer=$!
until_true arrived 200000
find_device
ip -n a link set "$device" down
left=$(contexts "$device")
go
sent=$(encrypted "$device")
wait "$transfer"
check 'a device that sends goes down in mid-transfer: all of it comes, or it ends' came
check 'it had sent' test "$((sent - was[$device]))" -gt 0
check 'and has no keys any more' test "$left" -eq 0
check 'nor has the other, or sends any more by it' \
	test "$(encrypted "$device"),$(encrypted $other)" = "$sent,${was[$other]}"
until_true connected b "${device%a}b" 0
# shellcheck disable=SC2086 # words
request=put check 'a connection meanwhile gets the other' server any "$hw" $gcm
check 'as that has counted' test "$(encrypted $other)" -gt "${was[$other]}"
ip -n a link set "$device" up
check 'the device is back' until_true aggregated
# shellcheck disable=SC2086 # words
request=put check 'a new connection gets a device' server any "$hw" $gcm

# ---- devices that only receive ---------------------------------------------------------------------

receive nic0a
receive nic1a
{ printf 'PUT /big HTTP/1.0\r\nContent-Length: 3000000\r\n\r\n'; cat "$dir/big"; } >"$dir/whole"
# This one is never answered: a byte is missing.
{ printf 'PUT /big HTTP/1.0\r\nContent-Length: 3000001\r\n\r\n'; cat "$dir/big"; } >"$dir/short"

# drip FILE: a third of it, then little by little until somebody says "go", then the rest: ktlspeer
# always has something to wait for.
drip() {
	head -c 1000000
	until read -rt 0.2 -u "$marks" _; do head -c 1000; done
	cat
} <"$1"

decrypts() { [ $(($(nicsim_counter a "$1" rx_tls_ctx) - $(nicsim_counter a "$1" rx_tls_del))) -eq 1 ]; }
has_none() { ! decrypts "$1"; }
arrives() { [ "$(counter rx_tls_decrypted_bytes)" -ge $((decrypted + 900000)) ]; }
heard() { in_a ss -Htin state established "sport = :$port" | grep -oP 'bytes_received:\K\d+'; }
hears() { [ "$(heard)" -gt $((before + 5000)) ]; }
goes_on() { before=$(heard) && until_true hears; }

# upload FILE: begins, as far as $device has decrypted some of it.
upload() {
	decrypted=$(counter rx_tls_decrypted_bytes)
	drip "$1" | client >"$dir/raw" &
	transfer=$!
	until_true arrives
	device=nic0a
	decrypts nic0a || device=nic1a
}

# Keys stay with a device whose cable is lost.
upload "$dir/whole"
check 'an upload through a device that only receives' decrypts "$device"
ip -n b link set "${device%a}b" down
check 'the cable is lost' until_true connected a "$device" 0
check 'it goes on by the other device' goes_on
check 'the one that had it still has its keys' decrypts "$device"
decrypted=$(counter rx_tls_decrypted_bytes)
ip -n b link set "${device%a}b" up
check 'the cable is back' until_true aggregated
resumes() { [ "$(counter rx_tls_decrypted_bytes)" -gt "$decrypted" ]; }
check 'and the device decrypts again' until_true resumes
go
wait "$transfer"
body <"$dir/raw" >"$dir/got"
check 'all of it has come, and has come back' cmp "$dir/got" "$dir/big"

# When the device goes down, the server may not send any more (Documentation/offload.md): the kernel
# would not send it, and crash later. It ends before it can.
port=4435
start sink ip netns exec a "$build/tests/tools/ktlspeer" server --host 10.9.0.1 --port $port \
	--socket "$dir/ktlsd.sock" --profile any --http "$dir/big" --out "$dir/sink"
until_true listens $port "${pids[-1]}"
upload "$dir/short"
check 'an upload through such a device, once more' decrypts "$device"
ip -n a link set "$device" down
check 'the device is down, and has no keys' has_none "$device"
check 'it goes on by the other device, on the CPU' goes_on
ip -n a link set "$device" up
check 'the device is up' until_true aggregated
check 'it goes on' goes_on
go
is_whole() { [ "$(stat -c %s "$dir/sink")" -ge "$(stat -c %s "$dir/short")" ]; }
check 'it comes to its end' until_true is_whole
stop_last
wait "$transfer"
check 'all of it has come' cmp "$dir/sink" "$dir/short"

for _ in "${pids[@]}"; do stop_last; done
ip -n a link del bond0
ip -n b link del bond0
check 'all of it can go' nicsim_remove

tap_done
