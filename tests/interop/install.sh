#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What "make install" puts where, that programs can be built with it, and that "make uninstall" takes
# all of it away but the configuration.

set -u
# shellcheck source=tests/harness/tap.sh
. tests/harness/tap.sh

build=${KTLS_BUILD:-build}
dir=$(mktemp -d /tmp/ktlsd-install-XXXXXX)
root=$dir/root
trap 'rm -rf "$dir"' EXIT

run_make() {
	env -u MAKEFLAGS -u MAKELEVEL make -s BUILD="$build" DESTDIR="$root" PREFIX=/usr "$@"
}

check 'it installs' run_make install

installed() {
	local f

	for f in sbin/ktlsd sbin/ktlsctl sbin/ktls-setup bin/ktlsrun bin/ktls-bench share/man/man1/ktls-bench.1 \
		lib/ktlsd/libktlsrun.so share/man/man1/ktlsrun.1 lib/libktls.so.0 lib/libktls-handshake.a \
		include/ktls.h lib/pkgconfig/libktls.pc share/man/man8/ktlsd.8 share/man/man8/ktlsctl.8 \
		share/man/man5/ktlsd.conf.5 lib/systemd/system/ktlsd.service lib/systemd/system/ktlsd.socket; do
		[ -s "$root/usr/$f" ] || { echo "no $f"; return 1; }
	done
	[ -s "$root/etc/ktlsd/ktlsd.conf" ]
}
check 'everything is there' installed
check 'nothing was left to be filled in' bash -c "! grep -rnI '@[A-Z]*@' '$root/usr/lib'/*/"

flags() {
	PKG_CONFIG_PATH=$root/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root pkg-config "$@"
}

# The examples, as a reader would build them.
builds() {
	# shellcheck disable=SC2046
	cc -D_GNU_SOURCE -o "$dir/fileserver" "$root/usr/share/doc/ktlsd/examples/fileserver.c" \
		$(flags --cflags --libs libktls-handshake) &&
		LD_LIBRARY_PATH=$root/usr/lib ldd "$dir/fileserver" | grep "$root/usr/lib/libktls.so.0"
}
check 'a program is built with the shared libraries' builds

needs_libc_only() {
	! readelf -d "$root/usr/lib/libktls.so.0" | grep NEEDED | grep -v 'libc.so.6'
}
check 'libktls needs nothing but libc' needs_libc_only

# It looks for the library before it looks for ktlsd.
finds_its_library() {
	"$root/usr/bin/ktlsrun" --socket "$dir/none" --listen 443=web -- true 2>&1 | tee "$dir/said"
	grep -q 'ktlsrun: ktlsd: ' "$dir/said"
}
check 'ktlsrun finds its library' finds_its_library

measures() {
	"$root/usr/bin/ktls-bench" run -q -m tcp -r 1 --bytes 64K --warmup 0 >"$dir/said" 2>&1
	cat "$dir/said"
	grep -q 'plain TCP' "$dir/said"
}
check 'ktls-bench measures' measures

# The sample, with everything in it that is commented out, has no unknown key.
sample() {
	local sample=$dir/ktlsd.conf

	sed 's/^#\([a-z\[]\)/\1/; s/www-data/root/; s/tls-servers, 1234/root/; s/tls-clients/root/
		s/^user = .*/user = daemon/; s/socket-group = .*/socket-group = root/
		s/^client-auth = none/client-auth = request/
		s|/etc/ktlsd/clients-ca.pem|'"$dir"'/certs/ca.pem|
		s|/etc/ktlsd/clients-ca.crl|'"$dir"'/certs/ca.crl|
		s|/etc/ktlsd/servers-ca.crl|'"$dir"'/certs/ca.crl|
		s|/etc/ktlsd/tickets|'"$dir"'/tickets|
		s|/etc/ktlsd/server|'"$dir"'/certs/p256|' Documentation/ktlsd.conf >"$sample"
	"$build/tests/tools/certs" "$dir/certs"
	mkdir "$dir/tickets"
	(umask 077; head -c 32 /dev/urandom >"$dir/tickets/current")
	"$root/usr/sbin/ktlsd" --check-config --config "$sample"
}
check 'the sample configuration is right, every line of it' sample

unconfigured() {
	! "$root/usr/sbin/ktlsd" --config "$root/etc/ktlsd/ktlsd.conf" 2>"$dir/said"
	cat "$dir/said"
	grep -q 'no profile: add a section' "$dir/said"
}
check 'as installed, ktlsd says what is missing' unconfigured

echo '# mine' >>"$root/etc/ktlsd/ktlsd.conf"
check 'it installs again' run_make install
check 'and leaves the configuration alone' grep -q '^# mine' "$root/etc/ktlsd/ktlsd.conf"
check 'it uninstalls' run_make uninstall

gone() {
	[ "$(find "$root" -type f -o -type l)" = "$root/etc/ktlsd/ktlsd.conf" ]
}
check 'and nothing is left but the configuration' gone

tap_done
