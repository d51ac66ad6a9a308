/* SPDX-License-Identifier: MIT */
/* ClientHello, RFC 9846 4.2.2, and the server's choices from it, 4.2.1. */
#include <string.h>

#include "lib/crypto/util.h"
#include "lib/handshake/client_hello.h"
#include "lib/handshake/grease.h"
#include "lib/handshake/messages.h"
#include "lib/handshake/psk.h"
#include "lib/handshake/resume_1_2.h"

#define LEGACY_VERSION 0x0303
#define SHARES_MAX     64 /* key shares in a ClientHello; more are refused */

/* Extension types that a second ClientHello may change (4.2.2); RFC 9849 adds its own. */
static const uint16_t retry_may_change[] = {
	51,     /* key_share */
	42,     /* early_data */
	44,     /* cookie */
	41,     /* pre_shared_key */
	21,     /* padding */
	0xfe0d, /* encrypted_client_hello */
};

/* ---- client ---------------------------------------------------------------------------------- */

static int make_randoms(struct engine *e)
{
	int result = e->config.ops->random(e->arg, e->random, sizeof(e->random));

	if (result < 0)
		return result;
	resume_1_2_offer(e);
	if (!engine_may_use(e, KTLS_TLS_1_3) && !e->resume.offered)
		return 0;
	/*
	 * A session id that nobody knows makes us look like a resuming TLS 1.2 client: E.4. With a
	 * ticket its echo says that the server resumes (RFC 5077, 3.4).
	 */
	e->session_id_len = sizeof(e->session_id);
	return e->config.ops->random(e->arg, e->session_id, sizeof(e->session_id));
}

static void give_cookie_back(struct engine *e)
{
	if (e->cookie)
		e->config.ops->give_back(e->arg, e->cookie);
	e->cookie = NULL;
}

int client_hello_build(struct engine *e, struct writer *w)
{
	struct writer_vec suites;
	size_t start = w->len;
	int result;

	result = e->facts.retried ? 0 : make_randoms(e);
	if (result == 0)
		result = psk_offer(e);
	if (result < 0)
		return result;
	writer_u16(w, LEGACY_VERSION);
	writer_bytes(w, e->random, sizeof(e->random));
	writer_vec(w, 1, e->session_id, e->session_id_len);
	suites = writer_open(w, 2);
	grease_build(e, GREASE_SUITE, w);
	for (size_t i = 0; i < e->config.suites_len; i++) {
		const struct suite *suite = suite_find(e->config.suites[i]);

		if (engine_may_use(e, suite->version) && engine_has_suite(e, suite))
			writer_u16(w, suite->number);
	}
	writer_close(w, suites);
	writer_vec(w, 1, "\0", 1);
	extensions_build(e, MESSAGE_CLIENT_HELLO, w);
	psk_bind(e, w, start);
	give_cookie_back(e);
	return 0;
}

/* ---- server ---------------------------------------------------------------------------------- */

static bool parse_fields(struct reader *body, struct client_hello *h)
{
	return reader_u16(body, &h->version) && reader_bytes(body, 32, &h->random) &&
	       reader_vec8(body, &h->session_id) && h->session_id.left <= 32 &&
	       reader_vec16(body, &h->suites) && !reader_empty(&h->suites) &&
	       h->suites.left % 2 == 0 && reader_vec8(body, &h->compression) &&
	       !reader_empty(&h->compression);
}

static int parse(struct engine *e, struct reader *body, struct client_hello *h)
{
	*h = (struct client_hello){ .values.message = MESSAGE_CLIENT_HELLO };
	if (!parse_fields(body, h))
		return -KTLS_R_MESSAGE_MALFORMED;
	e->received = 0;
	/* "Servers will need to perform this check first", 4.2.2: TLS 1.2 has hellos without them.
	 */
	return reader_empty(body) ? 0 : extensions_parse(e, body, &h->values);
}

/*
 * The highest version of ours that the client has (4.3.1, RFC 5246 E.1), unless the other one is
 * preferred; 0 if there is none.
 */
static uint16_t choose_version(struct engine *e, const struct client_hello *h)
{
	bool listed = extension_received(e, EXTENSION_SUPPORTED_VERSIONS);
	bool has_1_2 = listed ? h->values.offers_1_2 : h->version >= KTLS_TLS_1_2;

	e->prefers_1_2 = has_1_2 && hello_prefers_1_2(e, h);
	if (e->prefers_1_2)
		return KTLS_TLS_1_2;
	if (h->values.offers_1_3 && engine_may_use(e, KTLS_TLS_1_3))
		return KTLS_TLS_1_3;
	if (has_1_2 && engine_may_use(e, KTLS_TLS_1_2))
		return KTLS_TLS_1_2;
	return 0;
}

