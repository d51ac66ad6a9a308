/* SPDX-License-Identifier: MIT */
/* EncryptedExtensions, RFC 9846 4.4.1. */
#include "lib/handshake/extensions.h"
#include "lib/handshake/messages.h"

int encrypted_extensions_build(struct engine *e, struct writer *w)
{
	extensions_build(e, MESSAGE_ENCRYPTED_EXTENSIONS, w);
	return e->config.client_auth == KTLS_ENGINE_NO_CLIENT_AUTH ? 0 : ALTERNATIVE;
}

int encrypted_extensions_recv(struct engine *e, struct reader *body)
{
	struct extension_values values = { .message = MESSAGE_ENCRYPTED_EXTENSIONS };

	return extensions_parse(e, body, &values);
}
