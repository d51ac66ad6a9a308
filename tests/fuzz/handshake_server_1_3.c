/* SPDX-License-Identifier: MIT */
/* A server of TLS 1.3 through a whole handshake with a client that the fuzzer leads: handshake.h.
 */
#include "tests/fuzz/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_handshake(data, size, KTLS_SERVER, KTLS_TLS_1_3);
}
