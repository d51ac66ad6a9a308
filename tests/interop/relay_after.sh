#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What OpenSSL and GnuTLS do behind a handshake, where a relay of ktlsd's has the records.
# tests/kernel/after.sh is the same with the kernel.

# shellcheck disable=SC2034 # after_peers.sh's
carrier=relay anywhere=1
# shellcheck source=tests/interop/after_peers.sh
. tests/interop/after_peers.sh

test_our_server
test_our_client 0 1 2 10
tap_done
