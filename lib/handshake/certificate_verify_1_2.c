/* SPDX-License-Identifier: MIT */
/* TLS 1.2's CertificateVerify, RFC 5246 7.4.8: only a client sends one. */
#include "lib/handshake/message_log.h"
#include "lib/handshake/messages.h"

#define SUPPORTED_VERSIONS 43

/* ---- what is signed -------------------------------------------------------------------------- */

/* The messages of a full handshake up to a CertificateVerify of the client's (7.3). */
static const struct {
	enum message type;
	bool optional; /* RSA key exchange has no ServerKeyExchange */
} order[] = {
	{ MESSAGE_CLIENT_HELLO, false },        { MESSAGE_SERVER_HELLO, false },
	{ MESSAGE_CERTIFICATE, false },         { MESSAGE_SERVER_KEY_EXCHANGE, true },
	{ MESSAGE_CERTIFICATE_REQUEST, false }, { MESSAGE_SERVER_HELLO_DONE, false },
	{ MESSAGE_CERTIFICATE, false },         { MESSAGE_CLIENT_KEY_EXCHANGE, false },
};

/* Whether it is a ServerHello of TLS 1.2: of that version, and none of TLS 1.3 in disguise. */
static bool is_hello_1_2(struct reader body)
{
	struct reader session_id, block, extension;
	uint16_t version, type;

	if (!reader_u16(&body, &version) || version != KTLS_TLS_1_2 || !reader_skip(&body, 32) ||
	    !reader_vec8(&body, &session_id) || session_id.left > 32 || !reader_skip(&body, 3))
		return false;
	if (reader_empty(&body))
		return true;
	if (!reader_vec16(&body, &block) || !reader_empty(&body))
		return false;
	while (!reader_empty(&block)) {
		if (!reader_u16(&block, &type) || !reader_vec16(&block, &extension) ||
		    type == SUPPORTED_VERSIONS)
			return false;
	}
	return true;
}

static bool is_client_hello(struct reader body)
{
	struct reader session_id, suites;
	uint16_t version;

	return reader_u16(&body, &version) && version == KTLS_TLS_1_2 && reader_skip(&body, 32) &&
	       reader_vec8(&body, &session_id) && session_id.left <= 32 &&
	       reader_vec16(&body, &suites) && !reader_empty(&suites);
}

static bool message_valid(uint8_t type, struct reader body)
{
	if (type == MESSAGE_CLIENT_HELLO)
		return is_client_hello(body);
	return type != MESSAGE_SERVER_HELLO || is_hello_1_2(body);
}

bool handshake_messages_valid(const uint8_t *messages, size_t len)
{
	struct reader r, body;
	size_t n = 0;
	uint8_t type;

	if (len > KTLS_ENGINE_MESSAGES_MAX)
		return false;
	reader_init(&r, messages, len);
	while (!reader_empty(&r)) {
		if (!reader_u8(&r, &type) || !reader_vec24(&r, &body))
			return false;
		if (n < sizeof(order) / sizeof(order[0]) && order[n].optional &&
		    order[n].type != type)
			n++;
		if (n == sizeof(order) / sizeof(order[0]) || order[n].type != type ||
		    !message_valid(type, body))
			return false;
		n++;
	}
	return n == sizeof(order) / sizeof(order[0]);
}

/* ---------------------------------------------------------------------------------------------- */

int certificate_verify_1_2_sign(struct engine *e)
{
	struct ktls_engine_sign request = {
		.credential = e->choice.credential,
		.scheme = e->choice.scheme,
		.role = KTLS_CLIENT,
		.version = KTLS_TLS_1_2,
		.messages = e->log.buf,
		.messages_len = e->log.len,
	};
	int result;

	result = engine_result(
		e->config.ops->sign(e->arg, &request, e->stash.small, &e->signature_len));
	message_log_close(e);
	return result;
}

int certificate_verify_1_2_recv(struct engine *e, struct reader *body)
{
	struct reader signature;
	uint16_t scheme;
	int result;

	if (!reader_u16(body, &scheme) || !reader_vec16(body, &signature) || !reader_empty(body))
		return -KTLS_R_MESSAGE_MALFORMED;
	/* "MUST be one of those present in the supported_signature_algorithms field", 7.4.8. */
	if (!engine_list_has(schemes_all, SCHEMES_MAX, scheme))
		return -KTLS_R_SCHEME_INVALID;
	e->facts.client_scheme = scheme;
	result = engine_result(e->config.ops->verify_signature(
		e->arg, scheme, e->log.buf, e->log.len, signature.at, signature.left));
	message_log_close(e);
	return result;
}
