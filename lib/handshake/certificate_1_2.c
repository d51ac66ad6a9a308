/* SPDX-License-Identifier: MIT */
/* TLS 1.2's Certificate (RFC 5246, 7.4.2 and 7.4.6) and CertificateRequest (7.4.4). */
#include "lib/handshake/extensions.h"
#include "lib/handshake/message_log.h"
#include "lib/handshake/messages.h"

/* ClientCertificateType: RFC 5246, 7.4.4; RFC 8422, 5.5. */
#define RSA_SIGN   1
#define ECDSA_SIGN 64

int certificate_1_2_build(struct engine *e, struct writer *w)
{
	struct writer_vec list = writer_open(w, 3);

	for (size_t i = 0; i < e->choice.chain_len; i++)
		writer_vec(w, 3, e->choice.chain[i].bytes, e->choice.chain[i].len);
	writer_close(w, list);
	if (e->choice.chain_len == 0)
		message_log_close(e);
	return 0;
}

/* Only a client may have none, and only where none is required. */
static int no_certificate(struct engine *e)
{
	if (!engine_is_server(e))
		return -KTLS_R_CERTIFICATE_EMPTY;
	if (e->config.client_auth == KTLS_ENGINE_REQUIRE_CLIENT_AUTH)
		return -KTLS_R_CERTIFICATE_REQUIRED_1_2;
	message_log_close(e);
	return 0;
}

int certificate_1_2_recv(struct engine *e, struct reader *body)
{
	struct ktls_span certs[KTLS_ENGINE_CERTS_MAX];
	struct reader list, der;
	size_t n = 0;

	if (!reader_vec24(body, &list) || !reader_empty(body))
		return -KTLS_R_MESSAGE_MALFORMED;
	while (!reader_empty(&list)) {
		if (!reader_vec24(&list, &der) || reader_empty(&der))
			return -KTLS_R_MESSAGE_MALFORMED;
		if (n == KTLS_ENGINE_CERTS_MAX)
			return -KTLS_R_CHAIN_TOO_LONG;
		certs[n++] = (struct ktls_span){ .bytes = der.at, .len = der.left };
	}
	if (n == 0)
		return no_certificate(e);
	e->certificate_received = engine_is_server(e);
	return engine_result(e->config.ops->verify_chain(e->arg, certs, n));
}

int certificate_request_1_2_build(struct engine *e, struct writer *w)
{
	static const uint8_t types[] = { ECDSA_SIGN, RSA_SIGN };

	writer_vec(w, 1, types, sizeof(types));
	schemes_build(e, MESSAGE_CERTIFICATE_REQUEST, w);
	writer_vec(w, 2, NULL, 0); /* certificate_authorities: any */
	return 0;
}

/* What we have no keys for is passed over. */
static void note_types(struct engine *e, struct reader types)
{
	uint8_t type;

	while (reader_u8(&types, &type)) {
		if (type == RSA_SIGN)
			e->certificate_types |= 1U << SUITE_RSA;
		else if (type == ECDSA_SIGN)
			e->certificate_types |= 1U << SUITE_ECDSA;
	}
}

/* The authorities are a hint (7.4.4): whether our certificate will do, the server knows. */
int certificate_request_1_2_recv(struct engine *e, struct reader *body)
{
	struct reader types, authorities;
	int result;

	if (!reader_vec8(body, &types) || reader_empty(&types))
		return -KTLS_R_MESSAGE_MALFORMED;
	result = schemes_parse(e, NULL, body);
	if (result < 0)
		return result;
	if (!reader_vec16(body, &authorities))
		return -KTLS_R_MESSAGE_MALFORMED;
	note_types(e, types);
	e->certificate_requested = true;
	return 0;
}
