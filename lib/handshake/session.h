/* SPDX-License-Identifier: MIT */
/*
 * A session that can be resumed: by a pre-shared key (RFC 9846, 4.7.1) or by TLS 1.2's master
 * secret (RFC 5077). One form for both sides: a server has it sealed into the ticket, a client
 * keeps it with the ticket behind it.
 *
 *	u8 form, u16 version, u16 suite, u8 flags, u64 issued, u32 lifetime, u32 age_add,
 *	vec8 secret, vec8 server name, vec16 ticket
 */
#ifndef KTLS_HANDSHAKE_SESSION_H
#define KTLS_HANDSHAKE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <ktls-handshake.h>

#include "lib/crypto/hash.h"
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

#define SESSION_LIFETIME     7200   /* seconds: of a ticket that we make, TLS 1.2 */
#define SESSION_LIFETIME_1_3 172800 /* the same in TLS 1.3 */
#define SESSION_LIFETIME_MAX 604800 /* seconds: "Servers MUST NOT use any value greater", 4.7.1 */

struct session {
	uint16_t version;
	uint16_t suite;
	bool extended;   /* TLS 1.2: the secret is an extended master secret (RFC 7627) */
	uint64_t issued; /* server: when the ticket was made; client: when it came; ms since 1970 */
	uint32_t lifetime; /* seconds */
	uint32_t age_add;  /* TLS 1.3 */
	uint8_t secret[HASH_MAX];
	uint8_t secret_len;      /* bytes */
	char server_name[256];   /* "" if none */
	struct ktls_span ticket; /* client: where it was parsed from; server: empty */
};

_Static_assert(1 + 2 + 2 + 1 + 8 + 4 + 4 + 1 + HASH_MAX + 1 + 255 + 2 <= KTLS_ENGINE_STATE_MAX,
	       "a session without its ticket is a ticket's state");

/* At most KTLS_ENGINE_STATE_MAX bytes and the ticket's. */
void session_build(const struct session *session, struct writer *w);

/* False for what is no session, with nothing written. */
WIRE_MUST_CHECK bool session_parse(struct reader *r, struct session *out);

/* Whether its lifetime is over at a time (ms since 1970), or has not begun. */
bool session_expired(const struct session *session, uint64_t now);

#endif
