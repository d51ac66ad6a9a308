#!/bin/bash
# SPDX-License-Identifier: MIT
#
# ktls-setup on the machine at hand, whatever its kernel can do.

set -u
# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

setup=${KTLS_BUILD:-build}/ktls-setup
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# status N COMMAND...: it ends with status N
status() {
	local wanted=$1

	shift
	"$@" >"$tmp/out" 2>"$tmp/err"
	[ $? -eq "$wanted" ] || { cat "$tmp/out" "$tmp/err"; return 1; }
}

refuses() {
	status 2 "$setup" "$@" && [ ! -s "$tmp/out" ] && grep -q '^usage: ktls-setup check' "$tmp/err"
}

# The value at a path of keys in the JSON report.
value() {
	python3 - "$tmp/json" "$@" <<-'END'
		import json, sys
		v = json.load(open(sys.argv[1]))
		for key in sys.argv[2:]:
		    v = v[int(key)] if isinstance(v, list) else v[key]
		print(json.dumps(v))
	END
}

is() {
	local wanted=$1 got

	shift
	got=$(value "$@")
	[ "$got" = "$wanted" ] || { echo "$*: $got"; return 1; }
}

check 'no command is refused' refuses
check 'an unknown command is refused' refuses mend
check 'an unknown option is refused' refuses check --yaml
check 'an argument too many is refused' refuses check now
check '--help is no error' status 0 "$setup" --help
check '--version is no error' status 0 "$setup" --version

"$setup" check >"$tmp/text"
code=$?
"$setup" check --json >"$tmp/json"
json_code=$?
check 'the status is 0 or 1' [ "$code" -le 1 ]
check 'the status is the same with --json' [ "$code" -eq "$json_code" ]
check 'the report is JSON' python3 -m json.tool "$tmp/json"
check 'the kernel is the one that runs' is "\"$(uname -r)\"" kernel release
check 'eight ciphers are listed' value ciphers 7 tls1.3 rx
check 'an output that is full is an error' status 2 bash -c "'$setup' check >/dev/full"

if [ "$code" -eq 0 ]; then
	check 'usable in JSON' is true usable
	check 'usable in the text' grep -q ': usable$' "$tmp/text"
	check 'the table is there' grep -Eq '^  AES-GCM-128 +yes +yes +yes +yes$' "$tmp/text"
else
	check 'not usable in JSON' is false usable
	check 'not usable in the text' grep -q ': NOT usable$' "$tmp/text"
	check 'what is missing is said' grep -q '^  - ' "$tmp/text"
	check 'and in JSON' value missing 0 command
fi
tap_done
