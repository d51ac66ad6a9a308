# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Network devices that do TLS, emulated (kernel-setup/nicsim), for tests in the VM; to be sourced,
# by scripts behind tap.sh.
# KTLS_NICSIM names the module, built for the kernel at hand: run-vm sees to that for tests that
# mention it. Offload is off until it is turned on.
#
# nicsim_pair: two namespaces with the two ends of a cable.
#
#	a: nic0a 10.9.0.1 ---------------------------- b: nic0b 10.9.0.2
#
# nicsim_wire: a third one forwards between them, and its own devices do no TLS: what comes by there
# is what a cable carries. No routes are needed, so that a device may go down and come back.
#
#	a: nic0a 10.9.0.1 --- wire: nic0b, nic1a --- b: nic1b 10.9.1.1

# shellcheck source=tests/harness/until.sh
. tests/harness/until.sh

[ -n "${KTLS_NICSIM:-}" ] || tap_skip_all 'no nicsim: KTLS_NICSIM names the module'

# Namespaces, and the devices in them, go a while after their names.
# nicsim_load PAIRS [PARAMETER=VALUE...]
nicsim_load() {
	! grep -q '^nicsim ' /proc/modules || until_true rmmod nicsim || return
	modprobe tls && insmod "$KTLS_NICSIM" "pairs=$1" "${@:2}"
}

# nicsim_namespace NAME DEVICE...: made where it is not there; rmmod leaves them.
nicsim_namespace() {
	local name=$1 device

	shift
	[ -e "/run/netns/$name" ] || ip netns add "$name" || return
	for device; do
		echo "link set $device netns $name"
	done | ip -batch -
}

# nicsim_pair [PARAMETER=VALUE...]
# shellcheck disable=SC2120 # by some tests
nicsim_pair() {
	nicsim_load 1 "$@" && nicsim_namespace a nic0a && nicsim_namespace b nic0b || return
	ip -n a -batch - <<-END && ip -n b -batch - <<-END
		link set lo up
		address add 10.9.0.1/24 dev nic0a
		link set nic0a up
	END
		link set lo up
		address add 10.9.0.2/24 dev nic0b
		link set nic0b up
	END
}

# The same, and the end in a does TLS.
nicsim_pair_offloading() {
	nicsim_pair && in_a ethtool -K nic0a tls-hw-tx-offload on tls-hw-rx-offload on
}

nicsim_wire() {
	nicsim_load 2 && nicsim_namespace a nic0a && nicsim_namespace wire nic0b nic1a &&
		nicsim_namespace b nic1b || return
	ip -n a -batch - <<-END || return
		link set lo up
		address add 10.9.0.1/16 dev nic0a
		address add fd09::1/64 dev nic0a nodad
		link set nic0a up
		route add default via fd09::2
	END
	ip -n b -batch - <<-END || return
		link set lo up
		address add 10.9.1.1/16 dev nic1b
		address add fd09:1::1/64 dev nic1b nodad
		link set nic1b up
		route add default via fd09:1::2
	END
	ip netns exec wire sh -ec '
		for name in ipv4/conf/all/proxy_arp ipv4/ip_forward ipv6/conf/all/forwarding; do
			echo 1 >"/proc/sys/net/$name"
		done
		for name in nic0b nic1a; do
			echo 0 >"/proc/sys/net/ipv4/neigh/$name/proxy_delay"
		done
		ip -batch - <<-END
			address add 10.9.0.2/24 dev nic0b
			address add 10.9.1.2/24 dev nic1a
			address add fd09::2/64 dev nic0b nodad
			address add fd09:1::2/64 dev nic1a nodad
			link set nic0b up
			link set nic1a up
		END'
}

nicsim_remove() {
	local name

	for name in a wire b; do
		[ ! -e "/run/netns/$name" ] || ip netns del "$name"
	done
	until_true rmmod nicsim
}

in_a() { ip netns exec a "$@"; }
in_b() { ip netns exec b "$@"; }

# nicsim_set PARAMETER=VALUE...: of the module
nicsim_set() {
	local setting

	for setting; do
		echo "${setting#*=}" >"/sys/module/nicsim/parameters/${setting%%=*}"
	done
}

# nicsim_stat NAMESPACE NAME: of /proc/net/tls_stat
nicsim_stat() {
	ip netns exec "$1" awk -v n="$2" '$1 == n { print $2 }' /proc/net/tls_stat
}

# nicsim_counter NAMESPACE DEVICE NAME: of the driver's
nicsim_counter() {
	ip netns exec "$1" ethtool -S "$2" | awk -v n="$3:" '$1 == n { print $2 }'
}
