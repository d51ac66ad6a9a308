/* SPDX-License-Identifier: MIT */
/* Certificate, RFC 9846 4.5.1, and CertificateRequest, 4.4.2. */
#include "lib/handshake/extensions.h"
#include "lib/handshake/messages.h"

/* A client that was asked for a certificate and has none sends an empty list (4.5.1). */
int certificate_build(struct engine *e, struct writer *w)
{
	struct writer_vec list;

	writer_vec(w, 1, NULL, 0);
	list = writer_open(w, 3);
	for (size_t i = 0; i < e->choice.chain_len; i++) {
		writer_vec(w, 3, e->choice.chain[i].bytes, e->choice.chain[i].len);
		extensions_build(e, MESSAGE_CERTIFICATE, w);
	}
	writer_close(w, list);
	return e->choice.chain_len > 0 ? 0 : ALTERNATIVE;
}

static int take_entry(struct engine *e, struct reader *list, struct ktls_span *cert)
{
	struct extension_values values = { .message = MESSAGE_CERTIFICATE };
	struct reader der;
	int result;

	if (!reader_vec24(list, &der) || reader_empty(&der))
		return -KTLS_R_MESSAGE_MALFORMED;
	result = extensions_parse(e, list, &values);
	if (result < 0)
		return result;
	*cert = (struct ktls_span){ .bytes = der.at, .len = der.left };
	return 0;
}

/* Only a client may have none, and only where none is required. */
static int no_certificate(const struct engine *e)
{
	if (!engine_is_server(e))
		return -KTLS_R_CERTIFICATE_EMPTY;
	return e->config.client_auth == KTLS_ENGINE_REQUIRE_CLIENT_AUTH
		       ? -KTLS_R_CERTIFICATE_REQUIRED
		       : ALTERNATIVE;
}

int certificate_recv(struct engine *e, struct reader *body)
{
	struct ktls_span certs[KTLS_ENGINE_CERTS_MAX];
	struct reader context, list;
	size_t n = 0;
	int result;

	if (!reader_vec8(body, &context) || !reader_vec24(body, &list))
		return -KTLS_R_MESSAGE_MALFORMED;
	if (!reader_empty(&context))
		return -KTLS_R_REQUEST_CONTEXT;
	while (!reader_empty(&list)) {
		if (n == KTLS_ENGINE_CERTS_MAX)
			return -KTLS_R_CHAIN_TOO_LONG;
		result = take_entry(e, &list, &certs[n]);
		if (result < 0)
			return result;
		n++;
	}
	if (!reader_empty(body))
		return -KTLS_R_MESSAGE_MALFORMED;
	if (n == 0)
		return no_certificate(e);
	return engine_result(e->config.ops->verify_chain(e->arg, certs, n));
}

int certificate_request_build(struct engine *e, struct writer *w)
{
	writer_vec(w, 1, NULL, 0);
	extensions_build(e, MESSAGE_CERTIFICATE_REQUEST, w);
	return 0;
}

int certificate_request_recv(struct engine *e, struct reader *body)
{
	struct extension_values values = { .message = MESSAGE_CERTIFICATE_REQUEST };
	struct reader context;

	if (!reader_vec8(body, &context))
		return -KTLS_R_MESSAGE_MALFORMED;
	/* Only requests after the handshake have a context. */
	if (!reader_empty(&context))
		return -KTLS_R_REQUEST_CONTEXT;
	e->certificate_requested = true;
	return extensions_parse(e, body, &values);
}
