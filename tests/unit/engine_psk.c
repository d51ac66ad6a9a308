/* SPDX-License-Identifier: MIT */
/* Resumption in TLS 1.3, between two engines: RFC 9846, 4.3.9, 4.3.11 and 4.7.1. */
#include "lib/handshake/session.h"
#include "tests/harness/tickets.h"
#include "tests/unit/engine.h"

#define MINUTE 60000 /* ms */

static void prepare(const struct test_variant_engines *variant)
{
	engines_wipe(&client, &server);
	configure(variant);
	tickets_attach(&client, &server);
}

/* A full handshake that leaves n tickets. */
static void expect_tickets(const struct test_variant_engines *variant, size_t n)
{
	memset(&tickets, 0, sizeof(tickets));
	prepare(variant);
	server.config.tickets = (uint8_t)n;
	expect_handshake();
	EXPECT_FALSE(ktls_engine_facts(&server.engine)->resumed);
	ASSERT_EQ(n, tickets_collect(&client));
	ASSERT_EQ(n, tickets.kept);
	expect_same_keys();
}

/* Two engines of which the client offers the last session. */
static void prepare_resumption(const struct test_variant_engines *variant)
{
	expect_tickets(variant, 1);
	prepare(variant);
	tickets_offer(&client);
}

static void expect_resumed(bool resumed)
{
	expect_handshake();
	EXPECT_EQ(resumed, ktls_engine_facts(&client.engine)->resumed);
	EXPECT_EQ(resumed, ktls_engine_facts(&server.engine)->resumed);
	EXPECT_EQ(resumed, ktls_engine_facts(&client.engine)->scheme == 0);
}

TEST_F(engines, resumes)
{
	const struct ktls_engine_facts *facts[] = { ktls_engine_facts(&client.engine),
						    ktls_engine_facts(&server.engine) };

	(void)self;
	prepare_resumption(variant);
	expect_resumed(true);
	for (size_t i = 0; i < 2; i++) {
		EXPECT_EQ(KTLS_TLS_1_3, facts[i]->version);
		EXPECT_EQ(variant->suite, facts[i]->suite);
		EXPECT_EQ(variant->group, facts[i]->group);
		EXPECT_EQ(variant->retry, facts[i]->retried);
		EXPECT_EQ(0, facts[i]->scheme);
	}
	EXPECT_EQ(1, tickets.opened);
}

TEST_F(engines, one_to_four_tickets)
{
	(void)self;
	for (size_t n = 0; n <= KTLS_ENGINE_TICKETS_MAX; n++) {
		expect_tickets(variant, n);
		/* No two are the same. */
		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; k < i; k++)
				EXPECT_NE(0, memcmp(tickets.session[i], tickets.session[k],
						    tickets.session_len[i]));
		/* Each is good for a handshake, and that for the next. */
		for (size_t i = 0; i < n; i++) {
			prepare(variant);
			client.config.session =
				(struct ktls_span){ tickets.session[i], tickets.session_len[i] };
			expect_resumed(true);
		}
	}
}

TEST_F(engines, resumes_what_was_resumed)
{
	(void)self;
	expect_tickets(variant, 1);
	for (int i = 0; i < 3; i++) {
		prepare(variant);
		tickets_offer(&client);
		expect_resumed(true);
		ASSERT_EQ(1, tickets_collect(&client));
		expect_same_keys();
	}
}

/* Tickets go out with the server's Finished: whoever only writes is never answered later. */
TEST_F(engines, tickets_before_the_clients_finished)
{
	size_t before;

	(void)self;
	for (int later = 0; later < 2; later++) {
		memset(&tickets, 0, sizeof(tickets));
		prepare(variant);
		tickets.later = later;
		server.config.tickets = 4;
		ASSERT_EQ(0, engines_start(&client, &server));
		while (client.state != KTLS_ENGINE_DONE) {
			engine_end_step(&client, &server.in);
			if (client.state != KTLS_ENGINE_DONE)
				engine_end_step(&server, &client.in);
		}
		before = client.in.len;
		ASSERT_TRUE(engines_run(&client, &server));
		EXPECT_EQ(before, client.in.len);
		EXPECT_EQ(4, tickets_collect(&client));
	}
}

