/* SPDX-License-Identifier: MIT */
/*
 * A server reads the input as the body of a ClientHello; what it accepts it answers with a flight,
 * or a HelloRetryRequest upon which the same hello must be refused.
 */
#include "tests/fuzz/engine.h"

static struct fuzz_engine server;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t record[16384 + 5];
	size_t len = fuzz_wrap(MESSAGE_CLIENT_HELLO, data, size, record, sizeof(record));
	enum ktls_engine_state state;
	size_t consumed;

	if (len == 0)
		return 0;
	fuzz_engine_start(&server, KTLS_SERVER);
	state = fuzz_engine_run(&server, record, len, &consumed);
	FUZZ_CHECK(state == KTLS_ENGINE_READ || state == KTLS_ENGINE_FAILED);
	if (state == KTLS_ENGINE_READ && ktls_engine_facts(&server.engine)->retried)
		FUZZ_CHECK(fuzz_engine_run(&server, record, len, &consumed) == KTLS_ENGINE_FAILED);
	fuzz_engine_end(&server);
	return 0;
}
