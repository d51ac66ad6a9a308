#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What OpenSSL and GnuTLS do behind a handshake, where the kernel has the records.
# tests/interop/relay_after.sh is the same with a relay.

# shellcheck disable=SC2034 # after_peers.sh's
carrier=kernel
# shellcheck source=tests/interop/after_peers.sh
. tests/interop/after_peers.sh

test_our_server
test_our_client 0 2 10 # each program that is started takes its time here
tap_done
