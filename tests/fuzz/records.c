/* SPDX-License-Identifier: MIT */
/* Raw bytes from a peer before any keys: the first bit says to a client or to a server. */
#include "tests/fuzz/engine.h"

static struct fuzz_engine end;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum ktls_engine_state state;
	size_t consumed;

	if (size < 1)
		return 0;
	fuzz_engine_start(&end, data[0] & 1 ? KTLS_CLIENT : KTLS_SERVER);
	state = fuzz_engine_run(&end, data + 1, size - 1, &consumed);
	/* The rest is incomplete: it must stay so. */
	if (state == KTLS_ENGINE_READ) {
		size_t more;

		FUZZ_CHECK(fuzz_engine_run(&end, data + 1 + consumed, size - 1 - consumed, &more) ==
			   KTLS_ENGINE_READ);
		FUZZ_CHECK(more == 0);
	}
	fuzz_engine_end(&end);
	return 0;
}
