#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Unchanged programs with TLS, by ktlsrun, and the kernel has the records.
# tests/interop/ktlsrun.sh is the same with a relay.

# shellcheck source=tests/interop/ktlsrun_programs.sh
. tests/interop/ktlsrun_programs.sh

kernel_had_them() {
	cat /proc/net/tls_stat
	[ "$(stat_of TlsTxSw)" -gt 50 ] && [ "$(stat_of TlsRxSw)" -gt 50 ]
}

test_all require-kernel
check "records were the kernel's" kernel_had_them
tap_done
