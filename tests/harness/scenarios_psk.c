/* SPDX-License-Identifier: MIT */
/* Resumption in TLS 1.3: RFC 9846, 4.3.9, 4.3.11 and 9.2. */
#include "tests/harness/scenarios.h"

#include <string.h>

#include "tests/harness/harness.h"
#include "tests/harness/tickets.h"

static void start(void)
{
	engines_wipe(&scenario_client, &scenario_server);
	engines_init(&scenario_client, &scenario_server);
	tickets_attach(&scenario_client, &scenario_server);
}

/* There was a full handshake that left a session, and a client is about to offer it. */
static void with_session(void)
{
	memset(&tickets, 0, sizeof(tickets));
	start();
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	ASSERT_TRUE(engines_run(&scenario_client, &scenario_server));
	ASSERT_EQ(1, tickets_collect(&scenario_client));
	start();
	tickets_offer(&scenario_client);
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_hello();
}

/* ---- to the server --------------------------------------------------------------------------- */

static void binder_bent(void)
{
	with_session();
	scenario_server.in.bytes[scenario_server.in.len - 1] ^= 1;
}

static void binder_of_another_hello(void)
{
	with_session();
	scenario_server.in.bytes[PUPPET_BODY + 2] ^= 1;
}

/* The ticket with an age of 0 and a binder of 48 bytes. */
static void binder_of_another_hash(void)
{
	const struct engine *e = engine_of_const(&scenario_client.engine);
	uint8_t body[1024];
	struct writer_vec list;
	struct writer w;

	with_session();
	writer_init(&w, body, sizeof(body));
	list = writer_open(&w, 2);
	writer_vec(&w, 2, e->psk.ticket.bytes, e->psk.ticket.len);
	writer_u32(&w, e->psk.age);
	writer_close(&w, list);
	list = writer_open(&w, 2);
	writer_vec(&w, 1, scenario_junk, 48);
	writer_close(&w, list);
	ASSERT_TRUE(writer_ok(&w));
	puppet_edit_extension(&scenario_server.in, PRE_SHARED_KEY, body, w.len);
}

/* The client cannot go on without its session, and the server does not know it. */
static void unknown_ticket_and_no_schemes(void)
{
	with_session();
	tickets.none = true;
	puppet_edit_extension(&scenario_server.in, SCHEMES, NULL, 0);
}

static void unknown_ticket_and_no_groups(void)
{
	with_session();
	tickets.none = true;
	puppet_edit_extension(&scenario_server.in, GROUPS, NULL, 0);
	puppet_edit_extension(&scenario_server.in, KEY_SHARE, NULL, 0);
}

static void groups_without_shares(void)
{
	with_session();
	puppet_edit_extension(&scenario_server.in, KEY_SHARE, NULL, 0);
}

/* ---- to the client --------------------------------------------------------------------------- */

static void server_resumes(void)
{
	with_session();
	puppet_until(&scenario_server, &scenario_client.in, SERVER_HANDSHAKE_KEYS);
	scenario_client.in.len -= 6;
}

static void identity_never_offered(void)
{
	server_resumes();
	puppet_edit_extension(&scenario_client.in, PRE_SHARED_KEY, BODY(0, 1));
}

static void suite_of_another_hash(void)
{
	server_resumes();
	/* random and session id come before it */
	scenario_set_body(&scenario_client, 2 + 32 + 33, KTLS_AES_256_GCM_SHA384 >> 8);
	scenario_set_body(&scenario_client, 2 + 32 + 33 + 1, KTLS_AES_256_GCM_SHA384 & 0xff);
}

static void no_key_exchange(void)
{
	server_resumes();
	puppet_edit_extension(&scenario_client.in, KEY_SHARE, NULL, 0);
}

static void identity_cut_short(void)
{
	server_resumes();
	puppet_edit_extension(&scenario_client.in, PRE_SHARED_KEY, BODY(0));
}

static void answer_to_no_offer(void)
{
	scenario_server_hello_with(PRE_SHARED_KEY, BODY(0, 0));
}

static void resumed_until(enum state state)
{
	with_session();
	puppet_until(&scenario_server, &scenario_client.in, state);
	ASSERT_TRUE(engine_end_step(&scenario_client, &scenario_server.in));
}

static void resumed_with_certificate(void)
{
	resumed_until(SERVER_PREDICT);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE,
		       BODY(0, 0, 0, 6, 0, 0, 1, 'x', 0, 0));
}

static void resumed_with_request(void)
{
	resumed_until(SERVER_PREDICT);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE_REQUEST,
		       BODY(0, 0, 0));
}

static void resumed_finished(void)
{
	resumed_until(SERVER_PREDICT);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_FINISHED, scenario_junk, 32);
}

/* clang-format off */
const struct scenario scenarios_psk[] = {
	SCENARIO(SERVER, BINDER_MISMATCH, binder_bent),
	SCENARIO(SERVER, BINDER_MISMATCH, binder_of_another_hello),
	SCENARIO(SERVER, BINDER_MISMATCH, binder_of_another_hash),
	SCENARIO(SERVER, EXTENSION_MISSING, unknown_ticket_and_no_schemes),
	SCENARIO(SERVER, EXTENSION_MISSING, unknown_ticket_and_no_groups),
	SCENARIO(SERVER, EXTENSION_MISSING, groups_without_shares),
	SCENARIO(CLIENT, PSK_INVALID, identity_never_offered),
	SCENARIO(CLIENT, PSK_INVALID, suite_of_another_hash),
	SCENARIO(CLIENT, PSK_INVALID, no_key_exchange),
	SCENARIO(CLIENT, MESSAGE_MALFORMED, identity_cut_short),
	SCENARIO(CLIENT, EXTENSION_UNSOLICITED, answer_to_no_offer),
	SCENARIO(CLIENT, MESSAGE_UNEXPECTED, resumed_with_certificate),
	SCENARIO(CLIENT, MESSAGE_UNEXPECTED, resumed_with_request),
	SCENARIO(CLIENT, FINISHED_MISMATCH, resumed_finished),
};
/* clang-format on */

const size_t scenarios_psk_len = sizeof(scenarios_psk) / sizeof(scenarios_psk[0]);