/*
 * What must be there "if not containing a pre_shared_key" (9.2), and is missed only where that key
 * is none of ours.
 */
static int check_required(struct engine *e, const struct client_hello *h)
{
	int result = extensions_required(e, MESSAGE_CLIENT_HELLO);

	if (!extension_received(e, EXTENSION_PRE_SHARED_KEY))
		return result;
	/* "Servers MUST abort" where a pre-shared key comes without its modes, 4.3.9. */
	if (!extension_received(e, EXTENSION_PSK_MODES))
		return -KTLS_R_EXTENSION_MISSING;
	if (h->values.psk_result < 0)
		return h->values.psk_result;
	/* Neither without the other, 9.2. */
	if (extension_received(e, EXTENSION_SUPPORTED_GROUPS) !=
	    extension_received(e, EXTENSION_KEY_SHARE))
		return -KTLS_R_EXTENSION_MISSING;
	e->psk.otherwise = result;
	return 0;
}

static int check_1_3(struct engine *e, const struct client_hello *h)
{
	if (h->version != LEGACY_VERSION)
		return -KTLS_R_LEGACY_VERSION;
	if (!reader_equal(&h->compression, "\0", 1))
		return -KTLS_R_COMPRESSION;
	return check_required(e, h);
}

static int choose_suite(struct engine *e, const struct client_hello *h)
{
	for (size_t i = 0; i < e->config.suites_len; i++) {
		const struct suite *suite = suite_find(e->config.suites[i]);

		if (suite->version != KTLS_TLS_1_3 || !hello_list_has(h->suites, suite->number))
			continue;
		e->schedule.suite = suite;
		e->facts.suite = e->config.suites[i];
		transcript_select(&e->transcript, e->schedule.suite->hash);
		return 0;
	}
	return -KTLS_R_SUITES_NONE_SHARED;
}

/* The client's share of one group. False where it sent none. */
static bool find_share(struct reader shares, uint16_t group, struct reader *share)
{
	struct reader item;
	uint16_t number;

	while (reader_u16(&shares, &number) && reader_vec16(&shares, &item)) {
		if (number != group)
			continue;
		*share = item;
		return true;
	}
	return false;
}

/* A share per group at most, and none of a group that is not offered (4.3.8). */
static int check_shares(const struct client_hello *h)
{
	struct reader shares = h->values.shares, share, first;
	uint16_t group;

	for (size_t n = 0; !reader_empty(&shares); n++) {
		if (!reader_u16(&shares, &group) || !reader_vec16(&shares, &share) ||
		    reader_empty(&share))
			return -KTLS_R_MESSAGE_MALFORMED;
		if (n == SHARES_MAX)
			return -KTLS_R_EXTENSION_INVALID;
		if (!hello_list_has(h->values.groups, group) ||
		    !find_share(h->values.shares, group, &first) || first.at != share.at)
			return -KTLS_R_KEY_SHARE_MISMATCH;
	}
	return 0;
}

static int take_share(struct engine *e, const struct group *group, struct reader share)
{
	if (share.left != kex_share_size(group->kex))
		return -KTLS_R_KEY_SHARE_INVALID;
	e->group = group;
	e->facts.group = group->number;
	e->peer_share_len = share.left;
	if (!reader_copy(&share, e->peer_share, share.left))
		return -KTLS_R_INTERNAL;
	return 0;
}

/*
 * A group that both have: our order decides among those that the client sent a share for, which
 * saves a round trip; else among all, by a retry.
 */
static int choose_group(struct engine *e, const struct client_hello *h)
{
	const struct group *retry = NULL;
	struct reader share;

	for (size_t i = 0; i < e->config.groups_len; i++) {
		const struct group *group = group_find(e->config.groups[i]);

		if (!hello_list_has(h->values.groups, group->number))
			continue;
		if (find_share(h->values.shares, group->number, &share))
			return take_share(e, group, share);
		if (!retry)
			retry = group;
	}
	if (!retry)
		return -KTLS_R_GROUPS_NONE_SHARED;
	e->group = retry;
	return ALTERNATIVE;
}

