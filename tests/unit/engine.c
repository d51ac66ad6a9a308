/* SPDX-License-Identifier: MIT */
/* Whole handshakes between two engines of ours, with make-believe certificates. */
#include <stdlib.h>

#include "lib/crypto/util.h"
#include "lib/handshake/machine.h"
#include "tests/harness/harness.h"
#include "tests/harness/puppet.h"

static struct engine_end client, server;

FIXTURE(engines)
{
	int unused;
};

FIXTURE_VARIANT(engines)
{
	uint16_t suite;
	uint16_t group;
	bool retry; /* the server takes only the group that the client sends no share of */
};

FIXTURE_VARIANT_ADD(engines, aes128_x25519){ KTLS_AES_128_GCM_SHA256, KTLS_GROUP_X25519, false };
FIXTURE_VARIANT_ADD(engines, aes256_x25519){ KTLS_AES_256_GCM_SHA384, KTLS_GROUP_X25519, false };
FIXTURE_VARIANT_ADD(engines, chacha_x25519){ KTLS_CHACHA20_POLY1305_SHA256, KTLS_GROUP_X25519,
					     false };
FIXTURE_VARIANT_ADD(engines, aes128_p256){ KTLS_AES_128_GCM_SHA256, KTLS_GROUP_SECP256R1, false };
FIXTURE_VARIANT_ADD(engines, aes256_p256){ KTLS_AES_256_GCM_SHA384, KTLS_GROUP_SECP256R1, false };
FIXTURE_VARIANT_ADD(engines, chacha_p256){ KTLS_CHACHA20_POLY1305_SHA256, KTLS_GROUP_SECP256R1,
					   false };
FIXTURE_VARIANT_ADD(engines, retry_aes128){ KTLS_AES_128_GCM_SHA256, KTLS_GROUP_SECP256R1, true };
FIXTURE_VARIANT_ADD(engines, retry_aes256){ KTLS_AES_256_GCM_SHA384, KTLS_GROUP_SECP256R1, true };

static void configure(const struct test_variant_engines *variant)
{
	engines_init(&client, &server);
	client.config.suites = &variant->suite;
	client.config.suites_len = 1;
	server.config.groups = &variant->group;
	server.config.groups_len = 1;
	if (!variant->retry) {
		client.config.groups = &variant->group;
		client.config.groups_len = 1;
	}
}

FIXTURE_SETUP(engines)
{
	(void)self;
	ASSERT_EQ(0, crypto_init());
	configure(variant);
}

FIXTURE_TEARDOWN(engines)
{
	(void)self;
	(void)variant;
	engines_wipe(&client, &server);
	EXPECT_EQ(0, client.borrowed);
	EXPECT_EQ(0, server.borrowed);
}

static void expect_same_keys(void)
{
	struct ktls_traffic_key ct, cr, st, sr;

	ASSERT_EQ(0, ktls_engine_keys(&client.engine, &ct, &cr));
	ASSERT_EQ(0, ktls_engine_keys(&server.engine, &st, &sr));
	EXPECT_MEMEQ(&ct, &sr, sizeof(ct));
	EXPECT_MEMEQ(&cr, &st, sizeof(ct));
	EXPECT_TRUE(memcmp(&ct, &cr, sizeof(ct)) != 0);
}

static void expect_handshake(void)
{
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_TRUE(engines_run(&client, &server));
	expect_same_keys();
}

TEST_F(engines, agree)
{
	const struct ktls_engine_facts *facts[] = { ktls_engine_facts(&client.engine),
						    ktls_engine_facts(&server.engine) };

	(void)self;
	expect_handshake();
	for (size_t i = 0; i < 2; i++) {
		EXPECT_EQ(KTLS_TLS_1_3, facts[i]->version);
		EXPECT_EQ(variant->suite, facts[i]->suite);
		EXPECT_EQ(variant->group, facts[i]->group);
		EXPECT_EQ(KTLS_SCHEME_ECDSA_SECP256R1_SHA256, facts[i]->scheme);
		EXPECT_EQ(variant->retry, facts[i]->retried);
		EXPECT_EQ(KTLS_OK, facts[i]->reason);
		EXPECT_EQ(KTLS_ALERT_NONE, facts[i]->alert);
		EXPECT_STREQ("", facts[i]->server_name);
		EXPECT_EQ(0, facts[i]->alpn_len);
	}
	EXPECT_EQ(0, client.borrowed_peak);
	EXPECT_EQ(0, server.borrowed_peak);
}

