#!/bin/bash
# SPDX-License-Identifier: MIT
#
# wolfSSL: tests/interop/stacks/wolfssl.c.

# shellcheck source=tests/interop/peers.sh
. tests/interop/peers.sh
program=${KTLS_BUILD:-build}/tests/interop/stacks/wolfssl
need "$program"
# shellcheck source=tests/interop/matrix.sh
. tests/interop/matrix.sh
# shellcheck source=tests/interop/cells.sh
. tests/interop/cells.sh
# shellcheck source=tests/interop/stacks/adaptor.sh
. tests/interop/stacks/adaptor.sh

stack "wolfSSL $(package_version libwolfssl-dev)" client server
lacks_suites='TLS_RSA_WITH_AES_128_GCM_SHA256 TLS_RSA_WITH_AES_256_GCM_SHA384'
# In TLS 1.2 it asks for certificates of the kind that it has itself.
lacks_ecdsa_client=$(printf '%s\n' ${suites_of[1.2]} | grep _RSA_)
lacks_ecdsa_client=${lacks_ecdsa_client//$'\n'/ }
test_cells
tap_done
