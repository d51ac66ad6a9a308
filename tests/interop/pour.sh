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

configure() {
	"$build/tests/tools/certs" "$dir"
	cat >"$dir/ktlsd.conf" <<-END
		[ktlsd]
		socket = $dir/ktlsd.sock
		socket-group = $(id -gn)
		workers = 1
		[profile default]
		certificate = $dir/p256.pem
		key = $dir/p256.key
		trust = $dir/ca.pem
		server-users = $(id -un)
		client-users = $(id -un)
		$([ "$records" = require-kernel ] || echo "records = $records")
	END
}

ktlsrun() {
	timeout "$patience" "$build/ktlsrun" --socket "$dir/ktlsd.sock" --records "$records" \
		--deadline 60000 "$@"
}

# pour WAY: the one listens at a port that is free now, the other connects to it.
pour() {
	local port=$((10000 + RANDOM % 20000)) status

	while ss -Htan "sport = :$port" | grep -q .; do port=$((port + 1)); done
	rm -f "$dir/listen.out"
	ktlsrun --listen "$port=default" -- "$build/tests/tools/pour" listen "$port" \
		--bytes "$bytes" --way "$1" >"$dir/listen.out" 2>&1 &
	until_true grep -qs listening "$dir/listen.out" || return
	ktlsrun --connect "$port=default" --name "$port=localhost" -- "$build/tests/tools/pour" \
		connect "$port" --bytes "$bytes" --way "$1"
	status=$?
	wait $! || status=$?
	cat "$dir/listen.out"
	return $status
}

pour_all() {
	local way

	configure
	start_ktlsd
	for way in bytes vectors messages files splices mixed; do
		check "$bytes bytes each way: $way" pour "$way"
		tap_diag "$(grep seed "$dir/listen.out")"
	done
}
