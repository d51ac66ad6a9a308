/* SPDX-License-Identifier: MIT */
#include "lib/handshake/transcript.h"

#define MESSAGE_HASH 254 /* HandshakeType, RFC 9846 4 */

void transcript_init(struct transcript *t)
{
	t->selected = false;
	hash_init(&t->hash[0], HASH_SHA256);
	hash_init(&t->hash[1], HASH_SHA384);
}

void transcript_add(struct transcript *t, const void *bytes, size_t len)
{
	hash_update(&t->hash[0], bytes, len);
	if (!t->selected)
		hash_update(&t->hash[1], bytes, len);
}

void transcript_select(struct transcript *t, enum hash_alg alg)
{
	if (t->selected)
		return;
	t->selected = true;
	if (t->hash[0].alg != alg)
		t->hash[0] = t->hash[1];
}

void transcript_retry(struct transcript *t)
{
	enum hash_alg alg = t->hash[0].alg;
	uint8_t message[4 + HASH_MAX] = { MESSAGE_HASH, 0, 0, (uint8_t)hash_size(alg) };

	hash_final(&t->hash[0], message + 4);
	hash_init(&t->hash[0], alg);
	hash_update(&t->hash[0], message, 4 + hash_size(alg));
}

void transcript_hash(const struct transcript *t, uint8_t out[static HASH_MAX])
{
	hash_peek(&t->hash[0], out);
}
