/* SPDX-License-Identifier: MIT */
/* Resumption of TLS 1.2 by tickets (RFC 5077) between two engines of ours. */
#define ENGINE_ONLY_1_2
#include "lib/handshake/session.h"
#include "tests/harness/tickets.h"
#include "tests/unit/engine.h"

/* clang-format off */
#define TLS_1_2_VARIANT(name, suite, group, client, server) \
	FIXTURE_VARIANT_ADD(engines, name) { suite, group, false, client, server }
/* clang-format on */
TLS_1_2_VARIANT(tls12_sha256, KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, KTLS_GROUP_X25519, KTLS_TLS_1_2,
		KTLS_TLS_1_2);
TLS_1_2_VARIANT(tls12_sha384_server_of_both, KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384,
		KTLS_GROUP_SECP256R1, KTLS_TLS_1_2, KTLS_TLS_1_3);
TLS_1_2_VARIANT(tls12_sha384_client_of_both, KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384, KTLS_GROUP_X25519,
		KTLS_TLS_1_3, KTLS_TLS_1_2);

static void again(const struct test_variant_engines *variant)
{
	engines_wipe(&client, &server);
	configure(variant);
	tickets_attach(&client, &server);
}

static void offer_again(const struct test_variant_engines *variant)
{
	again(variant);
	tickets_offer(&client);
}

/* A full handshake that leaves a session. */
static void first(const struct test_variant_engines *variant)
{
	again(variant);
	expect_handshake();
	ASSERT_EQ(1u, tickets.kept);
}

static void expect_resumed(bool resumed)
{
	expect_handshake();
	EXPECT_EQ(resumed, ktls_engine_facts(&client.engine)->resumed);
	EXPECT_EQ(resumed, ktls_engine_facts(&server.engine)->resumed);
}

TEST_F(engines, resumes)
{
	const struct ktls_engine_facts *facts[] = { ktls_engine_facts(&client.engine),
						    ktls_engine_facts(&server.engine) };

	(void)self;
	first(variant);
	offer_again(variant);
	expect_resumed(true);
	for (size_t i = 0; i < 2; i++) {
		EXPECT_EQ(KTLS_TLS_1_2, facts[i]->version);
		EXPECT_EQ(variant->suite, facts[i]->suite);
		EXPECT_EQ(0, facts[i]->group);
		EXPECT_EQ(0, facts[i]->scheme);
	}
	EXPECT_EQ(1, tickets.sealed);
	EXPECT_EQ(1, tickets.opened);
	/* The server does not renew: the client gets back what it had. */
	ASSERT_EQ(2u, tickets.kept);
	ASSERT_EQ(tickets.session_len[0], tickets.session_len[1]);
	EXPECT_MEMEQ(tickets.session[0], tickets.session[1], tickets.session_len[0]);
}

TEST_F(engines, same_master_secret_and_other_keys)
{
	struct ktls_secrets before, after;
	struct ktls_traffic_key tx[2], rx;

	(void)self;
	first(variant);
	ASSERT_EQ(0, ktls_engine_secrets(&client.engine, &before));
	ASSERT_EQ(0, ktls_engine_keys(&client.engine, &tx[0], &rx));
	offer_again(variant);
	expect_resumed(true);
	ASSERT_EQ(0, ktls_engine_secrets(&client.engine, &after));
	ASSERT_EQ(0, ktls_engine_keys(&client.engine, &tx[1], &rx));
	EXPECT_MEMEQ(before.exporter, after.exporter, sizeof(before.exporter));
	EXPECT_TRUE(memcmp(tx[0].key, tx[1].key, sizeof(tx[0].key)) != 0);
}

