# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Much data both ways at once between two programs that know nothing of TLS (tests/tools/pour.c),
# both under ktlsrun, in every way that programs have. KTLS_BULK_BYTES (1073741824) and
# KTLS_BULK_SEED say how much and what. To be sourced; $records says who has the records, $usual how
# many bytes otherwise.

needs='ss'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh

patience=$((60 * ${KTLS_TIMEOUT_FACTOR:-1}))
[ -z "${KTLS_BULK_BYTES:-}" ] || patience=7200
bytes=${KTLS_BULK_BYTES:-$usual}

ktlsrun() {
	timeout "$patience" "$build/ktlsrun" --socket "$dir/ktlsd.sock" --records "$records" \
		--deadline 60000 "$@"
}

# pour WAY [PROFILE]: the one listens at a port that is free now, the other connects to it.
pour() {
	local port=$((10000 + RANDOM % 20000)) status

	while ss -Htan "sport = :$port" | grep -q .; do port=$((port + 1)); done
	rm -f "$dir/listen.out"
	ktlsrun --listen "$port=${2:-default}" -- "$build/tests/tools/pour" listen "$port" \
		--bytes "$bytes" --way "$1" >"$dir/listen.out" 2>&1 &
	until_true grep -qs listening "$dir/listen.out" || return
	ktlsrun --connect "$port=${2:-default}" --name "$port=localhost" -- "$build/tests/tools/pour" \
		connect "$port" --bytes "$bytes" --way "$1"
	status=$?
	wait $! || status=$?
	cat "$dir/listen.out"
	return $status
}

pour_all() {
	local way

	use_certs
	ktlsd_conf 'workers = 1'
	ktlsd_profile default "records = $records"
	ktlsd_profile worn "records = $records" 'records-per-key = 16'
	start_ktlsd
	for way in bytes vectors messages files splices mixed; do
		check "$bytes bytes each way: $way" pour "$way"
		tap_diag "$(grep seed "$dir/listen.out")"
	done
	[ "$records" != require-kernel ] || kernel_can rekey || return
	# More KeyUpdates than a peer may send at once, but for the data between them.
	[ "$bytes" -ge 4194304 ] || bytes=4194304
	check "$bytes bytes each way, and 16 records under one key: mixed" pour mixed worn
	tap_diag "$(grep seed "$dir/listen.out")"
}
