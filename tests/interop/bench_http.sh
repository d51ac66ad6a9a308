#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The HTTP benchmark itself, in small: every server answers rightly, and the figures are figures.

# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh
build=${KTLS_BUILD:-build}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

[ "$(id -u)" -eq 0 ] || tap_skip_all 'not root'
PATH=$PATH:/usr/sbin
command -v nginx >/dev/null || tap_skip_all 'nginx is not installed'

runs() {
	"$build/tests/bench/http" --rounds 1 --mib 1 --big 2 --requests 20 --clients 2 \
		--json "$tmp/json" >"$tmp/table" || { cat "$tmp/table"; return 1; }
}

# Of each server that runs without the kernel's TLS, five kinds of object.
has_rows() {
	local server n

	for server in 'nginx, no TLS' 'httpd, no TLS' 'nginx, OpenSSL' 'httpd, relay'; do
		n=$(grep -c "| $server |" "$tmp/table")
		[ "$n" = 5 ] || { echo "$server: $n rows"; cat "$tmp/table"; return 1; }
	done
	# No CPU time of zero, and none that went wrong.
	! awk -F'|' '/^\| [0-9c]/ && ($4 <= 0 || $9 != 0)' "$tmp/table" | grep .
}

is_ours() {
	python3 - "$tmp/json" <<-'END'
		import json, sys
		run = json.load(open(sys.argv[1]))
		cells = [c for c in run["cells"] if c["rounds"]]
		assert run["format"] == "ktls-bench" and len(cells) >= 20, len(cells)
		for c in cells:
		    for r in c["rounds"]:
		        assert r["payload"] == "verified" and r["failures"] == 0
		        assert r["bytes"] == r["operations"] * c["workload"]["object_bytes"] > 0
		        assert r["latency_p50_ns"] <= r["latency_p99_ns"]
	END
}

tap_plan 3
check 'it runs' runs
check 'a row for each server and object' has_rows
check 'JSON that ktls-bench reads' is_ours
tap_done
