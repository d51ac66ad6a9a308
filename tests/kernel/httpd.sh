#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The example server httpd with the kernel's records.

# shellcheck disable=SC2034 # the sourced ones'
needs='python3 curl wget' carrier=kernel records=require-kernel
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
[ -n "${KTLS_VM:-}" ] || tap_skip_all 'not in the VM'
# shellcheck source=tests/harness/httpd.sh
. tests/harness/httpd.sh
