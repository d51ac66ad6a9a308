/* SPDX-License-Identifier: MIT */
/* Finished, RFC 9846 4.5.3. */
#include "lib/crypto/util.h"
#include "lib/handshake/messages.h"

int finished_build(struct engine *e, struct writer *w)
{
	uint8_t hash[HASH_MAX], verify_data[HASH_MAX];

	transcript_hash(&e->transcript, hash);
	schedule_finished(&e->schedule, &e->schedule.tx, hash, verify_data);
	writer_bytes(w, verify_data, hash_size(e->schedule.suite->hash));
	return 0;
}

int finished_recv(struct engine *e, struct reader *body)
{
	size_t len = hash_size(e->schedule.suite->hash);
	uint8_t hash[HASH_MAX], expected[HASH_MAX];
	struct reader got;
	bool same;

	/* A verify_data of another length has no parse: it is as long as the hash. */
	if (!reader_bytes(body, len, &got) || !reader_empty(body))
		return -KTLS_R_MESSAGE_MALFORMED;
	transcript_hash(&e->transcript, hash);
	schedule_finished(&e->schedule, &e->schedule.rx, hash, expected);
	same = secret_equal(got.at, expected, len);
	secret_wipe(expected, sizeof(expected));
	return same ? 0 : -KTLS_R_FINISHED_MISMATCH;
}
