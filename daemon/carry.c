/* SPDX-License-Identifier: MIT */
#include "daemon/carry.h"

#include "lib/handoff/protocol.h"

static void write_key(struct writer *w, const struct ktls_traffic_key *key)
{
	writer_bytes(w, key->key, sizeof(key->key));
	writer_bytes(w, key->iv, sizeof(key->iv));
	writer_bytes(w, key->seq, sizeof(key->seq));
}

static bool read_key(struct reader *r, const struct ktls_secrets *secrets,
		     struct ktls_traffic_key *out)
{
	out->version = secrets->version;
	out->suite = secrets->suite;
	return reader_copy(r, out->key, sizeof(out->key)) &&
	       reader_copy(r, out->iv, sizeof(out->iv)) &&
	       reader_copy(r, out->seq, sizeof(out->seq));
}

void carry_write(struct writer *w, const struct carry *carry)
{
	const struct ktls_secrets *secrets = &carry->secrets;

	writer_u8(w, (uint8_t)secrets->role);
	writer_u16(w, secrets->version);
	writer_u16(w, secrets->suite);
	writer_bytes(w, secrets->tx, sizeof(secrets->tx));
	writer_bytes(w, secrets->rx, sizeof(secrets->rx));
	write_key(w, &carry->tx);
	write_key(w, &carry->rx);
	writer_u16(w, carry->content_max);
	writer_u64(w, carry->records_max);
}

bool carry_read(struct reader *r, struct carry *out)
{
	struct ktls_secrets *secrets = &out->secrets;
	uint8_t role;

	*out = (struct carry){ .content_max = 0 };
	if (!reader_u8(r, &role) || role > KTLS_CLIENT || !reader_u16(r, &secrets->version) ||
	    (secrets->version != KTLS_TLS_1_2 && secrets->version != KTLS_TLS_1_3) ||
	    !reader_u16(r, &secrets->suite))
		return false;
	secrets->role = (enum ktls_role)role;
	return reader_copy(r, secrets->tx, sizeof(secrets->tx)) &&
	       reader_copy(r, secrets->rx, sizeof(secrets->rx)) && read_key(r, secrets, &out->tx) &&
	       read_key(r, secrets, &out->rx) && reader_u16(r, &out->content_max) &&
	       reader_u64(r, &out->records_max);
}

void carry_ticket_write(struct writer *w, const struct carry_ticket *ticket)
{
	writer_u64(w, ticket->cookie);
	writer_u16(w, (uint16_t)ticket->session.len);
	writer_bytes(w, ticket->session.bytes, ticket->session.len);
	writer_bytes(w, ticket->message.bytes, ticket->message.len);
}

bool carry_ticket_read(struct reader *r, struct carry_ticket *out)
{
	struct reader session, message;
	uint64_t cookie;

	if (!reader_u64(r, &cookie) || !reader_vec16(r, &session) ||
	    !reader_bytes(r, r->left, &message) || session.left == 0 ||
	    session.left > HANDOFF_SESSION_MAX || message.left == 0)
		return false;
	*out = (struct carry_ticket){ .cookie = cookie,
				      .session = { session.at, session.left },
				      .message = { message.at, message.left } };
	return true;
}
