# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Waiting, for tests that are shell scripts; to be sourced.

exec {nap_fd}<> <(:)

# nap SECONDS: sleeps without starting a program.
nap() {
	read -rt "$1" -u "$nap_fd" || :
}

# until_true COMMAND...: waits for it, a minute at most; three where the CPU is emulated.
until_true() {
	local end=$((SECONDS + ${KTLS_VM:+120} + 60))

	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || { echo "in vain: $*"; return 1; }
		nap 0.1
	done
}
