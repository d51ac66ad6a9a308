/* SPDX-License-Identifier: MIT */
/* Our side of a handshake over the queues. */
#ifndef KTLS_TESTS_BENCH_OURS_H
#define KTLS_TESTS_BENCH_OURS_H

#include <ktls-handshake.h>
#include <string.h>

#include "lib/crypto/aead.h"
#include "lib/crypto/util.h"
#include "lib/handshake/engine.h"
#include "lib/handshake/protect.h"
#include "lib/x509/verify.h"
#include "tests/bench/setup.h"

#define TICKET_KEY 32

struct ours {
	struct ktls_engine engine;
	enum side side;
	const struct credentials *own;
	size_t leaf; /* number of the certificate to be shown */
	const struct x509_trust *trust;
	struct x509_peer *peer;
	enum ktls_engine_state state;
};

static int ours_choose(void *arg, const struct ktls_engine_hello *hello,
		       struct ktls_engine_choice *choice)
{
	const struct ours *o = arg;
	const struct x509_identity *list[] = { o->own->identities[o->leaf] }, *identity;
	int ret =
		x509_identity_choose(list, 1, hello, o->side == SERVER, &identity, &choice->scheme);

	if (ret != 0)
		return ret;
	choice->credential = o->own->key;
	choice->chain = identity->chain;
	choice->chain_len = identity->chain_len;
	return 0;
}

static int ours_sign(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
		     size_t *signature_len)
{
	const struct ours *o = arg;
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	const struct ktls_span content = ktls_engine_sign_content(request, scratch);

	return x509_key_sign(o->own->key, request->version, request->scheme, content.bytes,
			     content.len, signature, signature_len);
}

static int ours_verify_chain(void *arg, const struct ktls_span *certs, size_t certs_len)
{
	struct ours *o = arg;
	bool client = o->side == CLIENT;

	return x509_peer_verify_chain(o->trust, certs, certs_len,
				      client ? KTLS_SERVER : KTLS_CLIENT, client ? HOST : NULL,
				      time(NULL), &o->peer, NULL);
}

static int ours_verify_signature(void *arg, uint16_t scheme, const uint8_t *content,
				 size_t content_len, const uint8_t *signature, size_t signature_len)
{
	const struct ours *o = arg;

	return x509_peer_verify_signature(o->peer, ktls_engine_facts(&o->engine)->version, scheme,
					  content, content_len, signature, signature_len);
}

/* ---- tickets: sealed with AES-256-GCM under a key that is always the same -------------------- */

static const uint8_t ticket_key[TICKET_KEY] = { 1 };

