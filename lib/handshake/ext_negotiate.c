/* SPDX-License-Identifier: MIT */
/*
 * Extensions that negotiate the cryptography: supported_versions (RFC 9846, 4.3.1), cookie (4.3.2),
 * signature_algorithms (4.3.3), supported_groups (4.3.7), key_share (4.3.8).
 */
#include "lib/handshake/extensions.h"
#include "lib/handshake/grease.h"

#define COOKIE_MAX 4096

int versions_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	struct reader list;
	uint16_t version;

	if (values->message != MESSAGE_CLIENT_HELLO) {
		if (!reader_u16(body, &version))
			return -KTLS_R_MESSAGE_MALFORMED;
		e->facts.version = version;
		return version == KTLS_TLS_1_3 ? 0 : -KTLS_R_VERSION_INVALID;
	}
	if (!reader_vec8(body, &list) || reader_empty(&list) || list.left % 2 != 0)
		return -KTLS_R_MESSAGE_MALFORMED;
	while (reader_u16(&list, &version)) {
		values->offers_1_3 = values->offers_1_3 || version == KTLS_TLS_1_3;
		values->offers_1_2 = values->offers_1_2 || version == KTLS_TLS_1_2;
	}
	return 0;
}

void versions_build(struct engine *e, enum message message, struct writer *w)
{
	struct writer_vec list;

	if (message != MESSAGE_CLIENT_HELLO) {
		writer_u16(w, KTLS_TLS_1_3);
		return;
	}
	list = writer_open(w, 1);
	grease_build(e, GREASE_VERSION, w);
	for (uint16_t v = e->config.version_max; v >= e->config.version_min; v--)
		writer_u16(w, v);
	writer_close(w, list);
}

int cookie_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	(void)e;
	if (!reader_vec16(body, &values->cookie) || reader_empty(&values->cookie))
		return -KTLS_R_MESSAGE_MALFORMED;
	/* We never sent one. */
	if (values->message == MESSAGE_CLIENT_HELLO || values->cookie.left > COOKIE_MAX)
		return -KTLS_R_EXTENSION_INVALID;
	return 0;
}

bool cookie_wanted(const struct engine *e, enum message message)
{
	(void)message;
	return e->cookie != NULL;
}

void cookie_build(struct engine *e, enum message message, struct writer *w)
{
	(void)message;
	writer_vec(w, 2, e->cookie, e->cookie_len);
}

/* A non-empty list of 16-bit numbers. */
static bool take_list(struct reader *body, struct reader *list)
{
	return reader_vec16(body, list) && !reader_empty(list) && list->left % 2 == 0;
}

int schemes_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	struct reader list;
	uint16_t scheme;

	(void)values;
	if (!take_list(body, &list))
		return -KTLS_R_MESSAGE_MALFORMED;
	e->schemes_len = 0;
	while (reader_u16(&list, &scheme)) {
		if (e->schemes_len < SCHEMES_MAX &&
		    engine_list_has(schemes_all, SCHEMES_MAX, scheme) &&
		    !engine_list_has(e->schemes, e->schemes_len, scheme))
			e->schemes[e->schemes_len++] = scheme;
	}
	return 0;
}

/* Wishes about the signatures inside the chain: a server has one chain a key and sends it
 * (4.5.1.2). */
int schemes_cert_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	struct reader list;

	(void)e;
	(void)values;
	return take_list(body, &list) ? 0 : -KTLS_R_MESSAGE_MALFORMED;
}

void schemes_build(struct engine *e, enum message message, struct writer *w)
{
	struct writer_vec list = writer_open(w, 2);

	if (message == MESSAGE_CLIENT_HELLO)
		grease_build(e, GREASE_SCHEME, w);
	for (size_t i = 0; i < SCHEMES_MAX; i++)
		writer_u16(w, schemes_all[i]);
	writer_close(w, list);
}

int groups_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	struct reader list;

	(void)e;
	if (!take_list(body, &list))
		return -KTLS_R_MESSAGE_MALFORMED;
	/* A server's wishes for later connections (4.3.7) are no use to us. */
	if (values->message == MESSAGE_CLIENT_HELLO)
		values->groups = list;
	return 0;
}

void groups_build(struct engine *e, enum message message, struct writer *w)
{
	struct writer_vec list = writer_open(w, 2);

	(void)message;
	grease_build(e, GREASE_GROUP, w);
	for (size_t i = 0; i < e->config.groups_len; i++)
		writer_u16(w, e->config.groups[i]);
	writer_close(w, list);
}

int key_share_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	(void)e;
	if (values->message == MESSAGE_CLIENT_HELLO)
		return reader_vec16(body, &values->shares) ? 0 : -KTLS_R_MESSAGE_MALFORMED;
	if (!reader_u16(body, &values->group))
		return -KTLS_R_MESSAGE_MALFORMED;
	if (values->message == MESSAGE_HELLO_RETRY)
		return 0;
	if (!reader_vec16(body, &values->share) || reader_empty(&values->share))
		return -KTLS_R_MESSAGE_MALFORMED;
	return 0;
}

static void share_build(const struct engine *e, struct writer *w)
{
	writer_u16(w, e->group->number);
	writer_vec(w, 2, e->share, kex_share_size(e->group->kex));
}

bool key_share_wanted(const struct engine *e, enum message message)
{
	return message != MESSAGE_SERVER_HELLO || !e->schedule.psk_only;
}

void key_share_build(struct engine *e, enum message message, struct writer *w)
{
	struct writer_vec list;

	if (message == MESSAGE_HELLO_RETRY) {
		writer_u16(w, e->group->number);
	} else if (message == MESSAGE_SERVER_HELLO) {
		share_build(e, w);
	} else {
		list = writer_open(w, 2);
		grease_share_build(e, w);
		share_build(e, w);
		writer_close(w, list);
	}
}
