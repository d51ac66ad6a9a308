/* SPDX-License-Identifier: MIT */
/*
 * Offers of pre-shared keys as other clients make them (RFC 9846, 4.3.9, 4.3.11, 9.2): the hello of
 * a client of ours is edited and its binder made anew.
 */
#include "tests/harness/tickets.h"
#include "tests/unit/engine.h"

enum { GROUPS = 10, SCHEMES = 13, PRE_SHARED_KEY = 41, PSK_MODES = 45, KEY_SHARE = 51 };

static const uint16_t x25519 = KTLS_GROUP_X25519, p256 = KTLS_GROUP_SECP256R1;

static void prepare(const uint16_t *group)
{
	engines_wipe(&client, &server);
	engines_init(&client, &server);
	tickets_attach(&client, &server);
	client.config.groups = &x25519;
	server.config.groups = group;
	client.config.groups_len = server.config.groups_len = 1;
}

/* Both are about to resume, psk_ke allowed; the server has a group. */
static void prepare_resumption(const uint16_t *group)
{
	memset(&tickets, 0, sizeof(tickets));
	ASSERT_EQ(0, crypto_init());
	prepare(&x25519);
	expect_handshake();
	ASSERT_EQ(1, tickets_collect(&client));
	prepare(group);
	tickets_offer(&client);
	client.config.psk_ke = server.config.psk_ke = true;
}

static void send_hello(void)
{
	ASSERT_EQ(0, engines_start(&client, &server));
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO);
}

/* The client as if it had sent what lies before the server, with so many binders at its end. */
static void bind_again(size_t binders)
{
	struct engine *e = engine_of(&client.engine);
	size_t size = hash_size(e->schedule.early_hash);
	uint8_t *hello = server.in.bytes + 5, hash[HASH_MAX];
	size_t len = server.in.len - 5, cut = len - 2 - binders * (1 + size);
	struct transcript t;

	transcript_init(&t);
	transcript_select(&t, e->schedule.early_hash);
	transcript_add(&t, hello, cut);
	transcript_hash(&t, hash);
	schedule_binder(&e->schedule, hash, hello + cut + 2 + 1);
	transcript_init(&e->transcript);
	transcript_add(&e->transcript, hello, len);
}

static void edit(uint16_t type, const void *body, size_t len)
{
	puppet_edit_extension(&server.in, type, body, len);
}

static void expect_end(bool resumed, uint16_t group)
{
	ASSERT_TRUE(engines_run(&client, &server));
	expect_same_keys();
	EXPECT_EQ(resumed, ktls_engine_facts(&client.engine)->resumed);
	EXPECT_EQ(resumed, ktls_engine_facts(&server.engine)->resumed);
	EXPECT_EQ(group, ktls_engine_facts(&client.engine)->group);
	EXPECT_EQ(group, ktls_engine_facts(&server.engine)->group);
	engines_wipe(&client, &server);
	EXPECT_EQ(0, client.borrowed);
	EXPECT_EQ(0, server.borrowed);
}

static void expect_refusal(enum ktls_reason reason)
{
	EXPECT_FALSE(engines_run(&client, &server));
	EXPECT_EQ(reason, ktls_engine_facts(&server.engine)->reason);
	engines_wipe(&client, &server);
}

/* ---- modes ----------------------------------------------------------------------------------- */

TEST(a_key_exchange_where_there_can_be_one)
{
	prepare_resumption(&x25519);
	send_hello();
	expect_end(true, KTLS_GROUP_X25519);
}

TEST(none_where_the_client_wants_none)
{
	for (int allowed = 0; allowed < 2; allowed++) {
		prepare_resumption(&x25519);
		server.config.psk_ke = allowed;
		send_hello();
		edit(PSK_MODES, "\x01\x00", 2);
		bind_again(1);
		expect_end(allowed, allowed ? 0 : KTLS_GROUP_X25519);
	}
}

TEST(none_where_there_is_no_group_in_common)
{
	prepare_resumption(&p256);
	send_hello();
	expect_end(true, 0);
	/* There is no other way on. */
	prepare_resumption(&p256);
	tickets.none = true;
	send_hello();
	expect_refusal(KTLS_R_GROUPS_NONE_SHARED);
	prepare_resumption(&p256);
	server.config.psk_ke = false;
	send_hello();
	expect_refusal(KTLS_R_GROUPS_NONE_SHARED);
}

TEST(a_client_that_can_do_nothing_else)
{
	prepare_resumption(&x25519);
	send_hello();
	edit(GROUPS, NULL, 0);
	edit(KEY_SHARE, NULL, 0);
	edit(SCHEMES, NULL, 0);
	bind_again(1);
	expect_end(true, 0);
	prepare_resumption(&x25519);
	server.config.psk_ke = false;
	send_hello();
	edit(GROUPS, NULL, 0);
	edit(KEY_SHARE, NULL, 0);
	edit(SCHEMES, NULL, 0);
	expect_refusal(KTLS_R_EXTENSION_MISSING);
}

