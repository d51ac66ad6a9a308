/* SPDX-License-Identifier: MIT */
/* ServerHello and HelloRetryRequest, RFC 9846 4.2.3 and 4.2.4: one form, told apart by the random.
 */
#include <string.h>

#include "lib/handshake/extensions.h"
#include "lib/handshake/messages.h"
#include "lib/handshake/psk.h"
#include "lib/handshake/resume_1_2.h"

#define LEGACY_VERSION     0x0303
#define SUPPORTED_VERSIONS 43

/* SHA-256 of "HelloRetryRequest", 4.2.3. */
static const uint8_t retry_random[32] = {
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
	0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
	0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

/* The end of a random whose server could have done better, 4.2.3. */
static const uint8_t downgrade_to_1_2[8] = "DOWNGRD\x01";
static const uint8_t downgrade_below[8] = { 'D', 'O', 'W', 'N', 'G', 'R', 'D', 0 };

struct server_hello {
	uint16_t version;
	struct reader random;
	struct reader session_id;
	uint16_t suite;
	uint8_t compression;
	struct extension_values values;
};

/* ---- server ---------------------------------------------------------------------------------- */

static void build(struct engine *e, enum message message, const uint8_t random[static 32],
		  struct writer *w)
{
	size_t extensions;

	writer_u16(w, LEGACY_VERSION);
	writer_bytes(w, random, 32);
	writer_vec(w, 1, e->session_id, e->session_id_len);
	writer_u16(w, e->facts.suite);
	writer_u8(w, 0);
	extensions = w->len;
	extensions_build(e, message, w);
	/* In TLS 1.2 none are no block: a client may have sent none either (RFC 5246, 7.4.1.4). */
	if (message == MESSAGE_SERVER_HELLO_1_2 && w->len == extensions + 2)
		w->len = extensions;
}

int server_hello_build(struct engine *e, struct writer *w)
{
	uint8_t random[32];
	int result = e->config.ops->random(e->arg, random, sizeof(random));

	if (result < 0)
		return result;
	build(e, MESSAGE_SERVER_HELLO, random, w);
	return 0;
}

/* A server that could do better says so (4.2.3); one that has chosen to be a 1.2 server does not.
 */
int server_hello_1_2_build(struct engine *e, struct writer *w)
{
	uint8_t *random = e->server_random;
	int result = e->config.ops->random(e->arg, random, sizeof(e->server_random));

	if (result < 0)
		return result;
	if (engine_may_use(e, KTLS_TLS_1_3) && !e->prefers_1_2)
		memcpy(random + 24, downgrade_to_1_2, sizeof(downgrade_to_1_2));
	build(e, MESSAGE_SERVER_HELLO_1_2, random, w);
	return 0;
}

int hello_retry_build(struct engine *e, struct writer *w)
{
	e->facts.retried = true;
	transcript_retry(&e->transcript);
	build(e, MESSAGE_HELLO_RETRY, retry_random, w);
	return 0;
}

/* ---- client ---------------------------------------------------------------------------------- */

bool hello_is_retry(struct reader body)
{
	struct reader random;

	return reader_skip(&body, 2) && reader_bytes(&body, 32, &random) &&
	       reader_equal(&random, retry_random, sizeof(retry_random));
}

static bool parse_fields(struct reader *body, struct server_hello *h)
{
	return reader_u16(body, &h->version) && reader_bytes(body, 32, &h->random) &&
	       reader_vec8(body, &h->session_id) && h->session_id.left <= 32 &&
	       reader_u16(body, &h->suite) && reader_u8(body, &h->compression);
}

static bool find_extension(struct reader message, uint16_t wanted, struct reader *body)
{
	struct reader block;
	uint16_t type;

	if (!reader_vec16(&message, &block))
		return false;
	while (reader_u16(&block, &type) && reader_vec16(&block, body))
		if (type == wanted)
			return true;
	return false;
}

static bool ends_with(struct reader random, const uint8_t end[static 8])
{
	return reader_skip(&random, 24) && reader_equal(&random, end, 8);
}

/* Without supported_versions it is TLS 1.2 or older: LEGACY, or a reason. */
static int check_version_1_2(const struct engine *e, const struct server_hello *h)
{
	if (engine_may_use(e, KTLS_TLS_1_3) &&
	    (ends_with(h->random, downgrade_to_1_2) || ends_with(h->random, downgrade_below)))
		return -KTLS_R_DOWNGRADE;
	if (h->version != KTLS_TLS_1_2 || !engine_may_use(e, KTLS_TLS_1_2))
		return -KTLS_R_VERSION_UNSUPPORTED;
	/* The retry was one of TLS 1.3, and its version "MUST be retained", 4.2.4. */
	return e->facts.retried ? -KTLS_R_VERSION_INVALID : LEGACY;
}

/* "Clients MUST check for this extension prior to processing the rest of the ServerHello", 4.3.1.
 */
static int check_version(const struct engine *e, const struct server_hello *h, struct reader rest)
{
	struct reader versions;
	uint16_t version;

	if (!find_extension(rest, SUPPORTED_VERSIONS, &versions))
		return check_version_1_2(e, h);
	if (!reader_u16(&versions, &version) || !reader_empty(&versions))
		return -KTLS_R_MESSAGE_MALFORMED;
	if (version != KTLS_TLS_1_3 || !engine_may_use(e, version))
		return -KTLS_R_VERSION_INVALID;
	return h->version == LEGACY_VERSION ? 0 : -KTLS_R_LEGACY_VERSION;
}

static int check_fields(struct engine *e, const struct server_hello *h, uint16_t version)
{
	bool same = reader_equal(&h->session_id, e->session_id, e->session_id_len);

	/* In TLS 1.2 an echo resumes a session, which there may never have been (E.4). */
	if (version == KTLS_TLS_1_2 && same && e->session_id_len > 0)
		e->facts.resumed = e->resume.offered;
	if (version == KTLS_TLS_1_3 ? !same : same && e->session_id_len > 0 && !e->resume.offered)
		return -KTLS_R_SESSION_ID_ECHO;
	if (!engine_list_has(e->config.suites, e->config.suites_len, h->suite) ||
	    suite_find(h->suite)->version != version || !engine_has_suite(e, suite_find(h->suite)))
		return -KTLS_R_SUITE_INVALID;
	if (e->facts.retried && h->suite != e->facts.suite)
		return -KTLS_R_RETRY_MISMATCH;
	return h->compression == 0 ? 0 : -KTLS_R_COMPRESSION;
}

/* TLS 1.2 has hellos that end before them. */
static int parse_extensions(struct engine *e, struct reader *body, struct server_hello *h)
{
	if (h->values.message == MESSAGE_SERVER_HELLO_1_2 && reader_empty(body)) {
		e->received = 0;
		return extensions_required(e, MESSAGE_SERVER_HELLO_1_2);
	}
	return extensions_parse(e, body, &h->values);
}

/* 0, LEGACY where the server has chosen TLS 1.2, or a reason. */
static int parse(struct engine *e, enum message message, struct reader *body,
		 struct server_hello *h)
{
	int result, version;

	*h = (struct server_hello){ .values.message = message };
	if (!parse_fields(body, h))
		return -KTLS_R_MESSAGE_MALFORMED;
	version = check_version(e, h, *body);
	if (version < 0)
		return version;
	if (version == LEGACY)
		h->values.message = MESSAGE_SERVER_HELLO_1_2;
	e->facts.version = version == LEGACY ? KTLS_TLS_1_2 : KTLS_TLS_1_3;
	result = check_fields(e, h, e->facts.version);
	if (result < 0)
		return result;
	result = parse_extensions(e, body, h);
	if (result < 0)
		return result;
	e->facts.suite = h->suite;
	e->schedule.suite = suite_find(h->suite);
	transcript_select(&e->transcript, e->schedule.suite->hash);
	return version;
}

static int take_1_2(struct engine *e, struct server_hello *h)
{
	psk_withdraw(e);
	e->extended_master = extension_received(e, EXTENSION_EXTENDED_MASTER_SECRET);
	if (!reader_copy(&h->random, e->server_random, sizeof(e->server_random)))
		return -KTLS_R_INTERNAL;
	return e->facts.resumed ? resume_1_2_check(e) : 0;
}

static int take_share(struct engine *e, struct server_hello *h)
{
	if (!extension_received(e, EXTENSION_KEY_SHARE))
		return -KTLS_R_EXTENSION_MISSING;
	if (h->values.group != e->group->number)
		return -KTLS_R_KEY_SHARE_MISMATCH;
	e->peer_share_len = h->values.share.left;
	if (e->peer_share_len != kex_share_size(e->group->kex) ||
	    !reader_copy(&h->values.share, e->peer_share, e->peer_share_len))
		return -KTLS_R_KEY_SHARE_INVALID;
	e->facts.group = e->group->number;
	return 0;
}

int server_hello_recv(struct engine *e, struct reader *body)
{
	struct server_hello h;
	int result = parse(e, MESSAGE_SERVER_HELLO, body, &h);

	if (result == LEGACY) {
		result = take_1_2(e, &h);
		return result < 0 ? result : LEGACY;
	}
	if (result == 0)
		result = psk_answer(e, &h.values);
	if (result == 0 && !e->schedule.psk_only)
		result = take_share(e, &h);
	return result;
}

/* A group of ours, but not the one whose share the server has already (4.3.8). */
static int take_group(struct engine *e, uint16_t group)
{
	if (group == e->group->number)
		return -KTLS_R_RETRY_NO_CHANGE;
	if (!engine_list_has(e->config.groups, e->config.groups_len, group))
		return -KTLS_R_KEY_SHARE_MISMATCH;
	e->retry_group = group_find(group);
	return 0;
}

static int take_cookie(struct engine *e, struct reader cookie)
{
	size_t len = cookie.left;

	e->cookie = e->config.ops->borrow(e->arg, len);
	if (!e->cookie)
		return -KTLS_R_NO_MEMORY;
	e->cookie_len = len;
	return reader_copy(&cookie, e->cookie, len) ? 0 : -KTLS_R_INTERNAL;
}

int hello_retry_recv(struct engine *e, struct reader *body)
{
	struct server_hello h;
	int result = parse(e, MESSAGE_HELLO_RETRY, body, &h);

	if (result != 0)
		return result < 0 ? result : -KTLS_R_VERSION_UNSUPPORTED;
	if (!extension_received(e, EXTENSION_KEY_SHARE) && !extension_received(e, EXTENSION_COOKIE))
		return -KTLS_R_RETRY_NO_CHANGE;
	if (extension_received(e, EXTENSION_KEY_SHARE)) {
		result = take_group(e, h.values.group);
		if (result < 0)
			return result;
	}
	e->facts.retried = true;
	if (e->schedule.early_hash != e->schedule.suite->hash)
		psk_withdraw(e);
	transcript_retry(&e->transcript);
	return extension_received(e, EXTENSION_COOKIE) ? take_cookie(e, h.values.cookie) : 0;
}

int hello_retry_again(struct engine *e, struct reader *body)
{
	(void)e;
	(void)body;
	return -KTLS_R_RETRY_REPEATED;
}