TEST_F(engines, tickets_behind_the_clients_certificate)
{
	(void)self;
	for (int auth = KTLS_ENGINE_REQUEST_CLIENT_AUTH; auth <= KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	     auth++) {
		for (int later = 0; later < 2; later++) {
			memset(&tickets, 0, sizeof(tickets));
			prepare(variant);
			tickets.later = later;
			server.config.tickets = 2;
			server.config.client_auth = (enum ktls_engine_client_auth)auth;
			client.chain[0] = server.chain[0];
			client.chain_len = 1;
			expect_handshake();
			EXPECT_NE(0, ktls_engine_facts(&server.engine)->client_scheme);
			ASSERT_EQ(2, tickets_collect(&client));
			expect_same_keys();
			/* And the client is not asked again. */
			prepare(variant);
			tickets.later = later;
			tickets_offer(&client);
			server.config.client_auth = (enum ktls_engine_client_auth)auth;
			expect_resumed(true);
			EXPECT_EQ(0, ktls_engine_facts(&server.engine)->client_scheme);
			EXPECT_EQ(0, server.chain_len - 1);
		}
	}
}

TEST_F(engines, operations_complete_later)
{
	(void)self;
	for (size_t chunk = 0; chunk < 40; chunk += 3) {
		memset(&tickets, 0, sizeof(tickets));
		prepare(variant);
		engine_end_put_off(&client);
		engine_end_put_off(&server);
		tickets.later = true;
		server.config.tickets = 3;
		expect_handshake();
		ASSERT_EQ(3, tickets_collect(&client));
		prepare(variant);
		engine_end_put_off(&client);
		engine_end_put_off(&server);
		tickets_offer(&client);
		client.chunk = server.chunk = chunk;
		expect_resumed(true);
	}
}

/* What else a client may put into its hello stays before the key, which must be last. */
TEST_F(engines, resumes_with_grease)
{
	(void)self;
	for (int i = 0; i < 20; i++) {
		prepare_resumption(variant);
		client.config.grease = true;
		client.config.record_size_limit = 8192;
		client.config.psk_ke = true;
		expect_resumed(true);
		EXPECT_EQ(variant->group, ktls_engine_facts(&client.engine)->group);
	}
}

/* ---- what does not resume -------------------------------------------------------------------- */

TEST_F(engines, ticket_that_nobody_knows)
{
	(void)self;
	prepare_resumption(variant);
	tickets.none = true;
	expect_resumed(false);
	EXPECT_EQ(1, tickets.opened);
}

TEST_F(engines, age)
{
	static const struct {
		uint32_t days, ms;
		bool resumed;
	} cases[] = {
		{ 0, 0, true },  { 1, 0, true },  { 1, 86400000 - 1, true },
		{ 2, 0, false }, { 3, 0, false },
	};

	(void)self;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		prepare_resumption(variant);
		tickets.now += (uint64_t)cases[i].days * 86400000 + cases[i].ms;
		expect_resumed(cases[i].resumed);
		/* Who has nothing better than what has expired does not offer it. */
		EXPECT_EQ(cases[i].resumed, tickets.opened == 1);
	}
}

/* The client's clock runs on its own: what counts is the difference from when it got the ticket. */
TEST_F(engines, age_as_the_client_sees_it)
{
	static const struct {
		int64_t late; /* ms that the client took the ticket before it offers it */
		bool resumed;
	} cases[] = { { MINUTE, true }, { MINUTE + 1, false }, { 10 * MINUTE, false } };

	(void)self;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		prepare_resumption(variant);
		ASSERT_EQ(0, engines_start(&client, &server));
		/* The client says an age of 0. */
		engine_end_step(&client, &server.in);
		tickets.now += (uint64_t)cases[i].late;
		engines_run(&client, &server);
		ASSERT_EQ(KTLS_ENGINE_DONE, server.state);
		EXPECT_EQ(variant->retry || cases[i].resumed,
			  ktls_engine_facts(&server.engine)->resumed);
	}
}

