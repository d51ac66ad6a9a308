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

# ---- offload show: what the kernel was built with, by its types -----------------------------------

# Without CONFIG_TLS_DEVICE that is in the way of all devices, and with it of none.
built_with() {
	"$setup" offload show --json >"$tmp/out" && python3 - "$tmp/out" <<-'END'
		import json, sys
		report = json.load(open(sys.argv[1]))
		without = b"\0tlsdev_ops\0" not in open("/sys/kernel/btf/vmlinux", "rb").read()
		ways = {d["name"]: d["tx"]["obstacle"] for d in report["devices"]}
		print(without, report["kernel_unknown"], ways)
		ways = [way for way in ways.values() if way != "LOOPBACK"]
		sys.exit(report["kernel_unknown"] or any((way == "KERNEL") != without for way in ways))
	END
}

[ ! -r /sys/kernel/btf/vmlinux ] || check 'whether the kernel has TLS_DEVICE is known' built_with

# ---- offload, prepare: what is refused -----------------------------------------------------------

# refused CODE COMMAND...: status 1, a line on standard error, and with --json an object that has CODE.
refused() {
	local code=$1

	shift
	status 1 "$@" && [ ! -s "$tmp/out" ] && grep -q '^ktls-setup: ' "$tmp/err" &&
		status 1 "$@" --json && grep -q '^ktls-setup: ' "$tmp/err" || return
	cat "$tmp/out"
	python3 - "$tmp/out" "$tmp/err" "$code" <<-'END'
		import json, sys
		d = json.load(open(sys.argv[1]))
		assert sorted(d) == ["error", "text"] and d["error"] == sys.argv[3], d
		assert "ktls-setup: " + d["text"] + "\n" in open(sys.argv[2]).read(), d
	END
}

# Nobody's, even where root runs this.
as_user() {
	if [ "$(id -u)" -eq 0 ]; then
		cp "$setup" "$tmp/ktls-setup" && chmod 755 "$tmp" &&
			setpriv --reuid=65534 --regid=65534 --clear-groups "$tmp/ktls-setup" "$@"
	else
		"$setup" "$@"
	fi
}

for verb in on off show persist; do
	check "$verb: a device that is not there" refused NO_DEVICE "$setup" offload "$verb" nosuch
done
check 'nor can it be watched' refused NO_DEVICE "$setup" offload show nosuch --watch --count 1
check 'the loopback device cannot be turned on' refused CANNOT "$setup" offload on lo
check 'nor in one direction' refused CANNOT "$setup" offload on lo rx
check 'nor for good' refused CANNOT "$setup" offload persist lo
check 'a user cannot turn anything off' refused NEEDS_ROOT as_user offload off lo
check 'a name that is too long' refused NO_DEVICE "$setup" offload persist nosuchnosuchnosuch
if [ "$(id -u)" -eq 0 ] && unshare -pf --mount-proc true 2>/dev/null; then
	check 'a container is not prepared' refused CONTAINER \
		env container=lxc unshare -pf --mount-proc "$setup" prepare --yes
fi

for wrong in on off 'on lo both' 'on lo tx rx tx' 'flip lo' 'show lo lo' 'on lo --yes' 'off lo --dry-run' \
	'on lo --remove' persist 'persist lo tx both'; do
	# shellcheck disable=SC2086 # several words
	check "offload $wrong: wrong usage" refuses offload $wrong
done

# ---- offload show --watch: counters are those of whatever kernel this is -------------------------

watch() { "$setup" offload show --watch --interval 0.05 "$@"; }
lines() { [ "$(wc -l <"$tmp/out")" -eq "$1" ]; }

# stopped SIGNAL: it ends without an error, and has written nothing but whole lines.
stopped() {
	local pid status

	rm -f "$tmp/out"
	# Shells start what is in the background without SIGINT.
	env --default-signal "$setup" offload show --watch --interval 0.05 --json >"$tmp/out" &
	pid=$!
	until [ -s "$tmp/out" ]; do sleep 0.05; done
	kill -s "$1" "$pid"
	wait "$pid"
	status=$?
	[ "$status" -eq 0 ] && while read -r line; do
		python3 -m json.tool <<<"$line" || return
	done <"$tmp/out"
}

check 'watching ends after as many times as wanted' status 0 watch --count 2 --json
check 'with a line for each' lines 2
check 'which are JSON' sh -c "tail -n 1 '$tmp/out' | python3 -m json.tool"
check 'it has a block for each, too' status 0 watch --count 3
check 'with a line between them' [ "$(grep -cx '' "$tmp/out")" -eq 2 ]
check 'one device can be watched' status 0 watch lo --count 1
check 'one that is not there cannot' status 1 watch nosuch --count 1
for wrong in '--count 0' '--count x' '--interval 0' '--interval nan' '--interval 1s' '--interval -1'; do
	# shellcheck disable=SC2086 # two words
	check "$wrong is refused" refuses offload show --watch $wrong
done
check 'an interval without watching is refused' refuses offload show --interval 1
check 'so is watching what is turned on' refuses offload on lo --watch
for signal in INT TERM HUP; do
	check "SIG$signal ends it" stopped "$signal"
done
survives() {
	local pid from

	rm -f "$tmp/out"
	nohup "$setup" offload show --watch --interval 0.05 --json >"$tmp/out" 2>/dev/null &
	pid=$!
	until [ -s "$tmp/out" ]; do sleep 0.05; done
	kill -HUP "$pid"
	from=$(wc -l <"$tmp/out")
	until [ "$(wc -l <"$tmp/out")" -gt $((from + 2)) ]; do sleep 0.05; done
	kill "$pid"
	wait "$pid"
}
check 'but SIGHUP does not under nohup' survives
check 'a reader that goes ends it' bash -o pipefail -c "'$setup' offload show --watch --interval 0.05 | head -n 1"
check 'an output that is full is an error' status 2 \
	bash -c "'$setup' offload show --watch --interval 0.05 >/dev/full"
tap_done