TEST_F(engines, operations_complete_later_and_input_comes_in_pieces)
{
	(void)self;
	for (size_t chunk = 1; chunk < 300; chunk += 37) {
		for (int i = 0; i < 2; i++) {
			again(variant);
			if (i > 0)
				tickets_offer(&client);
			engine_end_put_off(&client);
			engine_end_put_off(&server);
			tickets.later = true;
			client.chunk = server.chunk = chunk;
			expect_resumed(i > 0);
		}
		tickets.kept = 0;
	}
}

TEST_F(engines, split_at_every_byte)
{
	size_t len;

	(void)self;
	first(variant);
	offer_again(variant);
	ASSERT_EQ(0, engines_start(&client, &server));
	engine_end_step(&client, &server.in);
	engine_end_step(&server, &client.in);
	len = client.in.len;
	for (size_t at = 1; at < len; at++) {
		tickets.kept = 1;
		offer_again(variant);
		client.chunk = server.chunk = at;
		expect_resumed(true);
	}
}

/* ---- what leads to a full handshake ---------------------------------------------------------- */

TEST_F(engines, ticket_that_does_not_open)
{
	(void)self;
	first(variant);
	offer_again(variant);
	tickets.none = true;
	expect_resumed(false);
	EXPECT_EQ(1, tickets.opened);
	/* An announced ticket that was not made is empty, and nothing to keep. */
	EXPECT_EQ(1u, tickets.kept);
}

TEST_F(engines, other_server_name)
{
	(void)self;
	again(variant);
	client.config.server_name = "a.example";
	expect_handshake();
	offer_again(variant);
	client.config.server_name = "a.example";
	expect_resumed(true);
	EXPECT_STREQ("a.example", tickets.opened_for);
	/* The client does not offer it to another server ... */
	offer_again(variant);
	client.config.server_name = "b.example";
	expect_resumed(false);
	EXPECT_EQ(1, tickets.opened);
}

TEST_F(engines, expired)
{
	(void)self;
	first(variant);
	offer_again(variant);
	tickets.now += 7200 * 1000 - 1;
	expect_resumed(true);
	offer_again(variant);
	tickets.now++;
	expect_resumed(false);
	EXPECT_EQ(1, tickets.opened);
}

TEST_F(engines, other_suite)
{
	static const uint16_t others[] = { KTLS_ECDHE_ECDSA_CHACHA20_POLY1305,
					   KTLS_CHACHA20_POLY1305_SHA256 };

	(void)self;
	first(variant);
	/* The server allows the session's no more. */
	offer_again(variant);
	server.config.suites = others;
	server.config.suites_len = 2;
	expect_resumed(false);
	EXPECT_EQ(1, tickets.opened);
	/* The client does not have it any more, and does not offer. */
	tickets.kept = 1;
	offer_again(variant);
	server.config.suites = NULL;
	client.config.suites = others;
	client.config.suites_len = 2;
	expect_resumed(false);
	EXPECT_EQ(1, tickets.opened);
}

TEST_F(engines, server_without_tickets)
{
	(void)self;
	again(variant);
	server.config.tickets = 0;
	expect_resumed(false);
	EXPECT_EQ(0u, tickets.kept);
	again(variant);
	client.ops.keep_session = NULL;
	expect_resumed(false);
	EXPECT_EQ(0, tickets.sealed);
}

/* What is no session is passed over, cut anywhere. */
TEST_F(engines, session_cut_short)
{
	(void)self;
	first(variant);
	for (size_t len = 0; len < tickets.session_len[0]; len++) {
		tickets.kept = 1;
		offer_again(variant);
		client.config.session.len = len;
		expect_resumed(false);
	}
	EXPECT_EQ(0, tickets.opened);
}

/* ---- what a ticket's state says, changed ------------------------------------------------------
 */

