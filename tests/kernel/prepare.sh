#!/bin/bash
# SPDX-License-Identifier: MIT
#
# ktls-setup prepare: what it shows, refuses, does and takes back. Unloads the module and writes to
# /etc, so it is for the VM only.

set -u
# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

[ -n "${KTLS_VM:-}" ] || tap_skip_all 'not in the VM'

setup=$PWD/${KTLS_BUILD:-build}/ktls-setup
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"; modprobe tls' EXIT
sysctls=/etc/sysctl.d/00-ktls-setup.conf
modules=/etc/modules-load.d/ktls-setup.conf
rm -f /etc/modules-load.d/ktls*.conf

as_user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

# says STATUS TEXT COMMAND...: ends with that status, and has the text.
says() {
	local wanted=$1 text=$2 status

	shift 2
	"$@" >"$tmp/out" 2>&1
	status=$?
	cat "$tmp/out"
	[ "$status" -eq "$wanted" ] && grep -qF -- "$text" "$tmp/out"
}

prepare() { "$setup" prepare "$@"; }
untouched() { [ ! -e "$sysctls" ] && [ ! -e "$modules" ] && [ ! -e /sys/module/tls ]; }
# is NAME VALUE: a sysctl
is() { [ "$(sysctl -n "$1" | tr '\t' ' ')" = "$2" ]; }

# Whatever failed before may have left its devices.
! grep -q '^nicsim ' /proc/modules || rmmod nicsim
! grep -q '^bonding ' /proc/modules || rmmod bonding
modprobe -r tls
wmem=$(sysctl -n net.ipv4.tcp_wmem | tr '\t' ' ')
raised="${wmem% *} 16777216"

check 'an argument is wrong usage' says 2 'usage: ' prepare now
check 'so is what belongs to another command' says 2 'usage: ' prepare --watch
check 'a user may see what it would do' says 0 "$wmem -> $raised" as_user "$setup" prepare --dry-run
check 'and which module is loaded' grep -Eq '^  tls +available -> loaded, loaded at boot$' "$tmp/out"
check 'and both files' grep -qxF "net.ipv4.tcp_wmem = $raised" "$tmp/out"
check 'a user cannot do it' says 1 'this needs root' as_user "$setup" prepare --yes
check 'nobody says yes' says 1 'nothing was changed; --yes says yes' prepare
check 'nor with --json' says 1 '"state": "nothing was done"' prepare --json
# shellcheck disable=SC2016
check 'a system whose /etc is read-only' says 1 "this system's configuration is not kept there" \
	unshare -m sh -c 'mount --bind /etc /etc && mount -o remount,bind,ro /etc &&
		"$0" prepare --yes' "$setup"
check 'a container is told where to do it' says 1 'this is a container (lxc)' \
	env container=lxc unshare -pf --mount-proc "$setup" prepare --yes
check 'in JSON' sh -c "env container=lxc unshare -pf --mount-proc '$setup' prepare --yes --json 2>/dev/null |
	python3 -c 'import json, sys; sys.exit(json.load(sys.stdin)[\"error\"] != \"CONTAINER\")'"
# Its files say that there is no such module, and none is loaded.
# shellcheck disable=SC2016
check 'a kernel without TLS' says 1 'this kernel was built without CONFIG_TLS' unshare -m sh -c '
	mount -t tmpfs none "/lib/modules/$(uname -r)" && touch "/lib/modules/$(uname -r)/modules.dep" &&
		"$0" prepare --yes --json' "$setup"
check 'which JSON says' grep -qF '{ "error": "NO_TLS", ' "$tmp/out"
mkdir -p /etc/sysctl.d
echo 'net.ipv4.tcp_sack = 1' >"$sysctls"
check 'a file of somebody else with our name' says 1 'was not written by ktls-setup' prepare --yes
rm "$sysctls"
check 'nothing of all that has done anything' untouched

check 'a yes does it' says 0 'done' prepare --yes
check 'the module is loaded' [ -e /sys/module/tls ]
check 'and at boot' grep -qx tls "$modules"
check 'the sysctl is raised' is net.ipv4.tcp_wmem "$raised"
check 'and at boot' grep -qxF "net.ipv4.tcp_wmem = $raised" "$sysctls"
check 'as the tool for it reads it' says 0 "net.ipv4.tcp_wmem = $raised" sysctl -p "$sysctls"
check 'which has nothing to complain of' sh -c "! grep -i 'cannot\|ignor\|invalid' '$tmp/out'"
check 'the second time nothing is to be done' says 0 'nothing is to be done' prepare
check 'in JSON' says 0 '"state": "nothing is to be done"' prepare --json
check 'which is JSON' python3 -m json.tool "$tmp/out"
if grep -q '^flags.* aes ' /proc/cpuinfo && modinfo aesni_intel >/dev/null 2>&1; then
	check 'AES instructions are used' grep -q 'driver.*aesni' /proc/crypto
fi

sysctl -qw "net.ipv4.tcp_wmem=${wmem% *} 67108864"
check 'what the administrator raised is not lowered' says 0 'nothing is to be done' prepare --yes
check 'and stays' is net.ipv4.tcp_wmem "${wmem% *} 67108864"
echo 'net.ipv4.tcp_wmem = 4096 16384 1000000' >/etc/sysctl.d/99-mine.conf
check 'what the administrator has in a file wins' says 0 \
	'left alone: /etc/sysctl.d/99-mine.conf sets it' prepare --yes
check 'and is no longer in ours' sh -c "! grep -q tcp_wmem $sysctls"
rm /etc/sysctl.d/99-mine.conf
sysctl -qw "net.ipv4.tcp_wmem=$wmem"
check 'it comes back without that file' says 0 'done' prepare --yes

check 'what would be taken back is shown' says 0 "$raised -> $wmem" prepare --remove --dry-run
check 'a user cannot take it back' says 1 'this needs root' as_user "$setup" prepare --remove --yes
check 'root can' says 0 'done' prepare --remove --yes
check 'the value is that of before' is net.ipv4.tcp_wmem "$wmem"
check 'the files are gone' sh -c "! [ -e $sysctls ] && ! [ -e $modules ]"
check 'the second time there is nothing' says 0 'nothing is to be done' prepare --remove --yes

# A sysctl that takes what is written, and keeps what it was.
# shellcheck disable=SC2016
check 'a value that the kernel does not take' says 1 'fs.pipe-user-pages-soft: the kernel made 256 of it' \
	unshare -m sh -c 'mount --bind /proc/sys/kernel/random/write_wakeup_threshold \
		/proc/sys/fs/pipe-user-pages-soft && "$0" prepare --yes' "$setup"
check 'is not what was asked for' grep -qx 'not all of it was done' "$tmp/out"
check 'and can be taken back' says 0 'done' prepare --remove --yes

modprobe -r tls
echo 'install tls /bin/false' >/etc/modprobe.d/00-none.conf
check 'a module that cannot be loaded' says 1 'tls is not loaded: modprobe -v tls says why' prepare --yes
rm /etc/modprobe.d/00-none.conf
check 'is loaded at the next boot' grep -qx tls "$modules"
check 'all of it can go' says 0 'done' prepare --remove --yes
tap_done
