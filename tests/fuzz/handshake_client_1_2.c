/* SPDX-License-Identifier: MIT */
/* A client of TLS 1.2 through a whole handshake with a server that the fuzzer leads: handshake.h.
 */
#include "tests/fuzz/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_handshake(data, size, KTLS_CLIENT, KTLS_TLS_1_2);
}