/* However the bytes arrive, one at a time or in pieces of any size. */
TEST_F(engines, input_in_pieces)
{
	(void)self;
	for (size_t chunk = 1; chunk < 64; chunk++) {
		configure(variant);
		client.chunk = server.chunk = chunk;
		expect_handshake();
		engines_wipe(&client, &server);
	}
	configure(variant);
}

/* The whole of what the server sends, cut in two at each byte. */
TEST_F(engines, input_split_at_every_byte)
{
	size_t len;

	(void)self;
	expect_handshake();
	engines_wipe(&client, &server);
	configure(variant);
	ASSERT_EQ(0, engines_start(&client, &server));
	engine_end_step(&client, &server.in);
	engine_end_step(&server, &client.in);
	len = client.in.len;
	engines_wipe(&client, &server);
	for (size_t at = 1; at < len; at++) {
		configure(variant);
		client.chunk = at;
		server.chunk = at;
		expect_handshake();
		engines_wipe(&client, &server);
	}
	configure(variant);
}

/* ---- operations that complete later --------------------------------------------------------- */

static struct {
	uint16_t group, scheme;
	uint8_t *out;
	uint8_t *private_key;
	size_t *len;
	uint8_t peer[KTLS_ENGINE_SHARE_MAX];
	size_t peer_len;
	uint8_t bytes[KTLS_ENGINE_SIGNATURE_MAX];
	size_t bytes_len;
	const struct ktls_engine_ops *ops;
} later;

static int finish_generate(struct engine_end *end)
{
	return ktls_engine_default_ops.generate(end, later.group, later.private_key, later.out);
}

static int later_generate(void *arg, uint16_t group, uint8_t *private_key, uint8_t *share)
{
	later.group = group;
	later.private_key = private_key;
	later.out = share;
	((struct engine_end *)arg)->deferred = finish_generate;
	return KTLS_ENGINE_PENDING;
}

static int finish_agree(struct engine_end *end)
{
	return ktls_engine_default_ops.agree(end, later.group, later.private_key, later.peer,
					     later.peer_len, later.out);
}

static int later_agree(void *arg, uint16_t group, const uint8_t *private_key, const uint8_t *peer,
		       size_t peer_len, uint8_t *shared)
{
	later.group = group;
	later.private_key = (uint8_t *)(uintptr_t)private_key;
	later.out = shared;
	memcpy(later.peer, peer, peer_len);
	later.peer_len = peer_len;
	((struct engine_end *)arg)->deferred = finish_agree;
	return KTLS_ENGINE_PENDING;
}

static int finish_sign(struct engine_end *end)
{
	(void)end;
	memcpy(later.out, later.bytes, later.bytes_len);
	*later.len = later.bytes_len;
	return 0;
}

static int later_sign(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
		      size_t *signature_len)
{
	later.bytes_len = ktls_engine_signed_content(request->role, request->hash,
						     request->hash_len, later.bytes);
	later.out = signature;
	later.len = signature_len;
	((struct engine_end *)arg)->deferred = finish_sign;
	return KTLS_ENGINE_PENDING;
}

static int finish_well(struct engine_end *end)
{
	(void)end;
	return 0;
}

static int finish_badly(struct engine_end *end)
{
	(void)end;
	return -KTLS_R_CERTIFICATE_EXPIRED;
}

static int (*verdict)(struct engine_end *end);

static int later_verify_chain(void *arg, const struct ktls_span *certs, size_t certs_len)
{
	(void)certs;
	EXPECT_EQ(1, certs_len);
	((struct engine_end *)arg)->deferred = verdict;
	return KTLS_ENGINE_PENDING;
}

static int later_verify_signature(void *arg, uint16_t scheme, const uint8_t *content,
				  size_t content_len, const uint8_t *signature,
				  size_t signature_len)
{
	(void)scheme;
	EXPECT_EQ(content_len, signature_len);
	EXPECT_MEMEQ(content, signature, content_len);
	((struct engine_end *)arg)->deferred = finish_well;
	return KTLS_ENGINE_PENDING;
}

static void put_off_everything(void)
{
	verdict = finish_well;
	client.ops.generate = server.ops.generate = later_generate;
	client.ops.agree = server.ops.agree = later_agree;
	server.ops.sign = later_sign;
	client.ops.verify_chain = later_verify_chain;
	client.ops.verify_signature = later_verify_signature;
}

TEST_F(engines, operations_complete_later)
{
	(void)self;
	put_off_everything();
	expect_handshake();
}

TEST_F(engines, operations_complete_later_with_input_in_pieces)
{
	(void)self;
	for (size_t chunk = 1; chunk < 40; chunk += 3) {
		configure(variant);
		put_off_everything();
		client.chunk = server.chunk = chunk;
		expect_handshake();
		engines_wipe(&client, &server);
	}
	configure(variant);
}

