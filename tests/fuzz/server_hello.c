/* SPDX-License-Identifier: MIT */
/* A client reads the input as the body of a ServerHello, or of a HelloRetryRequest, which the
 * random tells. */
#include "tests/fuzz/engine.h"

static struct fuzz_engine client;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t record[16384 + 5];
	size_t len = fuzz_wrap(MESSAGE_SERVER_HELLO, data, size, record, sizeof(record));
	enum ktls_engine_state state;
	size_t consumed;

	if (len == 0)
		return 0;
	fuzz_engine_start(&client, KTLS_CLIENT);
	FUZZ_CHECK(fuzz_engine_run(&client, NULL, 0, &consumed) == KTLS_ENGINE_READ);
	state = fuzz_engine_run(&client, record, len, &consumed);
	FUZZ_CHECK(state == KTLS_ENGINE_READ || state == KTLS_ENGINE_FAILED);
	if (state == KTLS_ENGINE_READ && ktls_engine_facts(&client.engine)->retried)
		FUZZ_CHECK(fuzz_engine_run(&client, record, len, &consumed) == KTLS_ENGINE_FAILED);
	fuzz_engine_end(&client);
	return 0;
}
