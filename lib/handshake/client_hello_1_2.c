/* SPDX-License-Identifier: MIT */
/* What a server of TLS 1.2 makes of a ClientHello (RFC 5246, 7.4.1.2), and when it is one. */
#include "lib/handshake/client_hello.h"
#include "lib/handshake/resume_1_2.h"

/* Suites that are signals: RFC 5746, 3.3; RFC 7507, 2. */
#define SUITE_RENEGOTIATION 0x00ff
#define SUITE_FALLBACK      0x5600

bool hello_list_has(struct reader list, uint16_t number)
{
	uint16_t item;

	while (reader_u16(&list, &item))
		if (item == number)
			return true;
	return false;
}

/* What devices can do, and with forward secrecy: nobody loses that for the sake of a device. */
static bool is_ephemeral_gcm(const struct suite *suite)
{
	return suite->version == KTLS_TLS_1_2 && suite->auth != SUITE_RSA_ENCRYPTION &&
	       suite->aead != AEAD_CHACHA20_POLY1305;
}

static bool shares_gcm_1_2(const struct engine *e, const struct client_hello *h)
{
	for (size_t i = 0; i < e->config.suites_len; i++)
		if (is_ephemeral_gcm(suite_find(e->config.suites[i])) &&
		    hello_list_has(h->suites, e->config.suites[i]))
			return true;
	return false;
}

/* A client that lists no groups takes any (RFC 8422, 4). */
static bool shares_group_1_2(const struct engine *e, const struct client_hello *h)
{
	if (!extension_received(e, EXTENSION_SUPPORTED_GROUPS))
		return true;
	for (size_t i = 0; i < e->config.groups_len; i++)
		if (hello_list_has(h->values.groups, e->config.groups[i]))
			return true;
	return false;
}

/*
 * Whether this is to be a server of TLS 1.2 for a client that has both. It depends on what the
 * client offers there and on nothing else, so that nobody between the ends gains by taking TLS 1.3
 * out of the hello; whoever takes the rest out gets TLS 1.3. Early data is for that only (D.3).
 */
bool hello_prefers_1_2(const struct engine *e, const struct client_hello *h)
{
	return e->config.prefer_1_2 && engine_may_use(e, KTLS_TLS_1_2) &&
	       !extension_received(e, EXTENSION_EARLY_DATA) && shares_gcm_1_2(e, h) &&
	       shares_group_1_2(e, h) &&
	       (e->config.plain_master_secret ||
		extension_received(e, EXTENSION_EXTENDED_MASTER_SECRET));
}

/*
 * What the client has of our suites; which one it is depends on the certificate. Without a group
 * there is no ephemeral key exchange (RFC 8422, 4).
 */
static int note_suites(struct engine *e, const struct client_hello *h)
{
	bool ephemeral = false;

	e->offered_suites = 0;
	for (size_t i = 0; i < e->config.suites_len; i++) {
		const struct suite *suite = suite_find(e->config.suites[i]);

		if (suite->version != KTLS_TLS_1_2 || !engine_has_suite(e, suite) ||
		    !hello_list_has(h->suites, suite->number))
			continue;
		if (e->prefers_1_2 && !is_ephemeral_gcm(suite))
			continue;
		if (suite->auth == SUITE_RSA_ENCRYPTION || e->group)
			e->offered_suites |= (uint16_t)(1U << i);
		ephemeral = ephemeral || suite->auth != SUITE_RSA_ENCRYPTION;
	}
	if (e->offered_suites)
		return 0;
	return ephemeral ? -KTLS_R_GROUPS_NONE_SHARED : -KTLS_R_SUITES_NONE_SHARED;
}

/* Curves that keys of certificates are on: the client has to know them, too (RFC 8422, 5.3). */
static void note_curves(struct engine *e, const struct client_hello *h)
{
	static const uint16_t curves[CURVES_MAX] = { KTLS_GROUP_SECP256R1, KTLS_GROUP_SECP384R1 };

	e->any_curve = !extension_received(e, EXTENSION_SUPPORTED_GROUPS);
	e->curves_len = 0;
	for (size_t i = 0; i < CURVES_MAX; i++)
		if (hello_list_has(h->values.groups, curves[i]))
			e->curves[e->curves_len++] = curves[i];
}

/* A client that lists no groups takes any (RFC 8422, 4). */
static void choose_group_1_2(struct engine *e, const struct client_hello *h)
{
	bool any = !extension_received(e, EXTENSION_SUPPORTED_GROUPS);

	for (size_t i = 0; i < e->config.groups_len; i++) {
		if (!any && !hello_list_has(h->values.groups, e->config.groups[i]))
			continue;
		e->group = group_find(e->config.groups[i]);
		e->facts.group = e->group->number;
		return;
	}
}

static int check_1_2(struct engine *e, const struct client_hello *h)
{
	struct reader methods = h->compression;
	uint8_t method = 1;

	if (hello_list_has(h->suites, SUITE_FALLBACK) && engine_may_use(e, KTLS_TLS_1_3))
		return -KTLS_R_FALLBACK;
	while (method != 0 && reader_u8(&methods, &method))
		;
	if (method != 0)
		return -KTLS_R_COMPRESSION;
	e->extended_master = extension_received(e, EXTENSION_EXTENDED_MASTER_SECRET);
	if (!e->extended_master && !e->config.plain_master_secret)
		return -KTLS_R_MASTER_SECRET;
	if (hello_list_has(h->suites, SUITE_RENEGOTIATION))
		e->signals_renegotiation = true;
	return 0;
}

int hello_negotiate_1_2(struct engine *e, const struct client_hello *h)
{
	int result = check_1_2(e, h);

	/* Early data is for TLS 1.3 only: whoever sends some cannot go on (D.3). */
	e->skip_early_data = false;
	e->hello_version = h->version;
	note_curves(e, h);
	choose_group_1_2(e, h);
	if (result == 0)
		result = note_suites(e, h);
	if (result == 0)
		result = resume_1_2_take(e, h->values.ticket, h->session_id);
	return result < 0 ? result : LEGACY;
}
