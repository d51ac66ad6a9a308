/* SPDX-License-Identifier: MIT */
/*
 * EncryptedExtensions, RFC 9846 4.4.1. RESUMED where the session that is resumed vouches for both
 * sides, so that no certificates follow.
 */
#include "lib/handshake/extensions.h"
#include "lib/handshake/messages.h"

int encrypted_extensions_build(struct engine *e, struct writer *w)
{
	extensions_build(e, MESSAGE_ENCRYPTED_EXTENSIONS, w);
	if (e->facts.resumed)
		return RESUMED;
	return engine_asks_client(e) ? ALTERNATIVE : 0;
}

int encrypted_extensions_recv(struct engine *e, struct reader *body)
{
	struct extension_values values = { .message = MESSAGE_ENCRYPTED_EXTENSIONS };

	int result = extensions_parse(e, body, &values);

	return result == 0 && e->facts.resumed ? RESUMED : result;
}
