#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What ktls-setup says of a kernel that can do TLS, in the states that its module may be in. Unloads the
# module and writes to /etc, so it is for the VM only.

set -u
# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

[ -n "${KTLS_VM:-}" ] || tap_skip_all 'not in the VM'

setup=${KTLS_BUILD:-build}/ktls-setup
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"; echo /sbin/modprobe >/proc/sys/kernel/modprobe; modprobe tls' EXIT

as_user() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# says STATUS LINE COMMAND...: ends with that status, and has the line
says() {
	local wanted=$1 line=$2 status

	shift 2
	"$@" >"$tmp/out" 2>&1
	status=$?
	cat "$tmp/out"
	[ "$status" -eq "$wanted" ] && grep -qxF -- "$line" "$tmp/out"
}

# has JSON-TEXT: the report of before has it
has() {
	cat "$tmp/out"
	grep -qF -- "$1" "$tmp/out" && python3 -m json.tool "$tmp/out" >/dev/null
}

lacks() {
	cat "$tmp/out"
	! grep -qF -- "$1" "$tmp/out"
}

modprobe -r tls
check 'a user is told to load the module' says 1 '      modprobe tls' as_user "$setup" check
check 'and that of all the same in JSON' says 1 '  "usable": false,' as_user "$setup" check --json
check 'with the reason' has '"reason": "KERNEL_NO_TLS"'
check 'and the state' has '"before": "available", "after": "available"'

echo /bin/false >/proc/sys/kernel/modprobe
check 'root is told how to see why it fails' says 1 '      modprobe -v tls' "$setup" check
echo /sbin/modprobe >/proc/sys/kernel/modprobe

check 'in a container the host is meant' says 1 \
	'  - the tls module is not loaded, and a container (lxc) cannot load it: to be run on its host' \
	as_user env container=lxc unshare -rpf --mount-proc "$PWD/$setup" check
check 'and nothing about its boot' lacks modules-load.d

check 'root gets it loaded' says 0 'The tls module was loaded by this check.' "$setup" check
check 'and is told how to keep it' grep -qxF '      echo tls > /etc/modules-load.d/ktls.conf' "$tmp/out"
check 'a user may use it now' says 0 '  AES-GCM-128         yes    yes    yes    yes' as_user "$setup" check
check 'and it was not loaded by that' lacks 'by this check'

mkdir -p /etc/modules-load.d
echo tls >/etc/modules-load.d/ktls.conf
check 'the advice to keep it is gone when taken' says 0 '  "usable": true,' "$setup" check --json
check 'and this is said' has '"at_boot": true'
check 'without that item' lacks modules-load.d

check 'a loopback that is down is named' says 1 '      ip link set lo up' unshare -n "$setup" check

# shellcheck disable=SC2016
check 'a kernel whose files are not here works' says 0 '  "usable": true,' \
	unshare -m bash -c 'umount /lib/modules && "$0" check --json' "$setup"
check 'and its module is seen' has '"after": "loaded"'
tap_done