/* The same session for both, changed: the server's is its ticket behind a mark. */
static void change(void (*edit)(struct session *s), bool client_too)
{
	struct reader r;
	struct session s, inner;
	struct writer w;
	uint8_t ticket[1 + KTLS_ENGINE_STATE_MAX], *blob = tickets.session[0];

	reader_init(&r, blob, tickets.session_len[0]);
	ASSERT_TRUE(session_parse(&r, &s));
	reader_init(&r, s.ticket.bytes + 1, s.ticket.len - 1);
	ASSERT_TRUE(session_parse(&r, &inner));
	edit(&inner);
	if (client_too)
		edit(&s);
	ticket[0] = s.ticket.bytes[0];
	writer_init(&w, ticket + 1, sizeof(ticket) - 1);
	session_build(&inner, &w);
	s.ticket = (struct ktls_span){ ticket, 1 + w.len };
	writer_init(&w, blob, KTLS_ENGINE_SESSION_MAX);
	session_build(&s, &w);
	tickets.session_len[0] = w.len;
	tickets.kept = 1;
}

static void not_extended(struct session *s)
{
	s->extended = false;
}

static void of_1_3(struct session *s)
{
	s->version = KTLS_TLS_1_3;
	s->suite = KTLS_AES_256_GCM_SHA384;
}

static void other_name(struct session *s)
{
	strcpy(s->server_name, "other.example");
}

static void old(struct session *s)
{
	s->issued -= 7200 * 1000;
}

static void other_secret(struct session *s)
{
	s->secret[0] ^= 1;
}

TEST_F(engines, server_checks_the_session)
{
	void (*const edits[])(struct session *) = { not_extended, of_1_3, other_name, old };

	(void)self;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		tickets.kept = 0;
		first(variant);
		change(edits[i], false);
		offer_again(variant);
		expect_resumed(false);
		EXPECT_EQ((int)i + 1, tickets.opened);
	}
}

/* A session without an extended master secret is not offered: RFC 7627, 5.3. */
TEST_F(engines, client_checks_the_session)
{
	void (*const edits[])(struct session *) = { not_extended, of_1_3, other_name, old };

	(void)self;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		tickets.kept = 0;
		first(variant);
		change(edits[i], true);
		offer_again(variant);
		expect_resumed(false);
		EXPECT_EQ(0, tickets.opened);
	}
}

TEST_F(engines, other_master_secret)
{
	(void)self;
	first(variant);
	change(other_secret, false);
	offer_again(variant);
	ASSERT_EQ(0, engines_start(&client, &server));
	EXPECT_FALSE(engines_run(&client, &server));
	EXPECT_EQ(KTLS_R_RECORD_MAC, ktls_engine_facts(&client.engine)->reason);
	/* What failed gives no session back. */
	EXPECT_EQ(1u, tickets.kept);
}

/* ---- both versions ----------------------------------------------------------------------------
 */

/* A client that offers a session of TLS 1.2 and gets TLS 1.3: nothing of it matters. */
TEST_F(engines, version_1_3_after_all)
{
	(void)self;
	first(variant);
	offer_again(variant);
	client.config.version_max = server.config.version_max = KTLS_TLS_1_3;
	client.config.suites = server.config.suites = NULL;
	expect_handshake();
	EXPECT_EQ(KTLS_TLS_1_3, ktls_engine_facts(&client.engine)->version);
	EXPECT_FALSE(ktls_engine_facts(&client.engine)->resumed);
	EXPECT_EQ(0, tickets.opened);
}

/* An engine that is wiped in the middle gives back what it borrowed: FIXTURE_TEARDOWN looks. */
TEST_F(engines, wiped_while_a_ticket_is_made)
{
	(void)self;
	for (int steps = 1; steps < 5; steps++) {
		again(variant);
		tickets.later = true;
		ASSERT_EQ(0, engines_start(&client, &server));
		for (int i = 0; i < steps; i++) {
			engine_end_step(&client, &server.in);
			engine_end_step(&server, &client.in);
		}
		engines_wipe(&client, &server);
		EXPECT_EQ(0, server.borrowed);
		EXPECT_EQ(0, client.borrowed);
	}
}

TEST_HARNESS_MAIN
