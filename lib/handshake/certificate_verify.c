/* SPDX-License-Identifier: MIT */
/* CertificateVerify, RFC 9846 4.5.2. */
#include "lib/handshake/messages.h"

_Static_assert(KTLS_ENGINE_SIGNATURE_MAX <= STASH_SMALL, "the signature lies in the stash");

size_t ktls_engine_signed_content(enum ktls_role signer, const uint8_t *hash, size_t hash_len,
				  uint8_t out[static KTLS_ENGINE_CONTENT_MAX])
{
	static const char server[] = "TLS 1.3, server CertificateVerify";
	static const char client[] = "TLS 1.3, client CertificateVerify";
	struct writer w;

	writer_init(&w, out, KTLS_ENGINE_CONTENT_MAX);
	for (int i = 0; i < 64; i++)
		writer_u8(&w, 0x20);
	/* With the zero byte at its end, which separates it from the hash. */
	writer_bytes(&w, signer == KTLS_SERVER ? server : client, sizeof(server));
	writer_bytes(&w, hash, hash_len);
	return w.len;
}

static size_t server_content_1_2(const struct ktls_engine_sign *request,
				 uint8_t out[static KTLS_ENGINE_CONTENT_MAX])
{
	const struct group *group = group_find(request->group);

	if (!group || request->share_len != kex_share_size(group->kex))
		return 0;
	return ktls_engine_signed_params(request->client_random, request->server_random,
					 request->group, request->share, request->share_len, out);
}

static size_t content_1_3(const struct ktls_engine_sign *request,
			  uint8_t out[static KTLS_ENGINE_CONTENT_MAX])
{
	if (request->hash_len != 32 && request->hash_len != 48)
		return 0;
	return ktls_engine_signed_content(request->role, request->hash, request->hash_len, out);
}

struct ktls_span ktls_engine_sign_content(const struct ktls_engine_sign *request,
					  uint8_t scratch[static KTLS_ENGINE_CONTENT_MAX])
{
	struct ktls_span content = { .bytes = scratch };

	if (request->version == KTLS_TLS_1_3) {
		content.len = content_1_3(request, scratch);
	} else if (request->version != KTLS_TLS_1_2) {
		return content;
	} else if (request->role == KTLS_SERVER) {
		content.len = server_content_1_2(request, scratch);
	} else if (handshake_messages_valid(request->messages, request->messages_len)) {
		content.bytes = request->messages;
		content.len = request->messages_len;
	}
	return content;
}

static void note_scheme(struct engine *e, enum ktls_role signer, uint16_t scheme)
{
	if (signer == KTLS_SERVER)
		e->facts.scheme = scheme;
	else
		e->facts.client_scheme = scheme;
}

int certificate_verify_sign(struct engine *e)
{
	uint8_t hash[HASH_MAX];
	struct ktls_engine_sign request = {
		.credential = e->choice.credential,
		.scheme = e->choice.scheme,
		.role = e->config.role,
		.hash = hash,
		.hash_len = hash_size(e->schedule.suite->hash),
		.version = KTLS_TLS_1_3,
	};

	transcript_hash(&e->transcript, hash);
	return engine_result(
		e->config.ops->sign(e->arg, &request, e->stash.small, &e->signature_len));
}

int certificate_verify_build(struct engine *e, struct writer *w)
{
	if (e->signature_len == 0 || e->signature_len > KTLS_ENGINE_SIGNATURE_MAX)
		return -KTLS_R_SIGNER;
	writer_u16(w, e->choice.scheme);
	writer_vec(w, 2, e->stash.small, e->signature_len);
	note_scheme(e, e->config.role, e->choice.scheme);
	return 0;
}

int certificate_verify_recv(struct engine *e, struct reader *body)
{
	uint8_t hash[HASH_MAX], content[KTLS_ENGINE_CONTENT_MAX];
	enum ktls_role signer = engine_is_server(e) ? KTLS_CLIENT : KTLS_SERVER;
	struct reader signature;
	uint16_t scheme;
	size_t len;

	if (!reader_u16(body, &scheme) || !reader_vec16(body, &signature) || !reader_empty(body))
		return -KTLS_R_MESSAGE_MALFORMED;
	if (!scheme_signs_handshake(scheme))
		return -KTLS_R_SCHEME_INVALID;
	transcript_hash(&e->transcript, hash);
	len = ktls_engine_signed_content(signer, hash, hash_size(e->schedule.suite->hash), content);
	note_scheme(e, signer, scheme);
	return engine_result(e->config.ops->verify_signature(e->arg, scheme, content, len,
							     signature.at, signature.left));
}
