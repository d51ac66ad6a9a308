/* SPDX-License-Identifier: MIT */
#include "lib/conn/sealed_state.h"

#include <string.h>

#include "lib/crypto/util.h"
#include "lib/handshake/suite.h"
#include "lib/wire/writer.h"

#define FORM 1

/* Bytes of a secret; 0 for what is no suite of TLS 1.3. */
static size_t secret_len(uint16_t version, uint16_t suite)
{
	const struct suite *s = suite_find(suite);

	if (version != KTLS_TLS_1_3 || !s || s->version != version)
		return 0;
	return hash_size(s->hash);
}

/* ---- the form -------------------------------------------------------------------------------- */

static void build_tickets(const struct sealed_state *state, size_t len, struct writer *w)
{
	writer_vec(w, 1, state->secrets.resumption, len);
	writer_vec(w, 2, state->server_name, strlen(state->server_name));
	writer_vec(w, 2, state->alpn.bytes, state->alpn.len);
	writer_u64(w, (uint64_t)state->chain_until);
	writer_u8(w, (uint8_t)state->chain_len);
	for (size_t i = 0; i < state->chain_len; i++)
		writer_vec(w, 2, state->chain[i].bytes, state->chain[i].len);
}

size_t sealed_state_build(const struct sealed_state *state, uint8_t *buf, size_t cap)
{
	size_t len = secret_len(state->secrets.version, state->secrets.suite);
	struct writer w;

	if (len == 0)
		return 0;
	writer_init(&w, buf, cap);
	writer_vec(&w, 1, state->profile, strlen(state->profile));
	writer_u8(&w, FORM);
	writer_bytes(&w, state->policy, sizeof(state->policy));
	writer_u32(&w, state->owner);
	writer_vec(&w, 1, state->secrets.tx, len);
	writer_vec(&w, 1, state->secrets.rx, len);
	writer_u8(&w, state->takes_tickets);
	if (state->takes_tickets)
		build_tickets(state, len, &w);
	return writer_ok(&w) ? w.len : 0;
}

static bool parse_secret(struct reader *r, size_t len, uint8_t *out)
{
	struct reader secret;

	return reader_vec8(r, &secret) && secret.left == len && reader_copy(&secret, out, len);
}

/* At most max bytes, and none of them 0. */
static bool parse_text(struct reader *text, size_t max, char *out)
{
	if (text->left == 0 || text->left > max || memchr(text->at, 0, text->left))
		return false;
	return reader_copy(text, out, text->left);
}

static bool parse_chain(struct reader *r, struct sealed_state *out)
{
	struct reader cert;
	uint8_t n;

	if (!reader_u8(r, &n) || n > HANDOFF_CERTS_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!reader_vec16(r, &cert) || reader_empty(&cert))
			return false;
		out->chain[i] = (struct ktls_span){ cert.at, cert.left };
	}
	out->chain_len = n;
	return true;
}

static bool parse_tickets(struct reader *r, size_t len, struct sealed_state *out)
{
	struct reader name, alpn;
	uint64_t until;

	if (!parse_secret(r, len, out->secrets.resumption) || !reader_vec16(r, &name) ||
	    !parse_text(&name, sizeof(out->server_name) - 1, out->server_name) ||
	    !reader_vec16(r, &alpn) || alpn.left > KTLS_ALPN_MAX || !reader_u64(r, &until))
		return false;
	out->alpn = (struct ktls_span){ alpn.left > 0 ? alpn.at : NULL, alpn.left };
	out->chain_until = (int64_t)until;
	return parse_chain(r, out);
}

static bool parse(struct reader *r, size_t len, struct sealed_state *out)
{
	struct reader profile;
	uint8_t form, tickets;

	if (len == 0 || !reader_vec8(r, &profile) ||
	    !parse_text(&profile, sizeof(out->profile) - 1, out->profile) || !reader_u8(r, &form) ||
	    form != FORM || !reader_copy(r, out->policy, sizeof(out->policy)) ||
	    !reader_u32(r, &out->owner) || !parse_secret(r, len, out->secrets.tx) ||
	    !parse_secret(r, len, out->secrets.rx) || !reader_u8(r, &tickets) ||
	    tickets > (out->secrets.role == KTLS_CLIENT))
		return false;
	out->takes_tickets = tickets;
	return (!tickets || parse_tickets(r, len, out)) && reader_empty(r);
}

bool sealed_state_parse(const struct sealed_header *header, const uint8_t *bytes, size_t len,
			struct sealed_state *out)
{
	struct sealed_state state = { .secrets = { .role = (enum ktls_role)header->role,
						   .version = header->version,
						   .suite = header->suite } };
	struct reader r;
	bool ok;

	reader_init(&r, bytes, len);
	ok = parse(&r, secret_len(header->version, header->suite), &state);
	if (ok)
		*out = state;
	secret_wipe(&state, sizeof(state));
	return ok;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static bool same_key(const struct ktls_traffic_key *a, const struct ktls_traffic_key *b)
{
	bool key = secret_equal(a->key, b->key, sizeof(a->key));
	bool iv = secret_equal(a->iv, b->iv, sizeof(a->iv));

	return key && iv && a->version == b->version && a->suite == b->suite;
}

int sealed_state_step(struct ktls_secrets *secrets, enum ktls_direction direction,
		      const struct ktls_traffic_key *in_force)
{
	struct ktls_secrets at = *secrets;
	struct ktls_traffic_key key;
	int r = ktls_secrets_traffic_key(&at, direction, &key);
	bool found = r == 0 && same_key(&key, in_force);

	for (int i = 0; r == 0 && !found && i < SEALED_STEPS_MAX; i++) {
		r = ktls_secrets_key_update(&at, direction, &key);
		found = r == 0 && same_key(&key, in_force);
	}
	if (found)
		*secrets = at;
	secret_wipe(&at, sizeof(at));
	secret_wipe(&key, sizeof(key));
	return found ? 0 : -KTLS_R_STALE_SESSION;
}

int sealed_state_keys(const struct ktls_secrets *secrets, enum ktls_direction direction,
		      struct handoff_keys *out)
{
	struct ktls_secrets at = *secrets;
	int r = ktls_secrets_traffic_key(&at, direction, &out->follows);

	if (r == 0)
		r = ktls_secrets_key_update(&at, direction, &out->next);
	secret_wipe(&at, sizeof(at));
	return r;
}
