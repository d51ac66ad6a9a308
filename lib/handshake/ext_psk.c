/* SPDX-License-Identifier: MIT */
/*
 * Extensions of resumption: psk_key_exchange_modes (RFC 9846, 4.3.9), early_data (4.3.10), which is
 * passed over, and pre_shared_key (4.3.11).
 */
#include "lib/handshake/extensions.h"

/* PskKeyExchangeMode, 4.3.9. */
enum { MODE_PSK_KE = 0, MODE_PSK_DHE_KE = 1 };

int psk_modes_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	struct reader modes;
	uint8_t mode;

	(void)e;
	if (!reader_vec8(body, &modes) || reader_empty(&modes))
		return -KTLS_R_MESSAGE_MALFORMED;
	while (reader_u8(&modes, &mode)) {
		values->psk_ke = values->psk_ke || mode == MODE_PSK_KE;
		values->psk_dhe_ke = values->psk_dhe_ke || mode == MODE_PSK_DHE_KE;
	}
	return 0;
}

/* Also without a session: it says what tickets we could use (4.3.9). */
bool psk_modes_wanted(const struct engine *e, enum message message)
{
	(void)message;
	return engine_may_use(e, KTLS_TLS_1_3) && e->config.ops->now;
}

void psk_modes_build(struct engine *e, enum message message, struct writer *w)
{
	struct writer_vec modes = writer_open(w, 1);

	(void)message;
	writer_u8(w, MODE_PSK_DHE_KE);
	if (e->config.psk_ke)
		writer_u8(w, MODE_PSK_KE);
	writer_close(w, modes);
}

int early_data_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	(void)values;
	(void)body;
	/* "A client MUST NOT include the early_data extension in its followup ClientHello", 4.3.10.
	 */
	if (e->facts.retried)
		return -KTLS_R_EXTENSION_INVALID;
	e->skip_early_data = true;
	return 0;
}

/* The list of identities, of which the first counts: their number, 0 where it has no parse. */
static size_t take_identities(struct reader list, struct extension_values *values)
{
	struct reader identity;
	size_t n = 0;
	uint32_t age;

	for (; !reader_empty(&list); n++) {
		if (!reader_vec16(&list, &identity) || reader_empty(&identity) ||
		    !reader_u32(&list, &age))
			return 0;
		if (n > 0)
			continue;
		values->psk_identity = identity;
		values->psk_age = age;
	}
	return n;
}

static int offered_psks_parse(struct extension_values *values, struct reader *body)
{
	struct reader identities, binders, binder;
	size_t n;

	if (!reader_vec16(body, &identities) || !reader_vec16(body, &binders))
		return -KTLS_R_MESSAGE_MALFORMED;
	n = take_identities(identities, values);
	if (n == 0 || reader_empty(&binders) || !reader_empty(body))
		return -KTLS_R_MESSAGE_MALFORMED;
	values->psk_binders = binders;
	for (; !reader_empty(&binders); n--)
		if (!reader_vec8(&binders, &binder) || binder.left < 32)
			return -KTLS_R_MESSAGE_MALFORMED;
	/* One binder for each identity, 4.3.11. */
	return n == 0 ? 0 : -KTLS_R_EXTENSION_INVALID;
}

int pre_shared_key_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	struct reader offered = *body;

	(void)e;
	/* TLS 1.2 has nothing to do with what it says. */
	if (values->message == MESSAGE_CLIENT_HELLO) {
		values->psk_result = offered_psks_parse(values, &offered);
		return reader_skip(body, body->left) ? 0 : -KTLS_R_INTERNAL;
	}
	return reader_u16(body, &values->identity) ? 0 : -KTLS_R_MESSAGE_MALFORMED;
}

bool pre_shared_key_wanted(const struct engine *e, enum message message)
{
	return message == MESSAGE_CLIENT_HELLO ? e->psk.offered : e->facts.resumed;
}

/* A client's binder is zeros until the rest of its hello is known: psk_bind(). */
void pre_shared_key_build(struct engine *e, enum message message, struct writer *w)
{
	static const uint8_t zeros[HASH_MAX];
	struct writer_vec list;

	if (message == MESSAGE_SERVER_HELLO) {
		writer_u16(w, 0);
		return;
	}
	list = writer_open(w, 2);
	writer_vec(w, 2, e->psk.ticket.bytes, e->psk.ticket.len);
	writer_u32(w, e->psk.age);
	writer_close(w, list);
	list = writer_open(w, 2);
	writer_vec(w, 1, zeros, hash_size(e->schedule.early_hash));
	writer_close(w, list);
}
