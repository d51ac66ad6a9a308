/* SPDX-License-Identifier: MIT */
#include "lib/handshake/session.h"

#include <string.h>

#include "lib/crypto/util.h"
#include "lib/handshake/suite.h"

#define FORM     1
#define EXTENDED 1
#define SKEW_MS  10000 /* by which clocks of machines that share ticket keys may differ */

void session_build(const struct session *session, struct writer *w)
{
	writer_u8(w, FORM);
	writer_u16(w, session->version);
	writer_u16(w, session->suite);
	writer_u8(w, session->extended ? EXTENDED : 0);
	writer_u64(w, session->issued);
	writer_u32(w, session->lifetime);
	writer_u32(w, session->age_add);
	writer_vec(w, 1, session->secret, session->secret_len);
	writer_vec(w, 1, session->server_name, strlen(session->server_name));
	writer_vec(w, 2, session->ticket.bytes, session->ticket.len);
}

static bool parse_numbers(struct reader *r, struct session *out)
{
	uint8_t form, flags;

	if (!reader_u8(r, &form) || form != FORM || !reader_u16(r, &out->version) ||
	    !reader_u16(r, &out->suite) || !reader_u8(r, &flags) || flags > EXTENDED)
		return false;
	out->extended = flags & EXTENDED;
	return reader_u64(r, &out->issued) && reader_u32(r, &out->lifetime) &&
	       reader_u32(r, &out->age_add);
}

static bool parse_bytes(struct reader *r, struct session *out)
{
	struct reader secret, name, ticket;

	if (!reader_vec8(r, &secret) || secret.left == 0 || secret.left > sizeof(out->secret) ||
	    !reader_vec8(r, &name) || !reader_vec16(r, &ticket) || !reader_empty(r))
		return false;
	out->secret_len = (uint8_t)secret.left;
	out->ticket = (struct ktls_span){ .bytes = ticket.at, .len = ticket.left };
	return reader_copy(&name, (uint8_t *)out->server_name, name.left) &&
	       reader_copy(&secret, out->secret, secret.left);
}

static bool makes_sense(const struct session *s)
{
	const struct suite *suite = suite_find(s->suite);

	if (!suite || suite->version != s->version || s->lifetime > SESSION_LIFETIME_MAX)
		return false;
	return s->secret_len ==
	       (s->version == KTLS_TLS_1_3 ? hash_size(suite->hash) : KTLS_ENGINE_MASTER_LEN);
}

bool session_parse(struct reader *r, struct session *out)
{
	struct session s = { 0 };
	bool ok = parse_numbers(r, &s) && parse_bytes(r, &s) && makes_sense(&s);

	if (ok)
		*out = s;
	secret_wipe(&s, sizeof(s));
	return ok;
}

bool session_expired(const struct session *session, uint64_t now)
{
	if (now < session->issued)
		return session->issued - now > SKEW_MS;
	return (now - session->issued) / 1000 >= session->lifetime;
}
