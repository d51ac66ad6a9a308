/* SPDX-License-Identifier: MIT */
/*
 * ktlsd's signer, with the test as its supervisor and as two workers: what it signs, and what it
 * makes of those who ask for more.
 */
#include "tests/unit/signer.h"

/* ---- asking it --------------------------------------------------------------------------------
 */

struct question {
	uint64_t token;
	uint16_t key;
	uint16_t scheme;
	uint8_t role;
	size_t hash_len;
};

static const uint8_t hash[48] = "a transcript's hash, as far as a signer can tell";

static const struct question good = { .token = 7,
				      .key = 0,
				      .scheme = KTLS_SCHEME_ECDSA_SECP256R1_SHA256,
				      .role = KTLS_SERVER,
				      .hash_len = 32 };

static int ask(struct test_self_signer *self, unsigned int worker, const struct question *q)
{
	struct channel_message m;

	channel_begin(&m, CHANNEL_SIGN);
	writer_u64(&m.body, q->token);
	writer_u16(&m.body, q->key);
	writer_u16(&m.body, KTLS_TLS_1_3);
	writer_u16(&m.body, q->scheme);
	writer_u8(&m.body, q->role);
	writer_vec(&m.body, 1, hash, q->hash_len);
	return channel_send(&self->workers[worker], &m, CHANNEL_FD_NONE);
}

/* It is the leaf's signature of a server's CertificateVerify over this hash, and of nothing else.
 */
static void expect_signature(const struct test_self_signer *self, size_t hash_len)
{
	const struct ktls_span chain = { leaf->der, leaf->der_len };
	uint8_t content[KTLS_ENGINE_CONTENT_MAX];
	size_t len = ktls_engine_signed_content(KTLS_SERVER, hash, hash_len, content);
	struct x509_error err;
	struct x509_trust *trust = x509_trust_new(ca->pem, ca->pem_len, &err);
	struct x509_peer *peer;

	ASSERT_NOT_NULL(trust);
	ASSERT_EQ(0, x509_peer_verify_chain(trust, &chain, 1, KTLS_SERVER, "localhost", time(NULL),
					    &peer, &err));
	EXPECT_EQ(0, x509_peer_verify_signature(peer, KTLS_TLS_1_3, good.scheme, content, len,
						self->signature, self->signature_len));
	EXPECT_NE(0, x509_peer_verify_signature(peer, KTLS_TLS_1_3, good.scheme, hash, hash_len,
						self->signature, self->signature_len));
	x509_peer_free(peer);
	x509_trust_free(trust);
}

TEST_F(signer, signs_handshakes)
{
	struct question q = good;

	ASSERT_EQ(0, ask(self, 0, &q));
	ASSERT_EQ(0, hear(self, &self->workers[0]));
	EXPECT_EQ(7, self->token);
	EXPECT_EQ(KTLS_OK, self->reason);
	expect_signature(self, 32);
	q.token = 8;
	q.hash_len = 48;
	ASSERT_EQ(0, ask(self, 1, &q));
	ASSERT_EQ(0, hear(self, &self->workers[1]));
	EXPECT_EQ(8, self->token);
	expect_signature(self, 48);
}

/* Worker 1 asks for what it may not have: it is cut off and told of, and worker 0 goes on. */
static void expect_accused(struct test_self_signer *self, const struct question *q)
{
	ASSERT_EQ(0, ask(self, 1, q));
	EXPECT_EQ(-EPIPE, hear(self, &self->workers[1]));
	EXPECT_EQ(0, self->answers);
	ASSERT_EQ(0, hear(self, &self->control));
	EXPECT_EQ(1, self->suspect);
	ASSERT_EQ(0, ask(self, 0, &good));
	EXPECT_EQ(0, hear(self, &self->workers[0]));
	EXPECT_EQ(1, self->answers);
}

TEST_F(signer, accuses_who_asks_for_a_key_that_there_is_not)
{
	struct question q = good;

	q.key = 2;
	expect_accused(self, &q);
}

TEST_F(signer, accuses_who_asks_for_a_scheme_that_is_not_the_keys)
{
	struct question q = good;

	q.scheme = KTLS_SCHEME_RSA_PSS_RSAE_SHA256;
	expect_accused(self, &q);
}

/* The profile is for servers: its key proves nothing as a client's. */
TEST_F(signer, accuses_who_asks_for_another_role)
{
	struct question q = good;

	q.role = KTLS_CLIENT;
	expect_accused(self, &q);
}

