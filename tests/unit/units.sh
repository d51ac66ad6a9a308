#!/bin/bash
# SPDX-License-Identifier: MIT
#
# That systemd understands the units as they are installed, and finds nothing in them to complain of.

set -u
# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

command -v systemd-analyze >/dev/null || tap_skip_all 'systemd is not installed'
dir=$(mktemp -d /tmp/ktlsd-units-XXXXXX)
trap 'rm -rf "$dir"' EXIT

# Programs that are not installed would be found missing, and so would pages.
for unit in kernel-setup/ktlsd.{socket,service} Documentation/examples/fileserver.{socket,service}; do
	sed -E -e 's|@SBINDIR@/ktlsd|/bin/true|; s|/usr/local/bin/fileserver|/bin/true|' \
		-e 's|@SYSCONFDIR@|/etc|' "$unit" >"$dir/${unit##*/}"
done

# What it does not know it says, and its status is 0 all the same.
clean() {
	[ -z "$(systemd-analyze verify --man=no "$@" 2>&1 | tee "$dir/said")" ] || { cat "$dir/said"; false; }
}

check 'ktlsd.service and ktlsd.socket' clean "$dir"/ktlsd.{service,socket}
check 'the example server behind a socket unit' clean "$dir"/fileserver.{service,socket}
sed -i 's/^NoNewPrivileges=/NoMorePrivileges=/' "$dir/ktlsd.service"
misspelt() { ! clean "$dir/ktlsd.service" && grep -q NoMorePrivileges "$dir/said"; }
check 'a misspelt setting is found' misspelt
tap_done
