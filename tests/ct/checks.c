/* SPDX-License-Identifier: MIT */
/*
 * What a peer's proof of a key is compared with: Finished of both versions and the binder of a
 * pre-shared key. Of the keys, and of what is computed with them, nothing shows but the verdict.
 * (Records' tags: aead.c.)
 */
#include "tests/ct/ct.h"

#include <stdint.h>

#include "lib/handshake/messages.h"
#include "lib/handshake/psk.h"
#include "lib/handshake/session.h"

#define NOW 1800000000000 /* ms since 1970 */

FIXTURE(check)
{
	struct ktls_engine engine;
	struct ktls_engine_ops ops;
	struct engine *e;
	uint8_t body[HASH_MAX];
	struct reader r;
};

FIXTURE_VARIANT(check)
{
	uint16_t suite;
};

FIXTURE_VARIANT_ADD(check, sha256){ .suite = KTLS_AES_128_GCM_SHA256 };
FIXTURE_VARIANT_ADD(check, sha384){ .suite = KTLS_AES_256_GCM_SHA384 };
FIXTURE_VARIANT_ADD(check, sha256_1_2){ .suite = KTLS_ECDHE_RSA_AES_128_GCM_SHA256 };
FIXTURE_VARIANT_ADD(check, sha384_1_2){ .suite = KTLS_ECDHE_RSA_AES_256_GCM_SHA384 };

static uint64_t now(void *arg)
{
	(void)arg;
	return NOW;
}

FIXTURE_SETUP(check)
{
	self->e = engine_of(&self->engine);
	self->ops.now = now;
	self->e->config.ops = &self->ops;
	self->e->config.role = KTLS_SERVER;
	self->e->schedule.suite = suite_find(variant->suite);
	transcript_init(&self->e->transcript);
	transcript_select(&self->e->transcript, self->e->schedule.suite->hash);
	transcript_add(&self->e->transcript, "transcript", 10);
}

FIXTURE_TEARDOWN(check)
{
	EXPECT_EQ(0, ct_leaks());
}

static const uint8_t secret[HASH_MAX] = { 1, 2, 3 };

/* The right verify_data, as a peer who knows the secret has it; public. */
static size_t right_verify_data(struct engine *e, uint8_t out[HASH_MAX])
{
	uint8_t hash[HASH_MAX];
	bool is_1_2 = engine_is_1_2(e);

	transcript_hash(&e->transcript, hash);
	if (is_1_2)
		schedule_1_2_finished(&e->schedule, KTLS_CLIENT, hash, out);
	else
		schedule_finished(&e->schedule, &e->schedule.rx, hash, out);
	return is_1_2 ? FINISHED_1_2 : hash_size(e->schedule.suite->hash);
}

static int recv_finished(struct engine *e, const uint8_t *body, size_t len)
{
	struct reader r;

	reader_init(&r, body, len);
	return engine_is_1_2(e) ? finished_1_2_recv(e, &r) : finished_recv(e, &r);
}

TEST_F(check, finished)
{
	struct schedule *s = &self->e->schedule;
	size_t len;

	memcpy(s->rx.secret, secret, sizeof(secret));
	memcpy(s->secret, secret, sizeof(secret));
	len = right_verify_data(self->e, self->body);
	ct_secret(s->rx.secret, sizeof(s->rx.secret));
	ct_secret(s->secret, sizeof(s->secret));
	EXPECT_EQ(0, recv_finished(self->e, self->body, len));
	for (size_t at = 0; at < len; at += len - 1) {
		self->body[at] ^= 1;
		EXPECT_EQ(-KTLS_R_FINISHED_MISMATCH, recv_finished(self->e, self->body, len));
		self->body[at] ^= 1;
	}
}

TEST_F(check, own_finished)
{
	struct schedule *s = &self->e->schedule;
	uint8_t out[HASH_MAX];
	struct writer w;

	ct_secret(s->tx.secret, sizeof(s->tx.secret));
	ct_secret(s->secret, sizeof(s->secret));
	writer_init(&w, out, sizeof(out));
	if (engine_is_1_2(self->e))
		EXPECT_EQ(0, finished_1_2_build(self->e, &w));
	else
		EXPECT_EQ(0, finished_build(self->e, &w));
	EXPECT_TRUE(ct_is_secret(out, w.len));
}

/* A ticket's state as open_ticket() gives it, its secret being one. */
static void open_ticket(struct engine *e)
{
	struct session s = {
		.version = KTLS_TLS_1_3,
		.suite = e->schedule.suite->number,
		.issued = NOW,
		.lifetime = 60,
		.secret_len = (uint8_t)hash_size(e->schedule.suite->hash),
	};
	struct writer w;

	memcpy(s.secret, secret, s.secret_len);
	writer_init(&w, e->ticket_state, sizeof(e->ticket_state));
	session_build(&s, &w);
	e->ticket_state_len = w.len;
	for (size_t at = 0; at + s.secret_len <= w.len; at++) {
		if (memcmp(e->ticket_state + at, secret, s.secret_len) == 0) {
			ct_secret(e->ticket_state + at, s.secret_len);
			break;
		}
	}
}

static int accept_binder(struct engine *e, const uint8_t *binder)
{
	const size_t len = hash_size(e->schedule.suite->hash);

	e->schedule.stage = SCHEDULE_START;
	e->psk.offered = true;
	memcpy(e->psk.binder, binder, len);
	e->psk.binder_len = (uint8_t)len;
	open_ticket(e);
	return psk_accept(e);
}

TEST_F(check, binder)
{
	struct engine *e = self->e;
	struct schedule other = { .suite = e->schedule.suite };

	/* TLS 1.2 has none. */
	if (engine_is_1_2(e)) {
		EXPECT_FALSE(extension_received(e, EXTENSION_PRE_SHARED_KEY));
		return;
	}
	ASSERT_EQ(0, schedule_early(&other, other.suite->hash, secret));
	schedule_binder(&other, e->psk.hash, self->body);
	EXPECT_EQ(RESUMED, accept_binder(e, self->body));
	EXPECT_TRUE(ct_is_secret(e->schedule.secret, hash_size(e->schedule.suite->hash)));
	self->body[0] ^= 1;
	EXPECT_EQ(-KTLS_R_BINDER_MISMATCH, accept_binder(e, self->body));
}

CT_MAIN
