/* SPDX-License-Identifier: MIT */
/*
 * A ticket that a relay hands back to a worker (daemon/carry.h), and what the worker makes of the
 * server's message in it. What can be read is the same after it was written; a refusal writes
 * nothing.
 */
#include <string.h>

#include <ktls-handshake.h>

#include "daemon/carry.h"
#include "daemon/channel.h"
#include "lib/handoff/protocol.h"
#include "tests/fuzz/fuzz.h"

static void check_message(const struct ktls_span *message)
{
	static uint8_t session[KTLS_ENGINE_SESSION_MAX], before[KTLS_ENGINE_SESSION_MAX];
	const struct ktls_secrets secrets = { .role = KTLS_CLIENT,
					      .version = KTLS_TLS_1_3,
					      .suite = KTLS_AES_128_GCM_SHA256 };
	size_t len = 0;

	memset(session, 0x5a, sizeof(session));
	memset(before, 0x5a, sizeof(before));
	if (ktls_secrets_ticket(&secrets, message->bytes, message->len, "localhost", 1, session,
				&len) == 0)
		FUZZ_CHECK(len <= sizeof(session));
	else
		FUZZ_CHECK(len == 0 && memcmp(session, before, sizeof(session)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t built[CHANNEL_MAX];
	struct carry_ticket ticket, before;
	struct reader r;
	struct writer w;

	memset(&before, 0x5a, sizeof(before));
	memcpy(&ticket, &before, sizeof(before));
	reader_init(&r, data, size);
	if (!carry_ticket_read(&r, &ticket)) {
		FUZZ_CHECK(memcmp(&ticket, &before, sizeof(before)) == 0);
		return 0;
	}
	FUZZ_CHECK(reader_empty(&r));
	FUZZ_CHECK(ticket.session.len > 0 && ticket.session.len <= HANDOFF_SESSION_MAX);
	FUZZ_CHECK(size == 8 + 2 + ticket.session.len + ticket.message.len);
	check_message(&ticket.message);
	writer_init(&w, built, sizeof(built));
	carry_ticket_write(&w, &ticket);
	FUZZ_CHECK(writer_ok(&w) == (size <= sizeof(built)));
	if (writer_ok(&w))
		FUZZ_CHECK(w.len == size && memcmp(built, data, size) == 0);
	return 0;
}
