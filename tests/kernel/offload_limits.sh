#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A peer that takes short records only and says so (record_size_limit, RFC 8449): GnuTLS, with
# connections whose records are the kernel's, and with some whose are an emulated device's
# (kernel-setup/nicsim). What was on the wire is what GnuTLS says it has received. A kernel that
# cannot shorten records has a ktlsd that leaves the extension alone, so that nothing is promised.
# ktlsd is in a, and GnuTLS in b.

needs='ip ethtool gnutls-cli gnutls-serv'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
# shellcheck source=tests/harness/nicsim.sh
. tests/harness/nicsim.sh

limit=1000
use_certs
# Lines of text, for gnutls-serv; two records and more, where they have their full length.
head -c 30000 /dev/urandom | base64 >"$dir/file"
size=$(stat -c %s "$dir/file")
sum=$(sha256sum "$dir/file" | cut -c1-64)
printf 'GET /file HTTP/1.0\r\n\r\n' >"$dir/request"
limits=false
! kernel_can max_payload || limits=true

ktlsd_conf 'workers = 1'
for policy in any require; do
	ktlsd_profile "$policy" 'tls-min = 1.2' "hardware = $policy"
done

check 'the emulated device is there' nicsim_pair_offloading
start ktlsd ip netns exec a "$build/ktlsd" --config "$dir/ktlsd.conf"
declare -A ports=([any]=4471 [require]=4472)
declare -A with=([any]='version=TLS1.3 .*tx=sw rx=sw' [require]='version=TLS1.2 .*tx=hw rx=hw')
start gnutls ip netns exec b gnutls-serv --debug 5 --recordsize "$limit" --echo --port 4473 \
	--disable-client-cert --x509certfile "$certs/p256.pem" --x509keyfile "$certs/p256.key"
gnutls=${pids[-1]}
check 'ktlsd starts' until_true grep -q ready: "$dir/ktlsd.log"
for policy in any require; do
	start "$policy" ip netns exec a "$build/tests/tools/ktlspeer" server --host 10.9.0.1 \
		--port "${ports[$policy]}" --socket "$dir/ktlsd.sock" --profile "$policy" --http "$dir/file"
	until_true listens "${ports[$policy]}" "${pids[-1]}"
done
until_true listens 4473 "$gnutls"

# kept LOG LINE: from that line on, GnuTLS has agreed on a limit, and each record of data it was sent
# keeps to it: besides a nonce of 8 bytes in TLS 1.2 or a type of one in 1.3 it has a tag of 16. Where
# the kernel has no limits nothing was agreed on, and there are records as long as ever.
kept() {
	local longest agreed=no

	longest=$(tail -n "+$2" "$1" | sed -n 's/.*Application Data packet received.*length: //p' |
		sort -n | tail -n 1)
	! tail -n "+$2" "$1" | grep -q 'record_size_limit [0-9]* negotiated' || agreed=yes
	echo "agreed: $agreed; the longest record: $longest"
	if $limits; then
		[ $agreed = yes ] && [ "$longest" -gt "$limit" ] && [ "$longest" -le $((limit + 1 + 8 + 16)) ]
	else
		[ $agreed = no ] && [ "$longest" -gt 16384 ]
	fi
}

said() {
	tail -n 1 "$dir/$1.log" | grep -q "${with[$1]}"
}

# client POLICY: gnutls-cli gets the file, in short records.
client() {
	in_b timeout 120 gnutls-cli --debug 5 --recordsize "$limit" --logfile="$dir/gnutls-cli.$1" \
		--x509cafile="$certs/ca.pem" --port "${ports[$1]}" --sni-hostname localhost \
		--verify-hostname localhost 10.9.0.1 <"$dir/request" >"$dir/answer" 2>"$dir/records"
	cat "$dir/gnutls-cli.$1" >>"$dir/records"
	body <"$dir/answer" | cmp - "$dir/file" || { tail -n 20 "$dir/records"; return 1; }
	kept "$dir/records" 1 && until_true said "$1"
}

# server POLICY: gnutls-serv is sent the file, in short records, and sends it back.
server() {
	local before

	before=$(wc -l <"$dir/gnutls.log")
	in_a timeout 120 "$build/tests/tools/ktlspeer" client 10.9.0.2:4473 --socket "$dir/ktlsd.sock" \
		--name localhost --profile "$1" --send-file "$dir/file" --expect "$size" >"$dir/said" 2>&1
	cat "$dir/said"
	grep -q "${with[$1]}.* received=$size .*sha256=$sum" "$dir/said" &&
		kept "$dir/gnutls.log" $((before + 1))
}

check "gnutls-cli, the kernel's records" client any
check "gnutls-cli, the device's records" client require
check "gnutls-serv, the kernel's records" server any
check "gnutls-serv, the device's records" server require
for _ in "${pids[@]}"; do stop_last; done
check 'all of it can go' nicsim_remove

tap_done
