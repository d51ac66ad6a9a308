#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The example server httpd where the kernel has no TLS: ktlsd's relay carries its records.

# shellcheck disable=SC2034 # the sourced ones'
needs='python3 curl wget' anywhere=yes carrier=relay records=prefer-kernel
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
[ "$(id -u)" -eq 0 ] || tap_skip_all 'not root'
# shellcheck source=tests/harness/httpd.sh
. tests/harness/httpd.sh