TEST_F(engines, operation_fails_later)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(&client.engine);

	(void)self;
	put_off_everything();
	verdict = finish_badly;
	ASSERT_EQ(0, engines_start(&client, &server));
	EXPECT_FALSE(engines_run(&client, &server));
	EXPECT_EQ(KTLS_ENGINE_FAILED, client.state);
	EXPECT_EQ(KTLS_R_CERTIFICATE_EXPIRED, facts->reason);
	EXPECT_EQ(KTLS_ALERT_CERTIFICATE_EXPIRED, facts->alert);
	facts = ktls_engine_facts(&server.engine);
	EXPECT_EQ(KTLS_ENGINE_FAILED, server.state);
	EXPECT_EQ(KTLS_R_PEER_ALERT, facts->reason);
	EXPECT_EQ(KTLS_ALERT_CERTIFICATE_EXPIRED, facts->alert);
}

/* ---- what a peer may do --------------------------------------------------------------------- */

static void start_hello(void)
{
	ASSERT_EQ(0, engines_start(&client, &server));
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO);
}

/* Each handshake message of the server's in records of one byte, and padded; then all in one. */
static void cut_flight(size_t piece, size_t padding)
{
	static uint8_t flight[4096];
	struct engine *e = engine_of(&server.engine);
	struct ktls_engine_io io = { .out = server.out, .out_cap = sizeof(server.out) };
	size_t len;

	e->io = &io;
	e->flight.open = false;
	while (e->state != SERVER_APPLICATION_KEYS)
		ASSERT_EQ(0, machine_step(e));
	len = e->flight.w.len;
	ASSERT_LE(len, sizeof(flight));
	memcpy(flight, e->flight.w.buf, len);
	e->flight.open = false;
	for (size_t at = 0; at < len; at += piece)
		puppet_padded(&server, &client.in, 22, flight + at,
			      len - at < piece ? len - at : piece, padding);
}

TEST_F(engines, messages_in_pieces_and_padded)
{
	(void)self;
	for (size_t piece = 1; piece < 300; piece += 7) {
		configure(variant);
		ASSERT_EQ(0, engines_start(&client, &server));
		while (engine_of(&server.engine)->state != SERVER_CHOOSE) {
			engine_end_step(&client, &server.in);
			if (engine_of(&client.engine)->facts.retried || !variant->retry)
				puppet_until(&server, &client.in, SERVER_CHOOSE);
			else
				puppet_until(&server, &client.in, SERVER_RECV_HELLO_AGAIN);
		}
		puppet_until(&server, &client.in, SERVER_SEND_EXTENSIONS);
		cut_flight(piece, piece * 3);
		ASSERT_TRUE(engines_run(&client, &server));
		expect_same_keys();
		engines_wipe(&client, &server);
	}
	configure(variant);
}

/* A long chain comes in several records and is assembled in one borrowed buffer. */
TEST_F(engines, long_chain)
{
	uint8_t *der = calloc(1, 10000);

	(void)self;
	for (size_t i = 0; i < 3; i++)
		server.chain[i] = (struct ktls_span){ der, 10000 };
	server.chain_len = 3;
	expect_handshake();
	EXPECT_EQ(3, client.chain_len);
	EXPECT_GE(client.borrowed_peak, 30000);
	EXPECT_LT(client.borrowed_peak, 34000);
	EXPECT_EQ(0, server.borrowed_peak);
	free(der);
}

TEST_F(engines, chain_over_the_limit)
{
	uint8_t *der = calloc(1, KTLS_ENGINE_CHAIN_MAX);

	(void)self;
	server.chain[0] = (struct ktls_span){ der, KTLS_ENGINE_CHAIN_MAX };
	server.chain[1] = (struct ktls_span){ der, 5000 };
	server.chain_len = 2;
	ASSERT_EQ(0, engines_start(&client, &server));
	EXPECT_FALSE(engines_run(&client, &server));
	EXPECT_EQ(KTLS_R_MESSAGE_TOO_LONG, ktls_engine_facts(&client.engine)->reason);
	free(der);
}

/* change_cipher_spec may come at any time between the hellos and the Finished. */
TEST_F(engines, change_cipher_spec_is_dropped)
{
	static const uint8_t ccs[] = { 20, 3, 3, 0, 1, 1 };

	(void)self;
	start_hello();
	engine_end_feed(&client, ccs, sizeof(ccs));
	engine_end_step(&server, &client.in);
	engine_end_feed(&server, ccs, sizeof(ccs));
	engine_end_feed(&server, ccs, sizeof(ccs));
	ASSERT_TRUE(engines_run(&client, &server));
	expect_same_keys();
}

