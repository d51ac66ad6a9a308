/* SPDX-License-Identifier: MIT */
/*
 * A connection whose records a relay is to carry, as a worker hands it over: what the relay needs
 * of its secrets and no more. Exporter and resumption secrets stay with the worker.
 *
 * On the channel: u8 role, u16 version, u16 suite, two secrets (transmit, receive) of 48 bytes, two
 * keys of { 32 bytes key, 12 bytes iv, 8 bytes sequence number }, u16 content, u64 records.
 *
 * And what comes back to a worker while the relay has it: a server's tickets.
 */
#ifndef KTLSD_CARRY_H
#define KTLSD_CARRY_H

#include <ktls-secrets.h>

#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

#define CARRY_LEN (5 + 2 * 48 + 2 * (32 + 12 + 8) + 2 + 8) /* bytes */

struct carry {
	struct ktls_secrets secrets; /* role, version, suite, tx and rx; else 0 */
	struct ktls_traffic_key tx, rx;
	uint16_t content_max; /* bytes of content in our records; 0: as many as there may be */
	uint64_t records_max; /* that one key may protect; 0: what is good for AES-GCM */
};

void carry_write(struct writer *w, const struct carry *carry);

/* Secret, to be wiped. False for what cannot be. */
WIRE_MUST_CHECK bool carry_read(struct reader *r, struct carry *out);

/* On the channel: u64 cookie, vec16 session, the message. Bytes are the caller's, or r's. */
struct carry_ticket {
	uint64_t cookie;          /* of the connection's socket */
	struct ktls_span session; /* sealed, as it came with the connection: never empty */
	struct ktls_span message; /* a NewSessionTicket, RFC 9846 4.7.1, header and all */
};

void carry_ticket_write(struct writer *w, const struct carry_ticket *ticket);

/* Takes all that is left. False for what cannot be; out is unwritten then. */
WIRE_MUST_CHECK bool carry_ticket_read(struct reader *r, struct carry_ticket *out);

#endif
