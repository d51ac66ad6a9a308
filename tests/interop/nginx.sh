#!/bin/bash
# SPDX-License-Identifier: MIT
#
# nginx: as an HTTPS server for our client, and as a reverse proxy in front of our server.

PATH=$PATH:/usr/sbin
# shellcheck source=tests/interop/peers.sh
. tests/interop/peers.sh
need nginx curl
# shellcheck source=tests/interop/matrix.sh
. tests/interop/matrix.sh
# shellcheck source=tests/interop/cells.sh
. tests/interop/cells.sh

# config LINE...: one server with these lines; it listens on $listen.
config() {
	cat <<-END
	daemon off;
	master_process off;
	pid $tmp/pid;
	error_log $log info;
	events { }
	http {
		access_log off;
		client_max_body_size 0;
		client_body_temp_path $tmp/temp/body;
		proxy_temp_path $tmp/temp/proxy;
		fastcgi_temp_path $tmp/temp/fastcgi;
		uwsgi_temp_path $tmp/temp/uwsgi;
		scgi_temp_path $tmp/temp/scgi;
		server {
			listen 127.0.0.1:$listen $kind;
			$(printf '%s\n' "$@")
		}
	}
	END
}

# nginx cannot choose a port itself, so it is tried with some. nginx_with KIND LINE...
nginx_with() {
	local kind=$1 i

	shift
	log=$tmp/theirs
	mkdir -p "$tmp/temp"
	for ((i = 0; i < 20; i++)); do
		listen=$((20000 + RANDOM % 12000))
		config "$@" >"$tmp/nginx.conf"
		: >"$log"
		background "$tmp/errors" nginx -p "$tmp" -e "$tmp/errors" -c "$tmp/nginx.conf"
		until_ok settled "$pid" || break
		! has_ended "$pid" && ! has 'Address already in use' "$log" && return
		kill "$pid" 2>/dev/null
	done
	cat "$tmp/errors" "$log"
	return 1
}

settled() {
	local port

	has_ended "$1" || has 'Address already in use' "$log" || find_port "$1"
}

their_client() {
	local value lines=()

	! value=$(word suite "$@") || lines+=("proxy_ssl_conf_command Ciphersuites $value;")
	! value=$(word group "$@") || lines+=("proxy_ssl_conf_command Groups ${value//,/:};")
	! value=$(word cert "$@") || lines+=("proxy_ssl_certificate $value.pem;"
		"proxy_ssl_certificate_key $value.key;")
	value=TLSv1.3
	! word tls1.2 "$@" >/dev/null || value=TLSv1.2
	nginx_with '' "location / {
		proxy_pass https://127.0.0.1:$port;
		proxy_ssl_protocols $value;
		proxy_ssl_name $1;
		proxy_ssl_server_name on;
		proxy_ssl_verify on;
		proxy_ssl_verify_depth 3;
		proxy_ssl_trusted_certificate $ca;" "${lines[@]}" '}' || return
	through_it && { ! word resume "$@" >/dev/null || through_it; }
}

through_it() {
	timeout "$patience" curl -sSf --noproxy '*' --header Expect: --upload-file "$data" \
		"http://127.0.0.1:$listen/" >"$tmp/got" 2>"$tmp/errors"
}

their_server() {
	local value lines=()

	! value=$(word suite "$@") || lines+=("ssl_conf_command Ciphersuites $value;")
	! value=$(word group "$@") || lines+=("ssl_ecdh_curve ${value//,/:};")
	! word ask "$@" >/dev/null || lines+=("ssl_verify_client optional;")
	! word demand "$@" >/dev/null || lines+=("ssl_verify_client on;")
	value='TLSv1.2 TLSv1.3'
	! word tls1.2 "$@" >/dev/null || value=TLSv1.2
	! word tls1.3 "$@" >/dev/null || value=TLSv1.3
	nginx_with ssl "ssl_certificate $certs/$1.pem; ssl_certificate_key $certs/$1.key;" \
		"ssl_client_certificate $ca; ssl_protocols $value;" \
		"root $www; dav_methods PUT; client_body_in_file_only clean;" "${lines[@]}"
	port=$listen
}

their_alert() {
	until_ok has "SSL alert number $1)" "$log" || { tail -n 20 "$log"; return 1; }
}

# nginx looks at certificates after the handshake only, so there are no alerts.
refuses_upstream() {
	refuses "$1" received=0 && has 'upstream SSL certificate' "$log"
}

test_refusals() {
	local name

	for name in wrong-name expired future unknown-ca; do
		try "client refuses $name" refuses_upstream "$name"
	done
}

is_put() {
	their_server p256 || return
	connect --name localhost --put /put --send-file "$data"
	facts_have "${well[@]}" end=PEER_CLOSE_NOTIFY && cmp "$www/put" "$data"
}

www=$tmp/www
mkdir "$www"
cp "$data" "$www/data"

cannot=alpn
exchange=(--get /data)
# To an upstream it says no close_notify.
client_end=()
demand=("${well[@]}" end=PEER_CLOSE_NOTIFY)
tls12=(reason=PEER_ALERT alert=protocol_version)
test_clients
test_refusals
test_servers
try 'server: a megabyte to it' is_put
stack "nginx $(package_version nginx-light) with OpenSSL" 'as a proxy' server
cannot=client-alpn
test_cells
tap_done
