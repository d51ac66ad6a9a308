/* SPDX-License-Identifier: MIT */
/*
 * Resumption (RFC 9846, 2.2; RFC 5077): what goes around the engine's state in a server's ticket,
 * and the client's store of sessions.
 *
 * In a ticket: u8 form, vec8 profile, the profile's policy, u64 when the client's chain expires,
 * vec16 the engine's state, u8 n, n certificates of the client (its path, vec16 DER). A ticket of
 * another profile or policy, or whose chain has expired, or without a certificate where one is
 * required, is declined: a full handshake follows, which finds out how things are now.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/conn/internal.h"
#include "lib/conn/ticket_keys.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/util.h"
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"
#include "lib/x509/identity.h"

#define FORM 1

uint64_t conn_op_now(void *arg)
{
	struct timespec t;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct conn_chain *conn_peer_chain(const struct conn *c)
{
	const struct conn_chain *kept = c->offered ? c->offered->chain : c->kept;
	const struct ktls_span *path = NULL;
	int64_t until = INT64_MAX;
	size_t len = 0;

	if (ktls_engine_facts(&c->secrets->engine)->resumed && kept)
		return chain_new(kept->certs, kept->len, kept->until);
	if (c->peer) {
		path = x509_peer_path(c->peer, &len);
		until = x509_peer_until(c->peer);
	}
	return chain_new(path, len, until);
}

/* ---- server: tickets --------------------------------------------------------------------------
 */

static bool may_resume(const struct conn_profile *profile)
{
	return profile->tickets > 0 && profile->name && profile->seal && profile->open;
}

static size_t content_build(const struct conn *c, const struct conn_chain *chain,
			    const uint8_t *state, size_t state_len)
{
	const struct conn_profile *profile = c->profile;
	struct writer w;

	writer_init(&w, c->loop->ticket, TICKET_CONTENT_MAX);
	writer_u8(&w, FORM);
	writer_vec(&w, 1, profile->name, strlen(profile->name));
	writer_bytes(&w, profile->policy, sizeof(profile->policy));
	writer_u64(&w, (uint64_t)chain->until);
	writer_vec(&w, 2, state, state_len);
	writer_u8(&w, (uint8_t)chain->len);
	for (size_t i = 0; i < chain->len; i++)
		writer_vec(&w, 2, chain->certs[i].bytes, chain->certs[i].len);
	return writer_ok(&w) ? w.len : 0;
}

/* Whatever goes wrong: no ticket. */
int conn_op_seal_ticket(void *arg, const uint8_t *state, size_t state_len, uint8_t *ticket,
			size_t *ticket_len)
{
	struct conn *c = arg;
	struct conn_chain *chain = conn_peer_chain(c);
	struct conn_ticket request = { .token = c->token, .profile = c->profile };
	int r = 0;

	*ticket_len = 0;
	if (!chain)
		return 0;
	request.bytes = c->loop->ticket;
	request.len = content_build(c, chain, state, state_len);
	if (request.len > 0)
		r = c->profile->seal(c->profile->sign_arg, &request, ticket, ticket_len);
	secret_wipe(c->loop->ticket, sizeof(c->loop->ticket));
	free(chain);
	if (r == KTLS_ENGINE_PENDING)
		c->pending = (struct conn_pending){ CONN_SEAL, ticket, ticket_len };
	else if (r < 0)
		*ticket_len = 0;
	return r == KTLS_ENGINE_PENDING ? r : 0;
}

static bool parse_chain(struct reader *r, uint64_t until, struct conn_chain **out)
{
	struct ktls_span certs[UINT8_MAX];
	struct reader cert;
	uint8_t n;

	if (until > INT64_MAX || !reader_u8(r, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!reader_vec16(r, &cert))
			return false;
		certs[i] = (struct ktls_span){ .bytes = cert.at, .len = cert.left };
	}
	if (!reader_empty(r))
		return false;
	*out = chain_new(certs, n, (int64_t)until);
	return *out;
}

/* Whether the ticket's beginning is this profile's, as it is now. */
static bool profile_is(const struct conn_profile *profile, struct reader *r)
{
	struct reader name;
	uint8_t policy[CONN_POLICY_LEN];
	uint8_t form;

	return reader_u8(r, &form) && form == FORM && reader_vec8(r, &name) &&
	       name.left == strlen(profile->name) &&
	       memcmp(name.at, profile->name, name.left) == 0 &&
	       reader_copy(r, policy, sizeof(policy)) &&
	       memcmp(policy, profile->policy, sizeof(policy)) == 0;
}

static bool chain_holds(const struct conn_profile *profile, const struct conn_chain *chain)
{
	if (chain->len == 0)
		return profile->client_auth != KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	return chain->until > time(NULL);
}

/* The state in a ticket's content goes to the engine, the chain is kept for the result. */
static void content_take(struct conn *c, const uint8_t *bytes, size_t len, uint8_t *state,
			 size_t *state_len)
{
	struct conn_chain *chain = NULL;
	struct reader r, inner;
	uint64_t until;

	*state_len = 0;
	reader_init(&r, bytes, len);
	if (!profile_is(c->profile, &r) || !reader_u64(&r, &until) || !reader_vec16(&r, &inner) ||
	    inner.left > KTLS_ENGINE_STATE_MAX || !parse_chain(&r, until, &chain))
		return;
	if (!chain_holds(c->profile, chain)) {
		free(chain);
		return;
	}
	free(c->kept);
	c->kept = chain;
	*state_len = inner.left;
	memcpy(state, inner.at, inner.left);
}