static uint64_t ours_now(void *arg)
{
	struct timespec t;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int ours_seal_ticket(void *arg, const uint8_t *state, size_t state_len, uint8_t *ticket,
			    size_t *ticket_len)
{
	(void)arg;
	random_bytes(ticket, AEAD_NONCE);
	aead_seal_once(AEAD_AES_256_GCM, ticket_key, ticket, NULL, 0, state, state_len,
		       ticket + AEAD_NONCE);
	*ticket_len = AEAD_NONCE + state_len + AEAD_TAG;
	return 0;
}

static int ours_open_ticket(void *arg, const uint8_t *ticket, size_t ticket_len,
			    const char *server_name, uint8_t *state, size_t *state_len)
{
	(void)arg;
	(void)server_name;
	*state_len = 0;
	if (ticket_len < AEAD_NONCE + AEAD_TAG ||
	    ticket_len - AEAD_NONCE - AEAD_TAG > KTLS_ENGINE_STATE_MAX ||
	    !aead_open_once(AEAD_AES_256_GCM, ticket_key, ticket, NULL, 0, ticket + AEAD_NONCE,
			    ticket_len - AEAD_NONCE, state))
		return 0;
	*state_len = ticket_len - AEAD_NONCE - AEAD_TAG;
	return 0;
}

/* What a client has of an earlier handshake. */
static struct session_bytes {
	uint8_t bytes[KTLS_ENGINE_SESSION_MAX];
	size_t len;
} ours_session;

static void ours_keep_session(void *arg, const uint8_t *session, size_t session_len)
{
	(void)arg;
	memcpy(ours_session.bytes, session, session_len);
	ours_session.len = session_len;
}

/* TLS 1.3: of the first record behind a client's handshake, which is in its queue. */
static inline void ours_take_ticket(struct ours *o)
{
	struct engine *e = engine_of(&o->engine);
	struct queue *in = &queues[CLIENT];
	struct ktls_secrets secrets;
	uint8_t *content;
	size_t len;

	require(in->len > PROTECT_HEADER && ktls_engine_secrets(&o->engine, &secrets) == 0 &&
			protect_open(&e->schedule, &e->schedule.rx, in->bytes,
				     (size_t)(in->bytes[3] << 8 | in->bytes[4]), &content, &len),
		"no ticket of ours");
	require(ktls_secrets_ticket(&secrets, content, len - 1, HOST, ours_now(NULL),
				    ours_session.bytes, &ours_session.len) == 0,
		"a ticket without sense");
}

static struct ktls_engine_ops ours_ops;

static inline void ours_setup(void)
{
	ours_ops = ktls_engine_default_ops;
	ours_ops.choose = ours_choose;
	ours_ops.sign = ours_sign;
	ours_ops.verify_chain = ours_verify_chain;
	ours_ops.verify_signature = ours_verify_signature;
	ours_ops.now = ours_now;
	ours_ops.seal_ticket = ours_seal_ticket;
	ours_ops.open_ticket = ours_open_ticket;
	ours_ops.keep_session = ours_keep_session;
}

static inline uint16_t ours_suite(const struct scenario *s)
{
	if (s->version == KTLS_TLS_1_3)
		return KTLS_AES_128_GCM_SHA256;
	return s->type == CERT_RSA2048 ? KTLS_ECDHE_RSA_AES_128_GCM_SHA256
				       : KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256;
}

static inline void ours_init(struct ours *o, const struct scenario *s, const struct setup *setup,
			     enum side side, size_t leaf)
{
	static const uint16_t groups[] = { KTLS_GROUP_X25519, KTLS_GROUP_SECP256R1 };
	static uint16_t suites[1];
	const struct ktls_engine_config config = {
		.role = side == SERVER ? KTLS_SERVER : KTLS_CLIENT,
		.ops = &ours_ops,
		.version_min = s->version,
		.version_max = s->version,
		.suites = suites,
		.suites_len = 1,
		.groups = groups,
		.groups_len = 2,
		.server_name = side == CLIENT ? HOST : NULL,
		.client_auth = s->mutual && side == SERVER ? KTLS_ENGINE_REQUIRE_CLIENT_AUTH
							   : KTLS_ENGINE_NO_CLIENT_AUTH,
		.tickets = side == SERVER ? s->tickets : 0,
		.session = { ours_session.bytes,
			     side == CLIENT && s->resumed ? ours_session.len : 0 },
	};

	suites[0] = ours_suite(s);
	o->side = side;
	o->own = &setup->of[side];
	o->leaf = leaf;
	o->trust = setup->of[1 - side].trust;
	o->peer = NULL;
	require(ktls_engine_init(&o->engine, &config, o) == 0, "ktls_engine_init failed");
}

/* Output goes right behind what the peer has not taken yet. */
static inline void ours_step(struct ours *o)
{
	struct queue *in = &queues[o->side], *out = &queues[1 - o->side];
	struct ktls_engine_io io = {
		.in = in->bytes,
		.in_len = in->len,
		.out = out->bytes + out->len,
		.out_cap = sizeof(out->bytes) - out->len,
	};

	o->state = ktls_engine_run(&o->engine, &io);
	in->len -= io.consumed;
	memmove(in->bytes, in->bytes + io.consumed, in->len);
	out->len += io.out_len;
}

static inline bool ours_end(struct ours *o, bool resumed)
{
	struct ktls_traffic_key tx, rx;

	require(o->state != KTLS_ENGINE_FAILED, "our handshake failed");
	if (o->state != KTLS_ENGINE_DONE)
		return false;
	require(ktls_engine_facts(&o->engine)->resumed == resumed, "resumed, or not");
	require(ktls_engine_keys(&o->engine, &tx, &rx) == 0, "no keys");
	secret_wipe(&tx, sizeof(tx));
	secret_wipe(&rx, sizeof(rx));
	ktls_engine_wipe(&o->engine);
	x509_peer_free(o->peer);
	return true;
}

/* As a scenario has it; both sides are ours. */
static inline void ours_handshake(const struct scenario *s, const struct setup *setup, size_t leaf,
				  struct cost cost[SIDES])
{
	static struct ours o[SIDES];
	struct x509_trust *forgetful[SIDES] = { NULL, NULL };
	bool ended[SIDES] = { false, false };

	for (enum side side = SERVER; side < SIDES; side++) {
		account_open(&cost[side]);
		ours_init(&o[side], s, setup, side, leaf);
		account_close(&cost[side]);
		if (s->memory == NEW_CHAIN)
			o[side].trust = forgetful[side] = new_trust(&setup->of[1 - side]);
	}
	for (enum side side = CLIENT; !ended[SERVER] || !ended[CLIENT]; side = 1 - side) {
		account_open(&cost[side]);
		ours_step(&o[side]);
		ended[side] = ours_end(&o[side], s->resumed);
		account_close(&cost[side]);
	}
	for (enum side side = SERVER; side < SIDES; side++)
		x509_trust_free(forgetful[side]);
	queues[CLIENT].len = 0; /* tickets */
}

/* A full handshake, for a session that scenario s can resume. */
static inline void ours_make_session(const struct scenario *s, const struct setup *setup)
{
	struct scenario full = *s;
	static struct ours o[SIDES];

	full.resumed = false;
	full.tickets = 1;
	for (enum side side = SERVER; side < SIDES; side++)
		ours_init(&o[side], &full, setup, side, 0);
	for (int step = 0; step < 5; step++)
		ours_step(&o[(step + 1) % 2]);
	if (s->version == KTLS_TLS_1_3)
		ours_take_ticket(&o[CLIENT]);
	for (enum side side = SERVER; side < SIDES; side++)
		require(ours_end(&o[side], false), "no session of ours");
	queues[CLIENT].len = 0;
}

#endif
