/* SPDX-License-Identifier: MIT */
/*
 * Sealed sessions: what a worker reads when one was opened, what a signer is asked to open, and the
 * keys in the signers' file. The first byte says which. What was accepted is the same after it was
 * built and parsed again, and a refusal writes nothing.
 */
#include <string.h>

#include "lib/conn/sealed_state.h"
#include "lib/conn/sealing_keys.h"
#include "tests/fuzz/fuzz.h"

static void check_state(const uint8_t *data, size_t size)
{
	static uint8_t built[SEALING_CONTENT_MAX];
	struct sealed_state state, before, again;
	struct sealed_header header;
	size_t len;

	if (!sealed_header_parse(data, size, &header))
		return;
	data += SEALED_HEADER_LEN;
	size -= SEALED_HEADER_LEN;
	memset(&before, 0x5a, sizeof(before));
	memcpy(&state, &before, sizeof(before));
	if (!sealed_state_parse(&header, data, size, &state)) {
		FUZZ_CHECK(memcmp(&state, &before, sizeof(before)) == 0);
		return;
	}
	FUZZ_CHECK(state.secrets.version == KTLS_TLS_1_3);
	FUZZ_CHECK(state.secrets.role == KTLS_CLIENT || !state.takes_tickets);
	FUZZ_CHECK(state.profile[0] && memchr(state.profile, 0, sizeof(state.profile)));
	FUZZ_CHECK(memchr(state.server_name, 0, sizeof(state.server_name)));
	FUZZ_CHECK(state.chain_len <= HANDOFF_CERTS_MAX);
	len = sealed_state_build(&state, built, sizeof(built));
	if (len == 0) /* longer than what is sealed */
		return;
	FUZZ_CHECK(len == size && memcmp(built, data, len) == 0);
	FUZZ_CHECK(sealed_state_parse(&header, built, len, &again));
}

static void check_open(const uint8_t *data, size_t size)
{
	static uint8_t content[SEALING_CONTENT_MAX], sealed[HANDOFF_SESSION_MAX];
	struct sealing_keys keys = { .len = 1 };
	size_t len;

	FUZZ_CHECK(sealing_open(&keys, 1, 1, 1, data, size, content) == 0);
	(void)sealing_key_known(&keys, data, size);
	if (size < SEALED_HEADER_LEN + 1)
		return;
	len = sealing_seal(&keys, 1, 1, data, data + SEALED_HEADER_LEN, size - SEALED_HEADER_LEN,
			   sealed);
	if (len == 0)
		return;
	FUZZ_CHECK(sealing_key_known(&keys, sealed, len));
	FUZZ_CHECK(sealing_open(&keys, 1, 1, 1, sealed, len, content) == size - SEALED_HEADER_LEN);
	FUZZ_CHECK(memcmp(content, data + SEALED_HEADER_LEN, size - SEALED_HEADER_LEN) == 0);
}

static void check_keys(const uint8_t *data, size_t size)
{
	static uint8_t built[SEALING_KEYS_LEN];
	static struct sealing_keys keys, before;
	struct reader r;
	struct writer w;

	memset(&before, 0x5a, sizeof(before));
	memcpy(&keys, &before, sizeof(before));
	reader_init(&r, data, size);
	if (!sealing_keys_parse(&r, &keys)) {
		FUZZ_CHECK(memcmp(&keys, &before, sizeof(before)) == 0);
		return;
	}
	writer_init(&w, built, sizeof(built));
	sealing_keys_build(&keys, &w);
	FUZZ_CHECK(writer_ok(&w) && w.len == size && memcmp(built, data, size) == 0);
	(void)sealing_keys_due(&keys, 1);
	sealing_keys_rotate(&keys, 1, 1);
	FUZZ_CHECK(keys.len >= 1 && keys.len <= SEALING_KEYS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 0)
		check_state(data + 1, size - 1);
	else if (data[0] == 1)
		check_open(data + 1, size - 1);
	else
		check_keys(data + 1, size - 1);
	return 0;
}
