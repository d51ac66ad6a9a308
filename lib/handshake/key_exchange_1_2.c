/* SPDX-License-Identifier: MIT */
/*
 * TLS 1.2's key exchange: ServerKeyExchange (RFC 8422, 5.4), ServerHelloDone (RFC 5246, 7.4.5),
 * ClientKeyExchange (RFC 8422, 5.7; with RSA encryption RFC 5246, 7.4.7.1).
 */
#include "lib/handshake/message_log.h"
#include "lib/handshake/messages.h"

#define NAMED_CURVE 3 /* ECCurveType */

_Static_assert(2 * 32 + 4 + KTLS_ENGINE_SHARE_MAX <= KTLS_ENGINE_CONTENT_MAX, "content too long");

static void params_build(struct writer *w, uint16_t group, const uint8_t *share, size_t share_len)
{
	writer_u8(w, NAMED_CURVE);
	writer_u16(w, group);
	writer_vec(w, 1, share, share_len);
}

size_t ktls_engine_signed_params(const uint8_t *client_random, const uint8_t *server_random,
				 uint16_t group, const uint8_t *share, size_t share_len,
				 uint8_t out[static KTLS_ENGINE_CONTENT_MAX])
{
	struct writer w;

	writer_init(&w, out, KTLS_ENGINE_CONTENT_MAX);
	writer_bytes(&w, client_random, 32);
	writer_bytes(&w, server_random, 32);
	params_build(&w, group, share, share_len);
	return writer_ok(&w) ? w.len : 0;
}

int server_key_exchange_sign(struct engine *e)
{
	struct ktls_engine_sign request = {
		.credential = e->choice.credential,
		.scheme = e->choice.scheme,
		.role = KTLS_SERVER,
		.version = KTLS_TLS_1_2,
		.client_random = e->random,
		.server_random = e->server_random,
		.group = e->group->number,
		.share = e->share,
		.share_len = kex_share_size(e->group->kex),
	};

	return engine_result(
		e->config.ops->sign(e->arg, &request, e->stash.small, &e->signature_len));
}

int server_key_exchange_build(struct engine *e, struct writer *w)
{
	if (e->signature_len == 0 || e->signature_len > KTLS_ENGINE_SIGNATURE_MAX)
		return -KTLS_R_SIGNER;
	params_build(w, e->group->number, e->share, kex_share_size(e->group->kex));
	writer_u16(w, e->choice.scheme);
	writer_vec(w, 2, e->stash.small, e->signature_len);
	e->facts.scheme = e->choice.scheme;
	return 0;
}

/* The peer's share, of a group that is agreed on. */
static int take_share(struct engine *e, const struct group *group, struct reader share)
{
	if (share.left != kex_share_size(group->kex))
		return -KTLS_R_KEY_SHARE_INVALID;
	e->peer_share_len = share.left;
	return reader_copy(&share, e->peer_share, share.left) ? 0 : -KTLS_R_INTERNAL;
}

static int take_params(struct engine *e, struct reader *body)
{
	struct reader share;
	uint16_t group;
	uint8_t type;

	if (!reader_u8(body, &type) || !reader_u16(body, &group) || !reader_vec8(body, &share))
		return -KTLS_R_MESSAGE_MALFORMED;
	if (type != NAMED_CURVE || !engine_list_has(e->config.groups, e->config.groups_len, group))
		return -KTLS_R_KEY_SHARE_MISMATCH;
	e->facts.group = group;
	return take_share(e, group_find(group), share);
}

int server_key_exchange_recv(struct engine *e, struct reader *body)
{
	uint8_t content[KTLS_ENGINE_CONTENT_MAX];
	struct reader signature;
	uint16_t scheme;
	size_t len;
	int result = take_params(e, body);

	if (result < 0)
		return result;
	if (!reader_u16(body, &scheme) || !reader_vec16(body, &signature) || !reader_empty(body))
		return -KTLS_R_MESSAGE_MALFORMED;
	if (!engine_list_has(schemes_all, SCHEMES_MAX, scheme) ||
	    scheme_auth(scheme) != e->schedule.suite->auth)
		return -KTLS_R_SCHEME_INVALID;
	len = ktls_engine_signed_params(e->random, e->server_random, e->facts.group, e->peer_share,
					e->peer_share_len, content);
	e->facts.scheme = scheme;
	return engine_result(e->config.ops->verify_signature(e->arg, scheme, content, len,
							     signature.at, signature.left));
}

int server_hello_done_build(struct engine *e, struct writer *w)
{
	(void)w;
	return engine_asks_client(e) ? ALTERNATIVE : 0;
}

int server_hello_done_recv(struct engine *e, struct reader *body)
{
	(void)body;
	if (e->certificate_requested)
		return ALTERNATIVE;
	message_log_close(e);
	return 0;
}

int client_key_exchange_build(struct engine *e, struct writer *w)
{
	if (engine_is_static_rsa(e)) {
		if (e->signature_len == 0 || e->signature_len > KTLS_ENGINE_SIGNATURE_MAX)
			return -KTLS_R_INTERNAL;
		writer_vec(w, 2, e->stash.small, e->signature_len);
		return 0;
	}
	writer_vec(w, 1, e->share, kex_share_size(e->group->kex));
	return 0;
}

/* Whatever it is: only the decryption may tell, and does not (RFC 5246, 7.4.7.1). */
static int take_encrypted(struct engine *e, struct reader *body)
{
	struct reader encrypted;

	if (!reader_vec16(body, &encrypted) || reader_empty(&encrypted) || !reader_empty(body) ||
	    encrypted.left > KTLS_ENGINE_SIGNATURE_MAX)
		return -KTLS_R_MESSAGE_MALFORMED;
	e->encrypted_len = encrypted.left;
	e->encrypted = e->config.ops->borrow(e->arg, encrypted.left);
	if (!e->encrypted)
		return -KTLS_R_NO_MEMORY;
	return reader_copy(&encrypted, e->encrypted, encrypted.left) ? 0 : -KTLS_R_INTERNAL;
}

int client_key_exchange_recv(struct engine *e, struct reader *body)
{
	struct reader share;

	if (engine_is_static_rsa(e))
		return take_encrypted(e, body);
	if (!reader_vec8(body, &share))
		return -KTLS_R_MESSAGE_MALFORMED;
	return take_share(e, e->group, share);
}
