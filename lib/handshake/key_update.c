/* SPDX-License-Identifier: MIT */
/* KeyUpdate, RFC 9846 4.7.3: the message, and how many of them a peer may send. */
#include <ktls-secrets.h>

#include "lib/handshake/engine.h"
#include "lib/wire/update_limit.h"

enum { NOT_REQUESTED, REQUESTED };

void ktls_secrets_build_key_update(bool request, uint8_t out[static KTLS_KEY_UPDATE_LEN])
{
	struct writer w;

	writer_init(&w, out, KTLS_KEY_UPDATE_LEN);
	writer_u8(&w, MESSAGE_KEY_UPDATE);
	writer_u24(&w, 1);
	writer_u8(&w, request ? REQUESTED : NOT_REQUESTED);
}

int ktls_secrets_parse_key_update(const uint8_t *message, size_t len, bool *request)
{
	struct reader r, body;
	uint8_t type, value;

	reader_init(&r, message, len);
	if (!reader_u8(&r, &type))
		return -KTLS_R_MESSAGE_MALFORMED;
	if (type != MESSAGE_KEY_UPDATE)
		return -KTLS_R_MESSAGE_UNEXPECTED;
	if (!reader_vec24(&r, &body) || !reader_u8(&body, &value) || !reader_empty(&body))
		return -KTLS_R_MESSAGE_MALFORMED;
	if (value > REQUESTED)
		return -KTLS_R_KEY_UPDATE_INVALID;
	if (!reader_empty(&r))
		return -KTLS_R_MESSAGE_SPANS_KEY_CHANGE;
	*request = value == REQUESTED;
	return 0;
}

int ktls_secrets_count_key_update(struct ktls_key_update_limit *limit, bool request,
				  uint64_t records, uint64_t now)
{
	return update_limit_count(limit, request, records, now);
}
