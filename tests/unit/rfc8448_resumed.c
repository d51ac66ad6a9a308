/* SPDX-License-Identifier: MIT */
/*
 * RFC 8448's "Resumed 0-RTT Handshake" through the engine, as far as it is ours: there is no early
 * data, so the trace's EndOfEarlyData is put into the transcript, and its hello in the place of
 * ours.
 */
#include "lib/handshake/psk.h"
#include "lib/handshake/session.h"
#include "tests/unit/rfc8448.h"

#define NOW 1700000000000

static uint8_t state[KTLS_ENGINE_STATE_MAX], session[KTLS_ENGINE_SESSION_MAX];
static size_t state_len, session_len;
static uint64_t now;

static uint64_t trace_now(void *arg)
{
	(void)arg;
	return now;
}

static bool set_up(void)
{
	if (!start_section("simple_1rtt"))
		return false;
	client.ops.now = server.ops.now = trace_now;
	now = NOW;
	return true;
}

/* The ticket of the trace before, as the client keeps it. */
static struct session take_ticket(void)
{
	struct ktls_secrets secrets = { .role = KTLS_CLIENT,
					.version = KTLS_TLS_1_3,
					.suite = KTLS_AES_128_GCM_SHA256 };
	struct bytes resumption = trace("resumption_master_secret");
	struct bytes message = trace("new_session_ticket");
	struct session s;
	struct reader r;

	memcpy(secrets.resumption, resumption.at, resumption.len);
	ASSERT_EQ(0, ktls_secrets_ticket(&secrets, message.at, message.len, "server", NOW, session,
					 &session_len));
	reader_init(&r, session, session_len);
	ASSERT_TRUE(session_parse(&r, &s));
	return s;
}

TEST(ticket)
{
	struct session s;

	if (!set_up())
		SKIP(return, "no vectors: set KTLS_VECTORS to the folder of rfc8448.txt");
	s = take_ticket();
	ASSERT_EQ(32, s.secret_len);
	expect_bytes("resumption_psk", s.secret, 32);
	EXPECT_EQ(30, s.lifetime);
	EXPECT_EQ(0xfad6aac5, s.age_add);
	EXPECT_EQ(KTLS_AES_128_GCM_SHA256, s.suite);
	EXPECT_STREQ("server", s.server_name);
	EXPECT_EQ(178, s.ticket.len);
	engines_wipe(&client, &server);
}

TEST(schedule)
{
	struct schedule s = { .suite = suite_find(KTLS_AES_128_GCM_SHA256) };
	struct bytes psk, shared, hash;
	uint8_t binder[HASH_MAX];

	if (!set_up())
		SKIP(return, "no vectors: set KTLS_VECTORS to the folder of rfc8448.txt");
	psk = trace("resumption_psk");
	section = "resumed_0rtt";
	ASSERT_EQ(0, schedule_early(&s, HASH_SHA256, psk.at));
	expect_bytes("early_secret", s.secret, 32);
	hash = trace("binder_hash");
	schedule_binder(&s, hash.at, binder);
	expect_bytes("binder", binder, 32);
	shared = trace("ecdhe_shared_secret");
	memcpy(s.shared, shared.at, shared.len);
	hash = trace("client_handshake_traffic_secret_hash");
	ASSERT_EQ(0, schedule_handshake(&s, KTLS_CLIENT, hash.at));
	expect_bytes("handshake_secret", s.secret, 32);
	expect_bytes("client_handshake_traffic_secret", s.tx.secret, 32);
	engines_wipe(&client, &server);
}

/* The client is about to get its ServerHello, with the trace's hello behind it. */
static void client_sends_the_hello(void)
{
	struct engine *e = engine_of(&client.engine);
	struct bytes hello;
	struct writer w;
	uint8_t buf[600];

	client.config.server_name = "server";
	client.config.session = (struct ktls_span){ session, session_len };
	ASSERT_EQ(0, engines_start(&client, &server));
	private_key = "client_x25519_private";
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO);
	ASSERT_TRUE(e->psk.offered);
	/* Our binder of their hello is theirs. */
	hello = trace("client_hello");
	writer_init(&w, buf, sizeof(buf));
	writer_bytes(&w, hello.at, hello.len);
	memset(buf + hello.len - 32, 0, 32);
	transcript_init(&e->transcript);
	psk_bind(e, &w, 4);
	EXPECT_MEMEQ(hello.at, buf, hello.len);
	pretend_hello("client_hello");
}

