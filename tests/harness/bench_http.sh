# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The HTTP benchmark itself, in small: every server answers rightly, and the figures are figures. To be
# sourced, with the benchmark's options in http_options, the servers that are to have rows in http_servers,
# and those of them whose records are the kernel's in http_kernel (egrep).

# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh
build=${KTLS_BUILD:-build}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

[ "$(id -u)" -eq 0 ] || tap_skip_all 'not root'
PATH=$PATH:/usr/sbin
command -v nginx >/dev/null || tap_skip_all 'nginx is not installed'

runs() {
	# shellcheck disable=SC2086,SC2154 # words
	"$build/tests/bench/http" $http_options --json "$tmp/json" >"$tmp/table" 2>"$tmp/err" ||
		{ cat "$tmp/table" "$tmp/err"; return 1; }
}

# Of each server five kinds of object.
has_rows() {
	local server n

	# shellcheck disable=SC2154
	for server in "${http_servers[@]}"; do
		n=$(grep -cF "| $server |" "$tmp/table")
		[ "$n" = 5 ] || { echo "$server: $n rows"; cat "$tmp/table"; return 1; }
	done
	[ "$(grep -c '^| [0-9c]' "$tmp/table")" = $((5 * ${#http_servers[@]})) ]
}

# No CPU time, speed or latency of zero, and nothing that went wrong.
has_figures() {
	! awk -F'|' '/^\| [0-9c]/ && ($4 + 0 <= 0 || $5 + 0 <= 0 || $7 + 0 <= 0 || $8 + 0 <= 0 || $10 != 0)' \
		"$tmp/table" | grep .
}

# Whose connections the kernel has counted, and whose it has not.
by_whom() {
	# shellcheck disable=SC2154
	! awk -F'|' -v kernel="$http_kernel" '/^\| [0-9c]/ && (($3 ~ kernel) != ($9 > 0))' "$tmp/table" | grep .
}

is_ours() {
	python3 - "$tmp/json" $((5 * ${#http_servers[@]})) <<-'END'
		import json, sys
		run = json.load(open(sys.argv[1]))
		cells = [c for c in run["cells"] if c["rounds"]]
		assert run["format"] == "ktls-bench" and len(cells) == int(sys.argv[2]), len(cells)
		for c in cells:
		    for r in c["rounds"]:
		        assert r["payload"] == "verified" and r["failures"] == 0
		        assert r["bytes"] == r["operations"] * c["workload"]["object_bytes"] > 0
		        assert 0 < r["latency_p50_ns"] <= r["latency_p99_ns"]
		codes = {w["code"] for w in run["warnings"]}
		assert "loopback" in codes and "few-rounds" in codes, codes
	END
}

warns() {
	grep -A30 '^What spoils this measurement' "$tmp/table" | grep 'over loopback' &&
		grep '^Medians of the rounds' "$tmp/table"
}

# Nobody's terminal is there to be written to.
is_quiet() {
	cat "$tmp/err"
	! grep $'\r' "$tmp/err" "$tmp/table"
}

tap_plan 7
check 'it runs' runs
check 'a row for each server and object' has_rows
check 'with figures, and none that went wrong' has_figures
check 'the records were whose they are said to be' by_whom
check 'JSON that ktls-bench reads' is_ours
check 'what spoils the measurement is said' warns
check 'progress is for terminals' is_quiet
tap_done
