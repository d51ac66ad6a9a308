/* SPDX-License-Identifier: MIT */
/*
 * Extensions that make records shorter: record_size_limit (RFC 8449), and as a server only, where
 * the client has no better, max_fragment_length (RFC 6066, 4).
 */
#include "lib/handshake/extensions.h"

#define CONTENT_MAX       16384
#define LIMIT_MIN         64
#define FRAGMENT_CODE_MAX 4

/*
 * A record's content without what TLS 1.3 counts, too: its type. GnuTLS (3.7) says what it takes in
 * TLS 1.3 wherever it offers that, and in TLS 1.2 refuses the last byte: clients are spared it.
 */
static uint16_t content_of(const struct engine *e, uint16_t limit)
{
	bool spared = e->config.role == KTLS_SERVER && limit > LIMIT_MIN && limit < CONTENT_MAX;

	return e->facts.version == KTLS_TLS_1_3 || spared ? (uint16_t)(limit - 1) : limit;
}

static void limit_sending(struct engine *e, uint16_t content)
{
	if (content < CONTENT_MAX)
		e->facts.content_max = content;
}

/* What we take, as the version at hand counts it. */
static uint16_t own_limit(const struct engine *e)
{
	uint16_t most = engine_may_use(e, KTLS_TLS_1_3) && e->facts.version != KTLS_TLS_1_2
				? CONTENT_MAX + 1
				: CONTENT_MAX;

	return e->config.record_size_limit < most ? e->config.record_size_limit : most;
}

/* Both have it: each is bound by the other's. */
static void agree(struct engine *e)
{
	e->receive_limit = own_limit(e);
	limit_sending(e, content_of(e, e->peer_limit));
}

int record_size_limit_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	uint16_t limit;

	if (!reader_u16(body, &limit))
		return -KTLS_R_MESSAGE_MALFORMED;
	/* Below 64 is an error whoever sends it; above what the version knows is none (4). */
	if (limit < LIMIT_MIN)
		return -KTLS_R_EXTENSION_INVALID;
	e->peer_limit = limit;
	if (values->message != MESSAGE_CLIENT_HELLO)
		agree(e);
	return 0;
}

bool record_size_limit_wanted(const struct engine *e, enum message message)
{
	if (e->config.record_size_limit == 0)
		return false;
	return message == MESSAGE_CLIENT_HELLO ||
	       extension_received(e, EXTENSION_RECORD_SIZE_LIMIT);
}

void record_size_limit_build(struct engine *e, enum message message, struct writer *w)
{
	(void)message;
	writer_u16(w, own_limit(e));
}

int max_fragment_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	uint8_t code;

	(void)values;
	if (!reader_u8(body, &code))
		return -KTLS_R_MESSAGE_MALFORMED;
	if (code == 0 || code > FRAGMENT_CODE_MAX)
		return -KTLS_R_EXTENSION_INVALID;
	e->fragment_code = code;
	return 0;
}

/* A server that knows record_size_limit passes over the other where both come (RFC 8449, 5). */
bool max_fragment_wanted(const struct engine *e, enum message message)
{
	return message != MESSAGE_CLIENT_HELLO && e->config.record_size_limit > 0 &&
	       extension_received(e, EXTENSION_MAX_FRAGMENT_LENGTH) &&
	       !extension_received(e, EXTENSION_RECORD_SIZE_LIMIT);
}

void max_fragment_build(struct engine *e, enum message message, struct writer *w)
{
	(void)message;
	writer_u8(w, e->fragment_code);
}

/* 2^9 to 2^12 bytes of content, both ways. */
static void agree_on_fragments(struct engine *e)
{
	uint16_t content = (uint16_t)(1U << (8 + e->fragment_code));

	limit_sending(e, content);
	e->receive_limit = e->facts.version == KTLS_TLS_1_3 ? (uint16_t)(content + 1) : content;
}

void record_size_negotiate(struct engine *e)
{
	if (record_size_limit_wanted(e, MESSAGE_SERVER_HELLO))
		agree(e);
	else if (max_fragment_wanted(e, MESSAGE_SERVER_HELLO))
		agree_on_fragments(e);
}
