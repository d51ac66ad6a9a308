/* SPDX-License-Identifier: MIT */
/* What only TLS 1.3 has: client certificates so far, padding, early data, cookies. */
#include "tests/unit/engine.h"

static void start_hello(void)
{
	ASSERT_EQ(0, engines_start(&client, &server));
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO);
}

static int choose_none(void *arg, const struct ktls_engine_hello *hello,
		       struct ktls_engine_choice *choice)
{
	(void)arg;
	(void)hello;
	(void)choice;
	return -KTLS_R_SCHEMES_NONE_SHARED;
}

static int find_none(struct engine_end *end)
{
	(void)end;
	return -KTLS_R_SCHEMES_NONE_SHARED;
}

static int choose_none_later(void *arg, const struct ktls_engine_hello *hello,
			     struct ktls_engine_choice *choice)
{
	(void)hello;
	(void)choice;
	((struct engine_end *)arg)->deferred = find_none;
	return KTLS_ENGINE_PENDING;
}

static void give_client_a_certificate(void)
{
	client.chain[0] = server.chain[0];
	client.chain_len = 1;
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

TEST_F(engines, client_certificate)
{
	(void)self;
	for (int auth = KTLS_ENGINE_REQUEST_CLIENT_AUTH; auth <= KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	     auth++) {
		configure(variant);
		give_client_a_certificate();
		server.config.client_auth = (enum ktls_engine_client_auth)auth;
		expect_handshake();
		EXPECT_EQ(KTLS_SCHEME_ECDSA_SECP256R1_SHA256,
			  ktls_engine_facts(&server.engine)->client_scheme);
		EXPECT_EQ(KTLS_SCHEME_ECDSA_SECP256R1_SHA256,
			  ktls_engine_facts(&client.engine)->client_scheme);
		EXPECT_EQ(1, server.chain_len);
		engines_wipe(&client, &server);
	}
	configure(variant);
}

TEST_F(engines, client_certificate_later_and_in_pieces)
{
	(void)self;
	for (size_t chunk = 1; chunk < 40; chunk += 3) {
		configure(variant);
		give_client_a_certificate();
		engine_end_put_off(&client);
		engine_end_put_off(&server);
		server.config.client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
		client.chunk = server.chunk = chunk;
		expect_handshake();
		engines_wipe(&client, &server);
	}
	configure(variant);
}

TEST_F(engines, client_without_a_certificate)
{
	(void)self;
	for (int later = 0; later < 2; later++) {
		client.ops.choose = later ? choose_none_later : choose_none;
		server.config.client_auth = KTLS_ENGINE_REQUEST_CLIENT_AUTH;
		expect_handshake();
		EXPECT_EQ(0, ktls_engine_facts(&server.engine)->client_scheme);
		engines_wipe(&client, &server);
		configure(variant);
	}
	client.ops.choose = NULL;
	client.ops.sign = NULL;
	server.config.client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	ASSERT_EQ(0, engines_start(&client, &server));
	EXPECT_FALSE(engines_run(&client, &server));
	EXPECT_EQ(KTLS_R_CERTIFICATE_REQUIRED, ktls_engine_facts(&server.engine)->reason);
	EXPECT_EQ(KTLS_ALERT_CERTIFICATE_REQUIRED, ktls_engine_facts(&server.engine)->alert);
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

TEST_HARNESS_MAIN
