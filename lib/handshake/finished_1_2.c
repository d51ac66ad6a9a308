/* SPDX-License-Identifier: MIT */
/* TLS 1.2's Finished, RFC 5246 7.4.9. */
#include "lib/crypto/util.h"
#include "lib/handshake/messages.h"

/* In a full handshake the ticket is between the two (RFC 5077, 3.3). */
static int next(const struct engine *e)
{
	return e->resume.owed ? ALTERNATIVE : 0;
}

int finished_1_2_build(struct engine *e, struct writer *w)
{
	uint8_t hash[HASH_MAX], verify_data[FINISHED_1_2];

	transcript_hash(&e->transcript, hash);
	schedule_1_2_finished(&e->schedule, e->config.role, hash, verify_data);
	writer_bytes(w, verify_data, sizeof(verify_data));
	return next(e);
}

int finished_1_2_recv(struct engine *e, struct reader *body)
{
	enum ktls_role sender = engine_is_server(e) ? KTLS_CLIENT : KTLS_SERVER;
	uint8_t hash[HASH_MAX], expected[FINISHED_1_2];
	struct reader got;
	bool same;

	if (!reader_bytes(body, sizeof(expected), &got) || !reader_empty(body))
		return -KTLS_R_MESSAGE_MALFORMED;
	transcript_hash(&e->transcript, hash);
	schedule_1_2_finished(&e->schedule, sender, hash, expected);
	same = secret_equal(got.at, expected, sizeof(expected));
	secret_wipe(expected, sizeof(expected));
	return same ? next(e) : -KTLS_R_FINISHED_MISMATCH;
}
