#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Chromium without a window loads a page and reads it back to us; the page sends its data to where it
# came from, twice, and compares what returns. A browser opens connections ahead of its needs, so
# our server takes any number of them, and Chromium closes them without close_notify.

# shellcheck source=tests/interop/peers.sh
. tests/interop/peers.sh
need chromium certutil pk12util openssl
# shellcheck source=tests/interop/matrix.sh
. tests/interop/matrix.sh
# shellcheck source=tests/interop/cells.sh
. tests/interop/cells.sh

patience=$((60 * factor))
page=$tmp/page
db=sql:$tmp/home/.pki/nssdb

# Whom it trusts, and a certificate of its own.
store() {
	mkdir -p "$tmp/home/.pki/nssdb"
	certutil -N -d "$db" --empty-password &&
		certutil -A -d "$db" -n ca -t C,, -i "$ca" &&
		openssl pkcs12 -export -in "$certs/client.pem" -inkey "$certs/client.key" \
			-name client -passout pass: -out "$tmp/client.p12" &&
		pk12util -i "$tmp/client.p12" -d "$db" -W '' -K ''
}

write_page() {
	cat <<-'END'
	<!DOCTYPE html><title>data</title><link rel="icon" href="data:,"><p id="sent">nothing</p>
	END
	printf '<pre id="data">%s</pre>\n' "$(<"$data")"
	cat <<-'END'
	<script>
	function echoes(text) {
		var request = new XMLHttpRequest();
		request.open("PUT", "/", false);
		request.send(text);
		return request.responseText === text;
	}
	var text = document.getElementById("data").textContent;
	if (location.hash === "#twice" && echoes(text) && echoes(text))
		document.getElementById("sent").textContent = "twice";
	</script>
	END
}

chromium_shows() {
	HOME=$tmp/home timeout "$patience" "${as[@]}" chromium --headless --no-sandbox --disable-gpu \
		--user-data-dir="$tmp/profile" --disable-background-networking "$@"
}

# Only a policy makes it choose a certificate without asking anybody, and policies are the system's:
# in a mount namespace, they are ours.
with_policy() {
	local url='{\"pattern\":\"https://localhost\",\"filter\":{}}' private=(unshare --mount)

	[ "$(id -u)" -eq 0 ] || private+=(--map-root-user)
	as=("${private[@]}" sh -c "mount -t tmpfs none /etc/chromium &&
		mkdir -p /etc/chromium/policies/managed &&
		echo '{\"AutoSelectCertificateForUrls\":[\"$url\"]}' \
			>/etc/chromium/policies/managed/test.json && exec \"\$@\"" sh)
	"${as[@]}" true 2>/dev/null
}

their_client() {
	local options=() hash=''

	log=
	! word tls1.2 "$@" >/dev/null || options+=(--ssl-version-max=tls1.2)
	! word tls1.3 "$@" >/dev/null || options+=(--ssl-version-min=tls1.3)
	! word resume "$@" >/dev/null || hash='#twice'
	! word cert "$@" >/dev/null || with_policy || return
	chromium_shows "${options[@]}" --dump-dom "https://$1:$port/$hash" >"$tmp/dom" 2>"$tmp/errors" &&
		sed -n '/<pre id="data">/,/<\/pre>/p' "$tmp/dom" |
		sed 's/.*<pre id="data">//; s/<\/pre>.*//' >"$tmp/got" &&
		{ [ -z "$hash" ] || grep -q '<p id="sent">twice</p>' "$tmp/dom"; }
}

# our_lines: those of connections that came to something. Where it is asked for a certificate, it
# first closes the connection to look for one.
our_lines() {
	kill "$ours" 2>/dev/null
	grep '^ok ' "$tmp/ours" || cat "$tmp/ours"
}

complain() {
	echo "their status: $?"
	grep -v dbus "$tmp/errors" | tail -n 5
}

client_full() {
	local suite

	for suite in $(suites_for "$1"); do
		serve "$(cert_for "$suite")" --http "$page" --count 0 --suite "$suite" "${mine[@]}" ||
			return
		their_client localhost "${words[@]}" || complain
		facts=$(our_lines | head -n 1)
		facts_have "${want[@]}" "${proof[@]}" "suite=$suite" resumed=no && got_data || return
		note "$1" client
		# Once is enough to choose a certificate.
		[ ${#proof[@]} -eq 0 ] || return 0
	done
}

client_resumed() {
	serve p256 --http "$page" --tickets 2 --count 0 "${mine[@]}" || return
	their_client localhost "${words[@]}" resume || complain
	facts=$(our_lines | head -n 1)
	facts_have "${want[@]}" "${proof[@]}" resumed=no || return
	facts=$(our_lines | tail -n 1)
	facts_have "${want[@]}" resumed=yes && got_data
}

client_updated() {
	serve p256 --http "$page" --key-update 20 --count 0 "${mine[@]}" || return
	their_client localhost "${words[@]}" || complain
	facts=$(our_lines | head -n 1)
	facts_have "${want[@]}" && got_data && [[ $facts == *' updates=1,'* ]]
}

check 'a store of certificates' store
as=()
chromium_shows --dump-dom data:text/html,hello 2>"$tmp/errors" | grep -q hello ||
	tap_skip_all "chromium does not run here: $(tail -n 1 "$tmp/errors")"
write_page >"$page"

stack "$(chromium --version 2>/dev/null | cut -d' ' -f1,2 | sed 's/\..*//')" headless ''
cell_lacks 'server *' 'it is a client'
with_policy || cell_lacks '* certificate' 'there is no way here to have it choose one'
as=()
test_cells
tap_done
