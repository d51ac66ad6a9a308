/* SPDX-License-Identifier: MIT */
/* A ClientHello that a server has received (RFC 9846, 4.2.2), between the files that look at it. */
#ifndef KTLS_HANDSHAKE_CLIENT_HELLO_H
#define KTLS_HANDSHAKE_CLIENT_HELLO_H

#include "lib/handshake/extensions.h"

struct client_hello {
	uint16_t version;
	struct reader random;
	struct reader session_id;
	struct reader suites;
	struct reader compression;
	struct extension_values values;
};

/* Whether a list of numbers has this one. */
bool hello_list_has(struct reader list, uint16_t number);

/* client_hello_1_2.c: with it the server negotiates TLS 1.2. LEGACY, or a negative reason. */
int hello_negotiate_1_2(struct engine *e, const struct client_hello *h);

/* Whether this is to be a server of TLS 1.2 for a client that has TLS 1.3, too. */
bool hello_prefers_1_2(const struct engine *e, const struct client_hello *h);

#endif
