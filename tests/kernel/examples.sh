#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The example servers, two of which have neither a TLS library nor ours, with the kernel's records.

# shellcheck disable=SC2034 # the sourced ones'
needs='python3 curl openssl' carrier=kernel records=require-kernel
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
[ -n "${KTLS_VM:-}" ] || tap_skip_all 'not in the VM'
# shellcheck source=tests/harness/servers.sh
. tests/harness/servers.sh
