#!/bin/bash
# SPDX-License-Identifier: MIT
#
# ktls-setup offload persist: what it refuses, what it writes, and that udevd does it to an emulated
# device whose driver was loaded anew. Writes to /etc, so it is for the VM only. KTLS_UDEVD is udevd.

needs='ip ethtool'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
# shellcheck source=tests/harness/nicsim.sh
. tests/harness/nicsim.sh

# The rule is root's to run: so must the program be.
setup=/usr/local/sbin/ktls-setup
install -o root -g root -m 755 "$build/ktls-setup" "$setup"
rule=/etc/udev/rules.d/85-ktls-offload-nic0a.rules
content="ACTION==\"add\", SUBSYSTEM==\"net\", KERNEL==\"nic0a\", RUN+=\"$setup offload on \$name tx\""

as_user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

# says STATUS TEXT COMMAND...: ends with that status, and has the text.
says() {
	local wanted=$1 text=$2 status

	shift 2
	"$@" >"$dir/out" 2>&1
	status=$?
	cat "$dir/out"
	[ "$status" -eq "$wanted" ] && grep -qF -- "$text" "$dir/out"
}

# error CODE COMMAND...: refused, with an object on standard output that has the code.
error() {
	"${@:2}" >"$dir/out" 2>/dev/null
	[ $? -eq 1 ] || return
	cat "$dir/out"
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
sys.exit(d["error"] != sys.argv[2] or not d["text"])' "$dir/out" "$1"
}

persist() { "$setup" offload persist "$@"; }
absent() { [ ! -e "$rule" ]; }
is_on() { ethtool -k nic0a | grep -qx "tls-hw-$1-offload: on"; }
is_off() { ethtool -k nic0a | grep -qx "tls-hw-$1-offload: off"; }

# ---- refused -------------------------------------------------------------------------------------

check 'the emulated device is there' nicsim_load 1
ip link add veth0 type veth peer name veth1
modprobe 8021q
ip link add link nic0a name nic0a.5 type vlan id 5

check 'no device is wrong usage' says 2 'usage: ' persist
check 'so is a third direction' says 2 'usage: ' persist nic0a tx both
check 'and what belongs to another command' says 2 'usage: ' "$setup" offload show --yes
check 'a device that is not there' says 1 'no such device: nic7' persist nic7 --yes
check 'a name longer than names are' says 1 'no such device' persist nic0anic0anic0anic0a --yes
check 'the loopback device' says 1 'no device is involved' persist lo --yes
check 'a driver without TLS' says 1 'the driver veth has no TLS offload here' persist veth0 --yes
check 'a vlan' says 1 'never offloaded, only those directly through nic0a' persist nic0a.5 tx --yes
check 'nobody says yes' says 1 'nothing was changed; --yes says yes' persist nic0a
check 'and nothing was' absent
check 'nor with --json' says 1 '"state": "not written"' persist nic0a --json
check 'a user' says 1 'this needs root' as_user "$setup" offload persist nic0a --yes
# shellcheck disable=SC2016
check 'a system whose /etc is read-only' says 1 "this system's configuration is not kept there" \
	unshare -m sh -c 'mount --bind /etc /etc && mount -o remount,bind,ro /etc &&
		"$0" offload persist nic0a --yes' "$setup"
install -o nobody -m 755 "$setup" "$dir/ktls-setup"
check 'a program that others can change' says 1 'others than root can change it' \
	"$dir/ktls-setup" offload persist nic0a --yes
for mode in 775 757; do
	install -o root -m "$mode" "$setup" "$dir/ktls-setup"
	check "mode $mode is such a one" says 1 'others than root can change it' \
		"$dir/ktls-setup" offload persist nic0a --yes
done
check 'which is an error in JSON' error PROGRAM "$dir/ktls-setup" offload persist nic0a --yes --json
check 'a user is' error NEEDS_ROOT as_user "$setup" offload persist nic0a --yes --json
# shellcheck disable=SC2016
check 'a system whose /etc is read-only is' error READ_ONLY \
	unshare -m sh -c 'mount --bind /etc /etc && mount -o remount,bind,ro /etc &&
		"$0" offload persist nic0a --yes --json' "$setup"
check 'a driver without TLS is' error CANNOT persist veth0 --yes --json
check 'nothing of all that has written a rule' absent

# ---- shown, and written --------------------------------------------------------------------------

check 'a user may see what it would write' says 0 "$content" \
	as_user "$setup" offload persist nic0a tx --dry-run
check 'which does not write it' absent
check 'it is said that this device is known by its name' grep -q 'has no address of its own' "$dir/out"
check 'a yes writes it' says 0 "$rule: written" persist nic0a tx --yes
check 'as it was shown' grep -qxF "$content" "$rule"
check 'readable for all' [ "$(stat -c %a "$rule")" = 644 ]
check 'the device itself is left as it is' is_off tx
check 'the second time nothing is written' says 0 "$rule: unchanged" persist nic0a tx
check 'another wish shows the old one, too' says 0 'has now:' persist nic0a off rx --dry-run
check 'in JSON' says 0 '"state": "unchanged"' persist nic0a tx --json
check 'which is JSON' python3 -m json.tool "$dir/out"

# ---- udevd ---------------------------------------------------------------------------------------

udevadm() { "$KTLS_UDEVD" "$@"; }
ip link del nic0a.5

check 'udev reads the rule' says 0 "run: '$setup offload on nic0a tx'" udevadm test /sys/class/net/nic0a
until_true rmmod nicsim
udevd() { (exec -a systemd-udevd "$KTLS_UDEVD" --debug); }
start udevd udevd
until_true [ -e /run/udev/control ]
insmod "$KTLS_NICSIM"
check 'the driver comes anew, and it is on' until_true is_on tx
check 'and only what was asked for' is_off rx
check 'the other device is not touched' \
	sh -c 'ethtool -k nic0b | grep -qx "tls-hw-tx-offload: off"'
tap_diag "$(grep -i 'ktls-setup' "$dir/udevd.log" | tail -n 5)"

check 'nobody says yes to taking it back' says 1 'nothing was changed' persist nic0a --remove
check 'a user cannot' says 1 'this needs root' as_user "$setup" offload persist nic0a --remove --yes
check 'what would go is shown' says 0 'not removed' persist nic0a --remove --dry-run
check 'the rule is still there' [ -e "$rule" ]
check 'no direction is taken back alone' says 2 'usage: ' persist nic0a tx --remove --yes
until_true rmmod nicsim
check 'it can be taken back when the device is gone' says 0 "$rule: removed" persist nic0a --remove --yes
check 'and is gone' absent
check 'the second time there is nothing' says 0 'there is no rule' persist nic0a --remove --yes
sleep 3 # so often udevd looks whether its rules have changed
insmod "$KTLS_NICSIM"
check 'the driver comes anew, and it is off' is_off tx
ip link del veth0
check 'all of it can go' until_true rmmod nicsim
tap_done
