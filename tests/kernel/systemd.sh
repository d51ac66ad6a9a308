#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The units under systemd: ktlsd with all that its service takes from it, started by who asks for it,
# and a server whose listening socket is the service manager's. systemd is the first process of a
# PID namespace, with our units alone; what is written to /etc, /run, /srv and /usr/local is gone with
# a mount namespace.

if [ -n "${KTLS_VM:-}" ] && [ -z "${KTLS_OWN_MOUNTS:-}" ]; then
	KTLS_OWN_MOUNTS=1 exec unshare --mount "$0"
fi
needs='openssl systemctl systemd-sysusers'
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
[ -n "${KTLS_VM:-}" ] || tap_skip_all 'not in the VM'

units=/run/units log=/run/ktlsd.log
socket=/run/ktlsd/ktlsd.sock
certs=${KTLS_CERTS:-$dir/certs}
[ -n "${KTLS_CERTS:-}" ] || "$build/tests/tools/certs" "$certs"
export SYSTEMD_UNIT_PATH=$units SYSTEMD_GENERATOR_PATH=/run/none \
	SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/run/none

# ---- what "make install" puts where ----------------------------------------------------------------

mount_own() {
	mount -t tmpfs run /run && mkdir /run/etc /run/work &&
		mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/work etc /etc &&
		mount -t tmpfs local /usr/local && mount -t tmpfs srv /srv
}

# There is no journal: what a service says is in a file.
unit() {
	local text

	text=$(<"$1")
	text=${text//@SBINDIR@//usr/local/bin}
	printf '%s\n' "${text//@SYSCONFDIR@//etc}" >"$units/${1##*/}"
	printf '[Service]\nStandardError=append:/run/%s.log\n' "$2" >"$units/${1##*/}.d/log.conf"
}

install_all() {
	local target program

	mkdir -p "$units"/{ktlsd,fileserver}.service.d /usr/local/bin /srv/files /etc/ktlsd &&
		cp "$certs"/p256.{pem,key} "$certs/ca.pem" /etc/ktlsd &&
		cp kernel-setup/ktlsd.socket Documentation/examples/fileserver.socket "$units" || return
	for program in ktlsd examples/fileserver; do
		: >"/usr/local/bin/${program##*/}"
		mount --bind "$build/$program" "/usr/local/bin/${program##*/}" || return
	done
	printf '%s\n' {1..5000} >/srv/files/numbers
	unit kernel-setup/ktlsd.service ktlsd
	unit Documentation/examples/fileserver.service fileserver
	for target in sysinit basic sockets multi-user shutdown; do
		printf '[Unit]\nDefaultDependencies=no\n' >"$units/$target.target"
	done
	cat >"$units/all.target" <<-END
		[Unit]
		DefaultDependencies=no
		Requires=ktlsd.socket fileserver.socket
	END
	cat >/etc/ktlsd/ktlsd.conf <<-END
		[ktlsd]
		workers = 1
		[profile web]
		certificate = /etc/ktlsd/p256.pem
		key = /etc/ktlsd/p256.key
		tls-min = 1.2
		server-users = www-data
	END
}

check 'folders that go' mount_own
check 'all is in place' install_all
check 'the user and the group are made' systemd-sysusers "$PWD"/kernel-setup/ktlsd.sysusers

# ---- ktlsd.socket ----------------------------------------------------------------------------------

# Of the first process of a machine: neither its name nor the kernel's settings are changed here.
# shellcheck disable=SC2016 # the inner shell's
start systemd env container=other unshare --pid --fork --kill-child --cgroup --uts --mount-proc \
	sh -c 'mount -o bind,ro /proc/sys /proc/sys && exec "$@"' sh \
	/lib/systemd/systemd --unit=all.target --log-target=console --log-level=info --show-status=no
# Of SIGTERM unshare takes no notice.
trap 'kill -KILL "${pids[0]}"; cleanup 2>/dev/null' EXIT
# Sockets are there before systemd takes orders.
until_true [ -S /run/systemd/private ] >/dev/null
read -r manager <"/proc/${pids[0]}/task/${pids[0]}/children"
# It takes orders from processes that it can see.
ctl() { nsenter -t "$manager" -p -m systemctl "$@"; }
if ! check 'the socket unit has made the socket' until_true [ -S $socket ]; then
	tap_diag "$(cat "$dir/systemd.log")"
	tap_done
fi
check 'for root and the group' [ "$(stat -c '%U %G %a' $socket)" = 'root ktls 660' ]
check 'ktlsd is not there yet' [ ! -e "$log" ]

# It asks ktlsd first, and then finds no server.
greeted() {
	setpriv --reuid=65534 --regid=ktls --clear-groups "$build/examples/hello" 1 2>&1 |
		grep 'hello: connecting'
}
# Not the first time, where the emulated CPU takes longer to start it than a greeting may take.
check 'one of the group finds ktlsd started' until_true greeted
check 'systemd knows that it is ready' [ "$(ctl show -P ActiveState ktlsd)" = active ]

# No warnings: nothing that a role needs was taken away.
said_nothing_else() {
	cat "$log"
	grep -q 'ready:' "$log" && ! grep -v 'ready:\|ktlsd: kernel TLS' "$log"
}
check 'its service has left it all that it needs' said_nothing_else

# ---- fileserver.socket -----------------------------------------------------------------------------

get() {
	printf 'GET /numbers HTTP/1.0\r\n\r\n' | timeout 60 openssl s_client -quiet -tls1_2 \
		-connect localhost:443 -servername localhost -CAfile /etc/ktlsd/ca.pem \
		-verify_return_error >"$dir/said" 2>"$dir/client"
	body <"$dir/said" >"$dir/got"
	cmp "$dir/got" /srv/files/numbers && return
	head -n 5 "$dir/said" "$dir/client" /run/fileserver.log
	return 1
}
check 'the server is not there yet' [ ! -e /run/fileserver.log ]
check 'a client of its socket unit gets its file' get
check 'with records of the kernel' grep -q 'tx sw, rx sw' /run/fileserver.log

sed -i 's/^tls-min/hardware = require\n&/' /etc/ktlsd/ktlsd.conf
check 'a restart of ktlsd, whose profile requires a device now' ctl restart ktlsd
get >/dev/null 2>&1
# Who may not look would say so.
check 'both socket units go on, and the netlink role asks the kernel' \
	until_true grep -q 'HARDWARE_UNAVAILABLE.*LOOPBACK' "$log"
tap_diag "$(tail -n 4 "$log")"
tap_done
