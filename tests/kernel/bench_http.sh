#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The HTTP benchmark with all servers: nginx with and without the kernel's records beside httpd with and
# without them. Nothing is said of speed: emulated, it says nothing.

[ -n "${KTLS_VM:-}" ] || { echo '1..0 # SKIP not in the VM'; exit 0; }
# shellcheck disable=SC2034 # the sourced one's
http_options='--rounds 1 --mib 1 --big 1 --requests 10 --clients 1'
http_servers=('nginx, no TLS' 'httpd, no TLS' 'nginx, OpenSSL' 'httpd, relay'
	'nginx, kTLS' 'httpd, ktls_listen()' 'httpd, ktls_start()' 'httpd, no ktlsd')
http_kernel='kTLS|ktls_|no ktlsd'
# shellcheck source=tests/harness/bench_http.sh
. tests/harness/bench_http.sh