int conn_op_open_ticket(void *arg, const uint8_t *ticket, size_t ticket_len,
			const char *server_name, uint8_t *state, size_t *state_len)
{
	struct conn *c = arg;
	struct conn_ticket request = {
		.token = c->token, .profile = c->profile, .bytes = ticket, .len = ticket_len
	};
	size_t len = 0;
	int r;

	(void)server_name; /* the engine compares it with the state's */
	*state_len = 0;
	if (!may_resume(c->profile) || ticket_len <= TICKET_OVERHEAD ||
	    ticket_len > KTLS_ENGINE_TICKET_MAX)
		return 0;
	r = c->profile->open(c->profile->sign_arg, &request, c->loop->ticket, &len);
	if (r == KTLS_ENGINE_PENDING) {
		c->pending = (struct conn_pending){ CONN_OPEN, state, state_len };
		return r;
	}
	if (r == 0 && len > 0)
		content_take(c, c->loop->ticket, len, state, state_len);
	secret_wipe(c->loop->ticket, sizeof(c->loop->ticket));
	return 0;
}

void conn_ticket_done(struct conn_loop *loop, uint64_t token, const uint8_t *bytes, size_t len)
{
	struct conn *c = conn_loop_find(loop, token);
	struct conn_pending p;

	if (!c || c->stage != CONN_WAIT ||
	    (c->pending.what != CONN_SEAL && c->pending.what != CONN_OPEN))
		return;
	p = c->pending;
	if (p.what == CONN_OPEN) {
		content_take(c, bytes, len, p.out, p.out_len);
	} else {
		*p.out_len = len <= KTLS_ENGINE_TICKET_MAX ? len : 0;
		memcpy(p.out, bytes, *p.out_len);
	}
	conn_go_on(c, 0);
}

/* ---- client: sessions -------------------------------------------------------------------------
 */

static void add(struct hash *h, const void *bytes, size_t len)
{
	uint8_t length[2] = { (uint8_t)(len >> 8), (uint8_t)len };

	hash_update(h, length, sizeof(length));
	hash_update(h, bytes, len);
}

static void add_name(struct hash *h, const char *name)
{
	size_t len = strlen(name);
	char lower[256];

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len > sizeof(lower))
		len = sizeof(lower);
	for (size_t i = 0; i < len; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	add(h, lower, len);
}

/* Whatever has to be the same: of another user, profile, policy or certificate nothing is used. */
static void session_key(const struct conn_session *s, uint8_t key[static SESSION_KEY])
{
	const struct conn_profile *profile = s->profile;
	struct hash h;

	hash_init(&h, HASH_SHA256);
	add(&h, &s->owner, sizeof(s->owner));
	add(&h, profile->name, strlen(profile->name));
	add(&h, profile->policy, sizeof(profile->policy));
	for (size_t i = 0; i < profile->identities_len; i++)
		add(&h, profile->identities[i]->chain[0].bytes,
		    profile->identities[i]->chain[0].len);
	add_name(&h, s->server_name);
	add(&h, s->alpn, s->alpn_len);
	hash_final(&h, key);
}

void conn_session_keep(struct conn_loop *loop, const struct conn_session *s)
{
	uint8_t key[SESSION_KEY];
	struct conn_chain *chain;

	if (!loop->sessions || !s->profile->name)
		return;
	chain = chain_new(s->chain, s->chain_len, s->chain_until);
	if (!chain)
		return;
	session_key(s, key);
	session_store_keep(loop->sessions, key, &s->session, chain);
	free(chain);
}

void conn_op_keep_session(void *arg, const uint8_t *session, size_t session_len)
{
	const struct ktls_span bytes = { .bytes = session, .len = session_len };
	struct conn *c = arg;
	struct conn_chain *chain;

	if (!c->resumable)
		return;
	chain = conn_peer_chain(c);
	if (chain)
		session_store_keep(c->loop->sessions, c->session_key, &bytes, chain);
	free(chain);
}

void conn_resume_begin(struct conn *c, struct ktls_engine_config *config)
{
	const struct conn_profile *profile = c->profile;
	const struct conn_session s = { .owner = c->owner,
					.profile = profile,
					.server_name = c->server_name,
					.alpn = config->alpn,
					.alpn_len = config->alpn_len };

	config->psk_ke = profile->psk_ke;
	if (c->role == KTLS_SERVER)
		config->tickets = may_resume(profile) ? profile->tickets : 0;
	if (c->role == KTLS_SERVER || !c->loop->sessions || !profile->name)
		return;
	c->resumable = true;
	session_key(&s, c->session_key);
	c->offered = session_store_take(c->loop->sessions, c->session_key, conn_op_now(NULL));
	if (c->offered)
		config->session =
			(struct ktls_span){ .bytes = c->offered->session, .len = c->offered->len };
}

/* A session whose resumption failed is not tried again (RFC 5246, 7.2.2). */
void conn_resume_end(struct conn *c)
{
	if (c->offered && c->facts.resumed) {
		c->kept = c->offered->chain;
		c->offered->chain = NULL;
	}
	if (c->offered && c->result.reason != KTLS_OK)
		session_store_forget(c->loop->sessions, c->session_key);
	stored_session_free(c->offered);
	c->offered = NULL;
	if (!c->facts.resumed) {
		free(c->kept);
		c->kept = NULL;
	}
}