/* Renewing goes on for as long as the first ticket is good, and no longer. */
TEST_F(engines, resumption_ends)
{
	int n = 0;

	(void)self;
	expect_tickets(variant, 1);
	for (bool resumed = true; resumed; n++) {
		ASSERT_LT(n, 5);
		tickets.kept = 1;
		prepare(variant);
		tickets_offer(&client);
		tickets.now += 15 * 60 * MINUTE;
		expect_handshake();
		resumed = ktls_engine_facts(&server.engine)->resumed;
		tickets.kept = 0;
		ASSERT_EQ(1, tickets_collect(&client));
	}
	/* 15, 30 and 45 of 48 hours; the fourth is a full one */
	EXPECT_EQ(4, n);
}

TEST_F(engines, another_server_name)
{
	(void)self;
	prepare_resumption(variant);
	client.config.server_name = "example.org";
	expect_resumed(false);
	EXPECT_EQ(0, tickets.opened);
	/* A client that does not care, with a ticket that was made without a name. */
	prepare_resumption(variant);
	ASSERT_EQ(0, engines_start(&client, &server));
	client.config.server_name = "example.org";
	engine_of(&client.engine)->config.server_name = "example.org";
	engines_run(&client, &server);
	EXPECT_EQ(KTLS_ENGINE_DONE, server.state);
	EXPECT_GE(tickets.opened, 1);
	EXPECT_STREQ("example.org", tickets.opened_for);
	EXPECT_FALSE(ktls_engine_facts(&server.engine)->resumed);
}

TEST_F(engines, the_same_server_name)
{
	(void)self;
	memset(&tickets, 0, sizeof(tickets));
	prepare(variant);
	client.config.server_name = "Example.org";
	expect_handshake();
	ASSERT_EQ(1, tickets_collect(&client));
	prepare(variant);
	tickets_offer(&client);
	client.config.server_name = "example.ORG";
	expect_resumed(true);
	EXPECT_STREQ("example.org", tickets.opened_for);
}

/* Other suites of the same hash will do. */
TEST_F(engines, another_suite)
{
	static const uint16_t suites[] = { KTLS_CHACHA20_POLY1305_SHA256, KTLS_AES_128_GCM_SHA256,
					   KTLS_AES_256_GCM_SHA384 };
	enum hash_alg hash = suite_find(variant->suite)->hash;

	(void)self;
	for (size_t i = 0; i < 3; i++) {
		prepare_resumption(variant);
		client.config.suites = &suites[i];
		expect_resumed(hash == suite_find(suites[i])->hash);
	}
	/* What the client cannot know. */
	prepare_resumption(variant);
	client.config.suites = suites;
	client.config.suites_len = 3;
	server.config.suites = &suites[hash == HASH_SHA256 ? 2 : 0];
	server.config.suites_len = 1;
	expect_resumed(false);
}

TEST_F(engines, no_session_at_all)
{
	static const uint8_t nothing[] = { 1, 2, 3 };

	(void)self;
	prepare_resumption(variant);
	client.config.session = (struct ktls_span){ nothing, sizeof(nothing) };
	expect_resumed(false);
	/* A session cut short anywhere is none. */
	for (size_t len = 0; len < tickets.session_len[0]; len += 7) {
		prepare(variant);
		tickets_offer(&client);
		client.config.session.len = len;
		expect_resumed(false);
		EXPECT_EQ(0, tickets.opened);
	}
}

/* Without a clock there is no resumption, on either side, and nobody is told of modes. */
TEST_F(engines, no_clock)
{
	(void)self;
	prepare_resumption(variant);
	client.ops.now = NULL;
	expect_resumed(false);
	EXPECT_EQ(1, tickets.sealed);
	prepare_resumption(variant);
	server.ops.now = NULL;
	expect_resumed(false);
	EXPECT_EQ(1, tickets.sealed);
}

TEST_HARNESS_MAIN