TEST_F(signer, accuses_who_asks_for_no_role)
{
	struct question q = good;

	q.role = 2;
	expect_accused(self, &q);
}

TEST_F(signer, accuses_who_sends_what_is_no_hash)
{
	struct question q = good;

	q.hash_len = 40;
	expect_accused(self, &q);
}

/* The profile has no static-rsa: its keys sign and do nothing else. */
TEST_F(signer, accuses_who_wants_something_decrypted)
{
	static const uint8_t zeros[256];
	struct ktls_engine_decrypt what = { .encrypted = zeros,
					    .encrypted_len = sizeof(zeros),
					    .version = 0x0303,
					    .session_hash = zeros,
					    .client_random = zeros,
					    .server_random = zeros };
	struct channel_message m;

	channel_begin(&m, CHANNEL_DECRYPT);
	writer_u64(&m.body, 7);
	writer_u16(&m.body, 0);
	decrypt_write(&m.body, &what);
	ASSERT_EQ(0, channel_send(&self->workers[1], &m, CHANNEL_FD_NONE));
	EXPECT_EQ(-EPIPE, hear(self, &self->workers[1]));
	ASSERT_EQ(0, hear(self, &self->control));
	EXPECT_EQ(1, self->suspect);
	EXPECT_EQ(0, self->answers);
}

TEST_F(signer, accuses_who_sends_something_else)
{
	const uint8_t stop = CHANNEL_STOP;

	ASSERT_EQ(1, send(self->workers[1].fd, &stop, 1, 0));
	EXPECT_EQ(-EPIPE, hear(self, &self->workers[1]));
	ASSERT_EQ(0, hear(self, &self->control));
	EXPECT_EQ(1, self->suspect);
	ASSERT_EQ(0, ask(self, 0, &good));
	EXPECT_EQ(0, hear(self, &self->workers[0]));
}

/* A worker that is started again gets a channel of its own in place of the old one. */
TEST_F(signer, takes_a_new_worker)
{
	close(self->workers[1].fd);
	introduce(self, 1);
	ASSERT_EQ(0, ask(self, 1, &good));
	ASSERT_EQ(0, hear(self, &self->workers[1]));
	EXPECT_EQ(KTLS_OK, self->reason);
}

TEST_F(signer, limits_signatures)
{
	struct question q = good;
	unsigned int made = 0, refused = 0;

	q.key = 1;
	for (int i = 0; i < 10; i++) {
		ASSERT_EQ(0, ask(self, 0, &q));
		ASSERT_EQ(0, hear(self, &self->workers[0]));
		if (self->reason == KTLS_OK)
			made++;
		else
			refused += self->reason == KTLS_R_SIGNER && self->signature_len == 0;
	}
	EXPECT_EQ(10, made + refused);
	EXPECT_GE(made, 2);
	EXPECT_LE(made, 4);                /* where the second was over in between */
	ASSERT_EQ(0, ask(self, 0, &good)); /* the other profile has its own */
	ASSERT_EQ(0, hear(self, &self->workers[0]));
	EXPECT_EQ(KTLS_OK, self->reason);
}

/* Who asks and does not listen is not heard any more; the others are, and nothing is lost. */
TEST_F(signer, waits_for_who_does_not_listen)
{
	struct question q = good;
	struct pollfd p = { .fd = self->workers[1].fd, .events = POLLOUT };
	uint64_t asked = 0;

	for (; poll(&p, 1, 300) == 1 && asked < 100000; asked++) {
		q.token = asked;
		ASSERT_EQ(0, ask(self, 1, &q));
	}
	EXPECT_LT(asked, 100000);
	ASSERT_EQ(0, ask(self, 0, &good));
	ASSERT_EQ(0, hear(self, &self->workers[0]));
	for (uint64_t i = 0; i < asked; i++) {
		ASSERT_EQ(0, hear(self, &self->workers[1]));
		ASSERT_EQ(i, self->token);
	}
}

TEST_F(signer, ends_when_told)
{
	struct channel_message m;
	int status;

	channel_begin(&m, CHANNEL_STOP);
	ASSERT_EQ(0, channel_send(&self->control, &m, CHANNEL_FD_NONE));
	EXPECT_EQ(-EPIPE, hear(self, &self->control));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_EQ(0, status);
	self->pid = 0;
}

TEST_HARNESS_MAIN
