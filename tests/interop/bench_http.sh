#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The HTTP benchmark with the servers that need no kernel TLS.

# shellcheck disable=SC2034 # the sourced one's
http_options='--rounds 1 --mib 1 --big 2 --requests 20 --clients 2'
http_servers=('nginx, no TLS' 'httpd, no TLS' 'nginx, OpenSSL' 'httpd, relay')
http_kernel='^$'
if [ -r /proc/net/tls_stat ]; then
	http_servers+=('nginx, kTLS' 'httpd, ktls_listen()' 'httpd, ktls_start()' 'httpd, no ktlsd')
	http_kernel='kTLS|ktls_|no ktlsd'
fi
# shellcheck source=tests/harness/bench_http.sh
. tests/harness/bench_http.sh
