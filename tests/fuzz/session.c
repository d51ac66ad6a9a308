/* SPDX-License-Identifier: MIT */
/*
 * A session as a client keeps it and a ticket holds it. What was accepted is the same after it was
 * built and parsed again, and a refusal writes nothing. What comes after a handshake is read too:
 * NewSessionTicket, which makes sessions, and KeyUpdate.
 */
#include <string.h>

#include <ktls-secrets.h>

#include "lib/handshake/session.h"
#include "tests/fuzz/fuzz.h"

static void check_session(const uint8_t *data, size_t size)
{
	static uint8_t built[KTLS_ENGINE_SESSION_MAX], again[KTLS_ENGINE_SESSION_MAX];
	struct session session, before;
	struct reader r;
	struct writer w, w_again;

	memset(&before, 0x5a, sizeof(before));
	memcpy(&session, &before, sizeof(before));
	reader_init(&r, data, size);
	if (!session_parse(&r, &session)) {
		FUZZ_CHECK(memcmp(&session, &before, sizeof(before)) == 0);
		return;
	}
	FUZZ_CHECK(session.secret_len <= HASH_MAX);
	FUZZ_CHECK(memchr(session.server_name, 0, sizeof(session.server_name)));
	(void)session_expired(&session, 1800000000000);
	writer_init(&w, built, sizeof(built));
	session_build(&session, &w);
	if (!writer_ok(&w)) /* a ticket longer than we take */
		return;
	reader_init(&r, built, w.len);
	FUZZ_CHECK(session_parse(&r, &session));
	writer_init(&w_again, again, sizeof(again));
	session_build(&session, &w_again);
	FUZZ_CHECK(w.len == w_again.len && memcmp(built, again, w.len) == 0);
}

static void check_ticket(const uint8_t *data, size_t size, uint16_t suite)
{
	const struct ktls_secrets secrets = { .role = KTLS_CLIENT,
					      .version = KTLS_TLS_1_3,
					      .suite = suite };
	static uint8_t session[KTLS_ENGINE_SESSION_MAX];
	struct session parsed;
	size_t len = 1;
	struct reader r;
	int ret = ktls_secrets_ticket(&secrets, data, size, "fuzz.example", 1800000000000, session,
				      &len);

	FUZZ_CHECK(ret == 0 || (ret == -KTLS_R_MESSAGE_MALFORMED && len == 1));
	if (ret < 0 || len == 0)
		return;
	reader_init(&r, session, len);
	FUZZ_CHECK(session_parse(&r, &parsed));
	FUZZ_CHECK(parsed.lifetime <= SESSION_LIFETIME_MAX && parsed.ticket.len > 0);
}

static void check_key_update(const uint8_t *data, size_t size)
{
	bool request;
	int ret = ktls_secrets_parse_key_update(data, size, &request);
	uint8_t built[KTLS_KEY_UPDATE_LEN];

	FUZZ_CHECK(ret <= 0);
	if (ret < 0)
		return;
	ktls_secrets_build_key_update(request, built);
	FUZZ_CHECK(size == sizeof(built) && memcmp(data, built, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_session(data, size);
	check_ticket(data, size, KTLS_AES_128_GCM_SHA256);
	check_ticket(data, size, KTLS_AES_256_GCM_SHA384);
	check_key_update(data, size);
	return 0;
}