/* A client that resumes needs no schemes, and one that does not, does. */
TEST(a_client_without_certificates)
{
	prepare_resumption(&x25519);
	send_hello();
	edit(SCHEMES, NULL, 0);
	bind_again(1);
	expect_end(true, KTLS_GROUP_X25519);
	prepare_resumption(&x25519);
	tickets.now += (uint64_t)86400000 * 3;
	send_hello();
	edit(SCHEMES, NULL, 0);
	expect_refusal(KTLS_R_EXTENSION_MISSING);
}

/* No ticket for those who could not use it, and none of theirs is looked at. */
TEST(modes_that_nobody_knows)
{
	static const struct {
		const char *modes;
		size_t len;
		bool psk_ke, useful;
	} cases[] = {
		{ "\x01\x07", 2, true, false },
		{ "\x02\x07\x00", 3, true, true },
		{ "\x02\x07\x00", 3, false, false },
		{ "\x03\x07\x01\x09", 4, false, true },
		{ "\x04\x00\x01\x01\x00", 5, false, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		prepare_resumption(&x25519);
		server.config.psk_ke = cases[i].psk_ke;
		tickets.sealed = 0;
		send_hello();
		edit(PSK_MODES, cases[i].modes, cases[i].len);
		bind_again(1);
		ASSERT_TRUE(engines_run(&client, &server));
		EXPECT_EQ(cases[i].useful, ktls_engine_facts(&server.engine)->resumed);
		EXPECT_EQ(cases[i].useful, tickets.opened);
		EXPECT_EQ(cases[i].useful, tickets.sealed);
	}
	engines_wipe(&client, &server);
}

/* ---- identities ------------------------------------------------------------------------------ */

/* Two of them, ours first or last, with a binder of zeros each. */
static void offer_two(bool ours_first)
{
	const struct engine *e = engine_of(&client.engine);
	size_t size = hash_size(e->schedule.early_hash);
	static const uint8_t zeros[HASH_MAX];
	uint8_t body[2048];
	struct writer_vec list;
	struct writer w;

	writer_init(&w, body, sizeof(body));
	list = writer_open(&w, 2);
	for (int i = 0; i < 2; i++) {
		bool ours = (i == 0) == ours_first;

		writer_vec(&w, 2, ours ? e->psk.ticket.bytes : (const uint8_t *)"nobody's",
			   ours ? e->psk.ticket.len : 8);
		writer_u32(&w, e->psk.age);
	}
	writer_close(&w, list);
	list = writer_open(&w, 2);
	for (int i = 0; i < 2; i++)
		writer_vec(&w, 1, zeros, size);
	writer_close(&w, list);
	ASSERT_TRUE(writer_ok(&w));
	edit(PRE_SHARED_KEY, body, w.len);
}

/* The first counts: "Servers SHOULD NOT attempt to validate multiple binders", 4.3.11. */
TEST(two_identities)
{
	for (int first = 0; first < 2; first++) {
		prepare_resumption(&x25519);
		send_hello();
		offer_two(first);
		bind_again(2);
		expect_end(first, KTLS_GROUP_X25519);
		EXPECT_EQ(1, tickets.opened);
	}
}

/* Whatever is missing from a hello, it is refused, and nothing is read that is not there. */
TEST(hello_cut_short_anywhere)
{
	size_t len;

	prepare_resumption(&x25519);
	send_hello();
	len = server.in.len;
	for (size_t n = 1; n + 9 <= len; n++) {
		prepare(&x25519);
		tickets_offer(&client);
		client.config.psk_ke = true;
		send_hello();
		ASSERT_EQ(len, server.in.len);
		server.in.len -= n;
		server.in.bytes[3] = (uint8_t)((server.in.len - 5) >> 8);
		server.in.bytes[4] = (uint8_t)(server.in.len - 5);
		server.in.bytes[7] = (uint8_t)((server.in.len - 9) >> 8);
		server.in.bytes[8] = (uint8_t)(server.in.len - 9);
		engine_end_step(&server, &client.in);
		EXPECT_EQ(KTLS_ENGINE_FAILED, server.state);
	}
	engines_wipe(&client, &server);
}

/* ---- operations that fail -------------------------------------------------------------------- */

static int fail_to_open(void *arg, const uint8_t *ticket, size_t ticket_len,
			const char *server_name, uint8_t *state, size_t *state_len)
{
	(void)arg;
	(void)ticket;
	(void)ticket_len;
	(void)server_name;
	(void)state;
	(void)state_len;
	return -KTLS_R_SIGNER;
}

static int open_too_much(void *arg, const uint8_t *ticket, size_t ticket_len,
			 const char *server_name, uint8_t *state, size_t *state_len)
{
	(void)arg;
	(void)ticket;
	(void)ticket_len;
	(void)server_name;
	(void)state;
	*state_len = KTLS_ENGINE_STATE_MAX + 1;
	return 0;
}

static int fail_to_seal(void *arg, const uint8_t *state, size_t state_len, uint8_t *ticket,
			size_t *ticket_len)
{
	(void)arg;
	(void)state;
	(void)state_len;
	(void)ticket;
	(void)ticket_len;
	return -KTLS_R_SIGNER;
}

static int seal_too_much(void *arg, const uint8_t *state, size_t state_len, uint8_t *ticket,
			 size_t *ticket_len)
{
	(void)arg;
	(void)state;
	(void)state_len;
	(void)ticket;
	*ticket_len = KTLS_ENGINE_TICKET_MAX + 1;
	return 0;
}

TEST(operations_fail)
{
	prepare_resumption(&x25519);
	server.ops.open_ticket = fail_to_open;
	send_hello();
	expect_refusal(KTLS_R_SIGNER);
	prepare_resumption(&x25519);
	server.ops.open_ticket = open_too_much;
	send_hello();
	expect_refusal(KTLS_R_INTERNAL);
	prepare_resumption(&x25519);
	server.ops.seal_ticket = fail_to_seal;
	send_hello();
	expect_refusal(KTLS_R_SIGNER);
	EXPECT_EQ(0, server.borrowed);
	prepare_resumption(&x25519);
	server.ops.seal_ticket = seal_too_much;
	send_hello();
	expect_refusal(KTLS_R_INTERNAL);
	EXPECT_EQ(0, server.borrowed);
}

/* Tickets of the greatest length: all that have room in the output are sent. */
static int seal_the_most(void *arg, const uint8_t *state, size_t state_len, uint8_t *ticket,
			 size_t *ticket_len)
{
	(void)arg;
	(void)state;
	(void)state_len;
	memset(ticket, 0x5a, KTLS_ENGINE_TICKET_MAX);
	*ticket_len = KTLS_ENGINE_TICKET_MAX;
	return 0;
}

TEST(tickets_of_the_greatest_length)
{
	uint8_t *der = calloc(1, KTLS_ENGINE_CHAIN_MAX);

	for (int long_chain = 0; long_chain < 2; long_chain++) {
		prepare_resumption(&x25519);
		client.config.session.len = 0;
		tickets.kept = 0;
		if (long_chain)
			server.chain[0] = (struct ktls_span){ der, KTLS_ENGINE_CHAIN_MAX };
		server.config.tickets = KTLS_ENGINE_TICKETS_MAX;
		server.ops.seal_ticket = seal_the_most;
		expect_handshake();
		EXPECT_EQ(long_chain ? 1 : 4, tickets_collect(&client));
		engines_wipe(&client, &server);
		EXPECT_EQ(0, server.borrowed);
	}
	free(der);
}

static int seal_never(void *arg, const uint8_t *state, size_t state_len, uint8_t *ticket,
		      size_t *ticket_len)
{
	(void)arg;
	(void)state;
	(void)state_len;
	(void)ticket;
	(void)ticket_len;
	return KTLS_ENGINE_PENDING;
}

/* The deadline passes while a ticket is being sealed: its memory stays until the context goes. */
TEST(aborted_while_a_ticket_is_sealed)
{
	struct ktls_engine_io io = { .out = server.out, .out_cap = sizeof(server.out) };

	prepare_resumption(&x25519);
	server.ops.seal_ticket = seal_never;
	send_hello();
	engine_end_step(&server, &client.in);
	ASSERT_EQ(KTLS_ENGINE_WAIT, server.state);
	ktls_engine_abort(&server.engine, KTLS_R_DEADLINE, &io);
	EXPECT_EQ(1, server.borrowed);
	engines_wipe(&client, &server);
	EXPECT_EQ(0, server.borrowed);
}

/* What resumption costs besides the context: nothing, but the tickets that are under way. */
TEST(memory)
{
	for (size_t n = 0; n <= KTLS_ENGINE_TICKETS_MAX; n++) {
		prepare_resumption(&x25519);
		server.config.tickets = (uint8_t)n;
		send_hello();
		ASSERT_TRUE(engines_run(&client, &server));
		EXPECT_EQ(0, client.borrowed_peak);
		EXPECT_EQ(n > 0, server.borrowed_peak > 0);
		EXPECT_LE(server.borrowed_peak,
			  n * 256 + (n > 0 ? KTLS_ENGINE_TICKET_MAX + 64 : 0));
	}
	engines_wipe(&client, &server);
}

TEST_HARNESS_MAIN
