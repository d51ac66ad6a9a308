#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The example server httpd where an emulated device (kernel-setup/nicsim) has its records, and files go
# there without a copy: httpd and ktlsd are in namespace a, its clients in b.

needs='ip ethtool curl openssl ss'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
# shellcheck source=tests/harness/nicsim.sh
. tests/harness/nicsim.sh

use_certs
mkdir "$dir/www"
head -c 300000 /dev/urandom >"$dir/www/file"
head -c 5000 /dev/urandom >"$dir/www/small"

ktlsd_conf 'workers = 1'
ktlsd_profile default 'tls-min = 1.2'

check 'the emulated device is there' nicsim_pair_offloading
start ktlsd ip netns exec a "$build/ktlsd" --config "$dir/ktlsd.conf"
check 'ktlsd is ready' until_true grep -q ready: "$dir/ktlsd.log"
sw=$(nicsim_stat a TlsTxSw) # it has tried what the kernel can do

# httpd NAME PORT OPTION...
httpd() {
	start "$1" ip netns exec a "$build/examples/httpd" --workers 1 --verbose --timeout 240 \
		--socket "$dir/ktlsd.sock" "${@:3}" "$2" "$dir/www"
	check "$1: starts" until_true listens "$2" "${pids[-1]}"
}

httpd require 4461 --hardware require --zerocopy
httpd prefer 4462 --hardware prefer --zerocopy --start
httpd copies 4463 --hardware require

# Three answers by one connection.
gets() {
	local url=https://localhost:$1

	in_b curl -sS -m 240 --cacert "$certs/ca.pem" --resolve "localhost:$1:10.9.0.1" \
		-o "$dir/got.1" "$url/small" -o "$dir/got.2" "$url/file" -o "$dir/got.3" "$url/small" &&
		cmp "$dir/got.1" "$dir/www/small" && cmp "$dir/got.2" "$dir/www/file" &&
		cmp "$dir/got.3" "$dir/www/small"
}

# keeps PORT: gets the file, and leaves in ss what the kernel says of the connection that goes on.
keeps() {
	local pid status=0

	mkfifo "$dir/requests.$1"
	in_b openssl s_client -quiet -no_ign_eof -connect "10.9.0.1:$1" -servername localhost \
		-CAfile "$certs/ca.pem" -verify_return_error \
		<"$dir/requests.$1" >"$dir/answer" 2>"$dir/err" &
	pid=$!
	exec 8>"$dir/requests.$1"
	printf 'GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n' >&8
	until_true has_come && in_a ss -Htin "sport = :$1" >"$dir/ss" || status=1
	exec 8>&-
	wait "$pid"
	cat "$dir/ss" "$dir/err"
	return $status
}

has_come() {
	body <"$dir/answer" | cmp - "$dir/www/file"
}

without_a_copy() {
	keeps "$1" && grep -q zc_ro_tx "$dir/ss"
}

with_a_copy() {
	keeps "$1" && grep -q 'txconf: hw' "$dir/ss" && ! grep -q zc_ro_tx "$dir/ss"
}

check 'a device is required: three files' gets 4461
check 'and they are not copied' without_a_copy 4461
check 'a device is preferred: three files' gets 4462
check 'and they are not copied' without_a_copy 4462
check 'nobody asked for that: a file is copied' with_a_copy 4463

shrinks() {
	local pid size

	yes 'a line of it' | head -c 30000000 >"$dir/whole"
	cp "$dir/whole" "$dir/www/shrinking"
	printf 'GET /shrinking HTTP/1.1\r\nHost: localhost\r\n\r\n' >"$dir/request"
	rm -f "$dir/answer"
	ip netns exec b openssl s_client -quiet -connect "10.9.0.1:$1" \
		-servername localhost -CAfile "$certs/ca.pem" -verify_return_error \
		<"$dir/request" >"$dir/answer" 2>"$dir/err" &
	pid=$!
	until_true [ -s "$dir/answer" ] || return
	kill -STOP "$pid"
	truncate -s 2000000 "$dir/www/shrinking"
	kill -CONT "$pid"
	wait "$pid"
	cat "$dir/err"
	body <"$dir/answer" >"$dir/got"
	size=$(stat -c %s "$dir/got")
	echo "$size bytes have come"
	[ "$size" -ge 2000000 ] && [ "$size" -lt 30000000 ] && cmp -n "$size" "$dir/got" "$dir/whole"
}

check 'a file that shrinks: what there was of it, and the end' shrinks 4463

# ---- who had the records -------------------------------------------------------------------------

counted() {
	nicsim_stat a TlsTxDevice
	[ "$(nicsim_stat a TlsTxDevice)" -eq 6 ] && [ "$(nicsim_stat a TlsTxSw)" -eq "$sw" ] &&
		[ "$(nicsim_stat a TlsDecryptError)" -eq 0 ]
}

all_hw() {
	cat "$dir"/{require,prefer,copies}.log >"$dir/all"
	cat "$dir/all"
	[ "$(grep -c 'TLS 1.2 .*tx hw, rx hw' "$dir/all")" -eq 6 ] &&
		[ "$(grep -c 'tx [a-z]*, rx' "$dir/all")" -eq 6 ]
}

# Five times the file, and some of another; a device leaves to the kernel what is sent again.
encrypted() {
	nicsim_counter a nic0a tx_tls_encrypted_bytes
	[ "$(nicsim_counter a nic0a tx_tls_encrypted_bytes)" -gt 1300000 ]
}

check 'the kernel has counted six connections of the device' counted
check 'which is what the servers have been told' all_hw
check 'and the device has encrypted them' encrypted
for _ in "${pids[@]}"; do stop_last; done
check 'all of it can go' nicsim_remove

tap_done
