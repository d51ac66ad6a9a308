#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mbedTLS: tests/interop/stacks/mbedtls.c.

# shellcheck source=tests/interop/peers.sh
. tests/interop/peers.sh
program=${KTLS_BUILD:-build}/tests/interop/stacks/mbedtls
need "$program"
# shellcheck source=tests/interop/matrix.sh
. tests/interop/matrix.sh
# shellcheck source=tests/interop/cells.sh
. tests/interop/cells.sh
# shellcheck source=tests/interop/stacks/adaptor.sh
. tests/interop/stacks/adaptor.sh

stack "mbedTLS $(package_version libmbedtls-dev)" client server
cell_lacks '* 1.3 *' 'no TLS 1.3'
test_cells
tap_done
