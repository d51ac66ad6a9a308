# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What came of runs of ktls-bench, for tests that are shell scripts; to be sourced.

# bench_cells FILE.json: a line a cell, and a head: mode pattern direction rounds payload bytes
# operations failures tls suite server.tx.hw server.tx.sw client.rx.hw client.rx.sw missing
bench_cells() {
	python3 - "$1" <<-'END'
		import json, sys
		run = json.load(open(sys.argv[1]))
		for cell in run["cells"]:
		    rounds = cell["rounds"]
		    work = cell["workload"]
		    def total(*path):
		        n = 0
		        for value in rounds:
		            for key in path:
		                value = value[key]
		            n += value
		        return n
		    payload = rounds[0]["payload"] if rounds else "-"
		    print(cell["mode"], work["pattern"], work["direction"], len(rounds), payload,
		          total("bytes"), total("operations"), total("failures"),
		          cell["tls"].replace(" ", "") or "-", cell["suite"] or "-",
		          total("tx", "server", "hw"), total("tx", "server", "sw"),
		          total("rx", "client", "hw"), total("rx", "client", "sw"),
		          cell["missing"] or "-")
	END
}

# bench_cell MODE PATTERN [DIRECTION]: a line of $cells, "" where there is none
bench_cell() {
	awk -v m="$1" -v p="$2" -v d="${3:-}" '$1 == m && $2 == p && (d == "" || $3 == d)' "$cells"
}

# bench_is MODE PATTERN CONDITION: of awk's, on the line's fields
bench_is() {
	bench_cell "$1" "$2"
	[ -n "$(bench_cell "$1" "$2")" ] && bench_cell "$1" "$2" | awk "!($3) { exit 1 }"
}