/* Early data that nobody asked for: undecryptable after a ServerHello, skipped by type after a
 * retry. */
TEST_F(engines, early_data_is_skipped)
{
	static const uint8_t record[5 + 1000] = { 23, 3, 3, 1000 >> 8, 1000 & 0xff, 7 };
	static const uint8_t empty[1];

	(void)self;
	start_hello();
	puppet_edit_extension(&server.in, 42, empty, 0);
	/* The transcript of the client must have the hello as it was sent. */
	transcript_init(&engine_of(&client.engine)->transcript);
	transcript_add(&engine_of(&client.engine)->transcript, server.in.bytes + 5,
		       server.in.len - 5);
	for (int i = 0; i < 20; i++)
		engine_end_feed(&server, record, sizeof(record));
	ASSERT_TRUE(engines_run(&client, &server));
	expect_same_keys();
	EXPECT_EQ(20 * sizeof(record), engine_of(&server.engine)->early_skipped);
}

/* A cookie comes back whole, and its memory is given back. */
TEST(cookie)
{
	static const uint16_t p256 = KTLS_GROUP_SECP256R1;
	uint8_t cookie[2 + 700] = { 700 >> 8, 700 & 0xff, 1, 2, 3 };
	struct engine *e = engine_of(&client.engine);

	ASSERT_EQ(0, crypto_init());
	engines_init(&client, &server);
	server.config.groups = &p256;
	server.config.groups_len = 1;
	start_hello();
	puppet_until(&server, &client.in, SERVER_RECV_HELLO_AGAIN);
	client.in.len -= 6; /* the change_cipher_spec */
	puppet_edit_extension(&client.in, 44, cookie, sizeof(cookie));
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO_AGAIN);
	EXPECT_NULL(e->cookie);
	EXPECT_EQ(0, client.borrowed);
	EXPECT_GE(client.borrowed_peak, 700);
	EXPECT_NOT_NULL(memmem(server.in.bytes, server.in.len, cookie, sizeof(cookie)));
	engines_wipe(&client, &server);
}

/* What follows the peer's Finished is left alone, to the byte. */
TEST_F(engines, leaves_what_follows)
{
	static const uint8_t after[] = "not the engine's";

	(void)self;
	ASSERT_EQ(0, engines_start(&client, &server));
	while (client.state != KTLS_ENGINE_DONE) {
		engine_end_step(&client, &server.in);
		if (client.state != KTLS_ENGINE_DONE)
			engine_end_step(&server, &client.in);
	}
	engine_end_feed(&server, after, sizeof(after));
	engine_end_step(&server, &client.in);
	ASSERT_EQ(KTLS_ENGINE_DONE, server.state);
	ASSERT_EQ(sizeof(after), server.in.len);
	EXPECT_MEMEQ(after, server.in.bytes, sizeof(after));
}

/* ---- names ------------------------------------------------------------------------------------
 */

TEST_F(engines, names)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(&server.engine);

	(void)self;
	client.config.server_name = "WWW.Example.ORG";
	client.config.alpn = (const uint8_t *)"\x02h2\x08http/1.1";
	client.config.alpn_len = 12;
	server.config.alpn = (const uint8_t *)"\003foo\010http/1.1\002h2";
	server.config.alpn_len = 16;
	expect_handshake();
	EXPECT_STREQ("www.example.org", facts->server_name);
	EXPECT_EQ(8, facts->alpn_len);
	EXPECT_MEMEQ("http/1.1", facts->alpn, 8);
	facts = ktls_engine_facts(&client.engine);
	EXPECT_EQ(8, facts->alpn_len);
	EXPECT_MEMEQ("http/1.1", facts->alpn, 8);
}

/* A server without protocols ignores the client's, a client without them gets none. */
TEST_F(engines, alpn_on_one_side_only)
{
	(void)self;
	client.config.alpn = (const uint8_t *)"\x02h2";
	client.config.alpn_len = 3;
	expect_handshake();
	EXPECT_EQ(0, ktls_engine_facts(&client.engine)->alpn_len);
	engines_wipe(&client, &server);
	configure(variant);
	server.config.alpn = (const uint8_t *)"\x02h2";
	server.config.alpn_len = 3;
	expect_handshake();
	EXPECT_EQ(0, ktls_engine_facts(&client.engine)->alpn_len);
}

TEST_HARNESS_MAIN
