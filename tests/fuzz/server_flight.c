/* SPDX-License-Identifier: MIT */
/*
 * A client that has its handshake keys reads the input as the rest of the server's flight:
 * EncryptedExtensions, CertificateRequest, Certificate, CertificateVerify, Finished. The records
 * are in the clear, so that the fuzzer can write them: a record's length and content are the
 * input's own. The first byte says in which pieces the input arrives.
 */
#include "tests/fuzz/engine.h"

static struct fuzz_engine client;

static void skip_to_flight(void)
{
	struct engine *e = engine_of(&client.engine);
	size_t consumed;

	FUZZ_CHECK(fuzz_engine_run(&client, NULL, 0, &consumed) == KTLS_ENGINE_READ);
	e->state = CLIENT_RECV_EXTENSIONS;
	e->schedule.suite = suite_find(KTLS_AES_128_GCM_SHA256);
	e->schedule.stage = SCHEDULE_HANDSHAKE;
	transcript_select(&e->transcript, HASH_SHA256);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum ktls_engine_state state = KTLS_ENGINE_READ;
	size_t at = 0, piece, give, consumed;

	if (size < 1)
		return 0;
	piece = data[0] ? data[0] : size;
	data++;
	size--;
	fuzz_engine_start(&client, KTLS_CLIENT);
	skip_to_flight();
	give = piece < size ? piece : size;
	while (state == KTLS_ENGINE_READ) {
		state = fuzz_engine_run(&client, data + at, give, &consumed);
		at += consumed;
		give -= consumed;
		if (consumed == 0 && at + give == size)
			break;
		give = size - at - give < piece ? size - at : give + piece;
	}
	FUZZ_CHECK(state == KTLS_ENGINE_READ || state == KTLS_ENGINE_FAILED ||
		   state == KTLS_ENGINE_DONE);
	fuzz_engine_end(&client);
	return 0;
}