/* After a retry, exactly the share that was asked for (4.2.2). */
static int check_retried_share(struct engine *e, const struct client_hello *h)
{
	struct reader shares = h->values.shares, share;
	uint16_t group;

	if (!reader_u16(&shares, &group) || !reader_vec16(&shares, &share) ||
	    !reader_empty(&shares) || group != e->group->number)
		return -KTLS_R_RETRY_MISMATCH;
	return take_share(e, e->group, share);
}

static bool may_change(uint16_t type)
{
	return engine_list_has(retry_may_change,
			       sizeof(retry_may_change) / sizeof(retry_may_change[0]), type);
}

static void hash_reader(struct hash *h, const struct reader *r)
{
	hash_update(h, r->at, r->left);
}

/* Digest of all that a second ClientHello must repeat. body was parsed successfully before. */
static void digest(struct reader body, uint8_t out[static 32])
{
	struct client_hello h;
	struct reader block, value;
	struct hash hash;
	uint8_t head[4];
	uint16_t type;

	hash_init(&hash, HASH_SHA256);
	if (parse_fields(&body, &h) && reader_vec16(&body, &block)) {
		hash_reader(&hash, &h.random);
		hash_reader(&hash, &h.session_id);
		hash_reader(&hash, &h.suites);
		while (reader_u16(&block, &type) && reader_vec16(&block, &value)) {
			struct writer w;

			if (may_change(type))
				continue;
			writer_init(&w, head, sizeof(head));
			writer_u16(&w, type);
			writer_u16(&w, (uint16_t)value.left);
			hash_update(&hash, head, sizeof(head));
			hash_reader(&hash, &value);
		}
	}
	hash_final(&hash, out);
}

static int check_repeated(const struct engine *e, struct reader body)
{
	uint8_t now[32];

	digest(body, now);
	return secret_equal(now, e->hello_digest, sizeof(now)) ? 0 : -KTLS_R_RETRY_MISMATCH;
}

static int negotiate_group(struct engine *e, const struct client_hello *h, struct reader body)
{
	int result;

	if (e->facts.retried) {
		/* "Early data is not permitted after a HelloRetryRequest", 4.2.2. */
		e->skip_early_data = false;
		result = check_repeated(e, body);
		return result < 0 ? result : check_retried_share(e, h);
	}
	result = choose_group(e, h);
	if (result == ALTERNATIVE)
		digest(body, e->hello_digest);
	return result;
}

/* The server's side of the negotiation: 0, ALTERNATIVE for a retry, PENDING for a ticket. */
static int negotiate(struct engine *e, const struct client_hello *h, struct reader body)
{
	int result = choose_suite(e, h);
	bool has_share;

	if (result == 0)
		result = negotiate_group(e, h, body);
	has_share = result == 0;
	/* With a pre-shared key it may go on without a key exchange. */
	if (result == -KTLS_R_GROUPS_NONE_SHARED &&
	    extension_received(e, EXTENSION_PRE_SHARED_KEY)) {
		if (e->psk.otherwise == 0)
			e->psk.otherwise = result;
		result = 0;
	}
	return result == 0 ? psk_open(e, &h->values, body, has_share) : result;
}

/* ---------------------------------------------------------------------------------------------- */

int client_hello_recv(struct engine *e, struct reader *body)
{
	struct reader whole = *body;
	struct client_hello h;
	int result;

	result = parse(e, body, &h);
	if (result < 0)
		return result;
	if (!reader_copy(&h.random, e->random, sizeof(e->random)))
		return -KTLS_R_INTERNAL;
	e->facts.version = choose_version(e, &h);
	if (e->facts.version == 0)
		return -KTLS_R_VERSION_UNSUPPORTED;
	record_size_negotiate(e);
	if (e->facts.version == KTLS_TLS_1_2)
		return e->facts.retried ? -KTLS_R_RETRY_MISMATCH : hello_negotiate_1_2(e, &h);
	if (!reader_empty(body))
		return -KTLS_R_MESSAGE_MALFORMED;
	result = check_1_3(e, &h);
	if (result == 0)
		result = check_shares(&h);
	if (result < 0)
		return result;
	e->session_id_len = (uint8_t)h.session_id.left;
	if (!reader_copy(&h.session_id, e->session_id, h.session_id.left))
		return -KTLS_R_INTERNAL;
	return negotiate(e, &h, whole);
}