TEST(is_the_client)
{
	struct engine *e = engine_of(&client.engine);

	if (!set_up())
		SKIP(return, "no vectors: set KTLS_VECTORS to the folder of rfc8448.txt");
	take_ticket();
	section = "resumed_0rtt";
	client_sends_the_hello();
	feed(&client, "server_hello_record");
	feed(&client, "server_flight_record");
	server.in.len = 0;
	puppet_until(&client, &server.in, CLIENT_SEND_FINISHED);
	EXPECT_TRUE(e->facts.resumed);
	add_to_transcript(&client, "end_of_early_data");
	engine_end_step(&client, &server.in);
	ASSERT_EQ(KTLS_ENGINE_DONE, client.state);
	expect_bytes("client_finished_record", server.in.bytes, server.in.len);
	expect_bytes("exporter_master_secret", e->schedule.exporter, 32);
	expect_bytes("resumption_master_secret", e->schedule.resumption, 32);
	expect_keys(&client);
	engines_wipe(&client, &server);
}

static int open_ticket(void *arg, const uint8_t *ticket, size_t ticket_len, const char *server_name,
		       uint8_t *out, size_t *out_len)
{
	(void)arg;
	(void)ticket;
	EXPECT_EQ(178, ticket_len);
	EXPECT_STREQ("server", server_name);
	memcpy(out, state, state_len);
	*out_len = state_len;
	return 0;
}

/* What the trace's server must have put into its ticket. */
static void make_state(void)
{
	struct session s = take_ticket();
	struct writer w;

	s.ticket.len = 0;
	writer_init(&w, state, sizeof(state));
	session_build(&s, &w);
	ASSERT_TRUE(writer_ok(&w));
	state_len = w.len;
}

/* Sends the trace's flight, after a look at our Finished. */
static void server_sends_the_flight(void)
{
	struct engine *e = engine_of(&server.engine);
	struct bytes flight = trace("server_flight"), last = trace("server_finished");
	uint8_t hash[HASH_MAX], finished[HASH_MAX];

	transcript_add(&e->transcript, flight.at, flight.len - last.len);
	transcript_hash(&e->transcript, hash);
	schedule_finished(&e->schedule, &e->schedule.tx, hash, finished);
	expect_bytes("server_verify_data", finished, 32);
	transcript_add(&e->transcript, last.at, last.len);
	client.in.len = 0;
	puppet_record(&server, &client.in, 22, flight.at, flight.len);
	expect_bytes("server_flight_record", client.in.bytes, client.in.len);
}

TEST(is_the_server)
{
	struct engine *e = engine_of(&server.engine);

	if (!set_up())
		SKIP(return, "no vectors: set KTLS_VECTORS to the folder of rfc8448.txt");
	make_state();
	section = "resumed_0rtt";
	server.ops.open_ticket = open_ticket;
	ASSERT_EQ(0, engines_start(&client, &server));
	private_key = "server_x25519_private";
	feed(&server, "client_hello_record");
	puppet_until(&server, &client.in, SERVER_SEND_HELLO);
	EXPECT_TRUE(e->facts.resumed);
	expect_bytes("binder_hash", e->psk.hash, 32);
	expect_bytes("binder", e->psk.binder, 32);
	expect_bytes("ecdhe_shared_secret", e->schedule.shared, 32);
	add_to_transcript(&server, "server_hello");
	e->state = SERVER_HANDSHAKE_KEYS;
	puppet_until(&server, &client.in, SERVER_SEND_EXTENSIONS);
	expect_bytes("client_handshake_traffic_secret", e->schedule.rx.secret, 32);
	expect_bytes("server_handshake_traffic_secret", e->schedule.tx.secret, 32);
	server_sends_the_flight();
	e->state = SERVER_APPLICATION_KEYS;
	puppet_until(&server, &client.in, SERVER_RECV_FINISHED);
	add_to_transcript(&server, "end_of_early_data");
	feed(&server, "client_finished_record");
	engine_end_step(&server, &client.in);
	ASSERT_EQ(KTLS_ENGINE_DONE, server.state);
	expect_bytes("resumption_master_secret", e->schedule.resumption, 32);
	expect_keys(&server);
	engines_wipe(&client, &server);
}

TEST_HARNESS_MAIN
