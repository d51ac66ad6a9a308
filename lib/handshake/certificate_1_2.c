/* SPDX-License-Identifier: MIT */
/* TLS 1.2's Certificate (RFC 5246, 7.4.2) and CertificateRequest (7.4.4). */
#include "lib/handshake/messages.h"

int certificate_1_2_build(struct engine *e, struct writer *w)
{
	struct writer_vec list = writer_open(w, 3);

	for (size_t i = 0; i < e->choice.chain_len; i++)
		writer_vec(w, 3, e->choice.chain[i].bytes, e->choice.chain[i].len);
	writer_close(w, list);
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
		return -KTLS_R_CERTIFICATE_EMPTY;
	return engine_result(e->config.ops->verify_chain(e->arg, certs, n));
}

/* Whatever it asks for, the answer is an empty list. */
int certificate_request_1_2_recv(struct engine *e, struct reader *body)
{
	struct reader types, schemes, authorities;

	if (!reader_vec8(body, &types) || reader_empty(&types) || !reader_vec16(body, &schemes) ||
	    reader_empty(&schemes) || schemes.left % 2 != 0 || !reader_vec16(body, &authorities))
		return -KTLS_R_MESSAGE_MALFORMED;
	e->certificate_requested = true;
	return 0;
}
