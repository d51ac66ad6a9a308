/* SPDX-License-Identifier: MIT */
/* The value of the attributes that bring new keys: always of one length, whatever the suite. */
#include <string.h>

#include "lib/handoff/protocol.h"
#include "lib/wire/writer.h"

static void key_build(struct writer *w, const struct ktls_traffic_key *key)
{
	writer_bytes(w, key->key, sizeof(key->key));
	writer_bytes(w, key->iv, sizeof(key->iv));
}

void handoff_keys_build(const struct handoff_keys *keys, uint8_t out[static HANDOFF_KEYS_LEN])
{
	struct writer w;

	writer_init(&w, out, HANDOFF_KEYS_LEN);
	writer_u16(&w, keys->next.version);
	writer_u16(&w, keys->next.suite);
	key_build(&w, &keys->follows);
	key_build(&w, &keys->next);
}

static bool key_parse(struct reader *r, uint16_t version, uint16_t suite,
		      struct ktls_traffic_key *out)
{
	*out = (struct ktls_traffic_key){ .version = version, .suite = suite };
	return reader_copy(r, out->key, sizeof(out->key)) &&
	       reader_copy(r, out->iv, sizeof(out->iv));
}

bool handoff_keys_parse(const struct ktls_span *value, struct handoff_keys *out)
{
	uint16_t version, suite;
	struct reader r;

	if (value->len != HANDOFF_KEYS_LEN)
		return false;
	reader_init(&r, value->bytes, value->len);
	return reader_u16(&r, &version) && reader_u16(&r, &suite) &&
	       key_parse(&r, version, suite, &out->follows) &&
	       key_parse(&r, version, suite, &out->next);
}
