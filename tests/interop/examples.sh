#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The example servers where the kernel has no TLS: ktlsd's relay carries their records.

# shellcheck disable=SC2034 # the sourced ones'
needs='python3 curl openssl' anywhere=yes carrier=relay records=relay
# shellcheck source=tests/harness/services.sh
. tests/harness/services.sh
[ "$(id -u)" -eq 0 ] || tap_skip_all 'not root'
# shellcheck source=tests/harness/servers.sh
. tests/harness/servers.sh
