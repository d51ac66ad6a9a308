/* SPDX-License-Identifier: MIT */
/* Resumption: RFC 5077 and RFC 7627, 5.3 for TLS 1.2. */
#include "tests/harness/scenarios.h"

#include <string.h>

#include "tests/harness/harness.h"
#include "tests/harness/tickets.h"

static void start_1_2(void)
{
	engines_wipe(&scenario_client, &scenario_server);
	engines_init(&scenario_client, &scenario_server);
	scenario_client.config.version_min = scenario_server.config.version_min = KTLS_TLS_1_2;
	scenario_client.config.version_max = scenario_server.config.version_max = KTLS_TLS_1_2;
	tickets_attach(&scenario_client, &scenario_server);
}

/* There was a full handshake that left a session, and a client is about to offer it. */
static void with_session(void)
{
	memset(&tickets, 0, sizeof(tickets));
	start_1_2();
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	ASSERT_TRUE(engines_run(&scenario_client, &scenario_server));
	start_1_2();
	tickets_offer(&scenario_client);
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_hello();
}

static void hello_without_master_secret(void)
{
	with_session();
	puppet_edit_extension(&scenario_server.in, EXTENDED_MASTER_SECRET, NULL, 0);
}

static void hello_that_resumes(void)
{
	with_session();
	puppet_until(&scenario_server, &scenario_client.in, SERVER12_RESUMED_KEYS);
}

static void resumed_without_master_secret(void)
{
	hello_that_resumes();
	puppet_edit_extension(&scenario_client.in, EXTENDED_MASTER_SECRET, NULL, 0);
}

/* The session's was AES-256-GCM, the best. */
static void resumed_with_another_suite(void)
{
	uint8_t *suite = scenario_client.in.bytes + PUPPET_BODY + 2 + 32 + 1 + 32;

	hello_that_resumes();
	ASSERT_NE(KTLS_ECDHE_RSA_CHACHA20_POLY1305 & 0xff, suite[1]);
	suite[0] = KTLS_ECDHE_RSA_CHACHA20_POLY1305 >> 8;
	suite[1] = KTLS_ECDHE_RSA_CHACHA20_POLY1305 & 0xff;
}

static void resumed_without_change_cipher_spec(void)
{
	hello_that_resumes();
	puppet_until(&scenario_server, &scenario_client.in, SERVER12_RESUMED_SEND_CCS);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_FINISHED, scenario_junk, 12);
}

static void resumed_finished(void)
{
	hello_that_resumes();
	puppet_until(&scenario_server, &scenario_client.in, SERVER12_RESUMED_SEND_FINISHED);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_FINISHED, scenario_junk, 12);
}

/* Nobody promised it. */
static void resumed_with_ticket(void)
{
	hello_that_resumes();
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_NEW_SESSION_TICKET,
		       BODY(0, 0, 0, 9, 0, 1, 9));
}

static void client_answers_resumed(void)
{
	hello_that_resumes();
	puppet_until(&scenario_server, &scenario_client.in, SERVER12_RESUMED_RECV_CCS);
	puppet_until(&scenario_client, &scenario_server.in, CLIENT12_RESUMED_SEND_FINISHED);
}

static void client_finished_resumed(void)
{
	client_answers_resumed();
	puppet_message(&scenario_client, &scenario_server.in, MESSAGE_FINISHED, scenario_junk, 12);
}

/* The full handshake's server is about to send its ticket. */
static void before_ticket(void)
{
	memset(&tickets, 0, sizeof(tickets));
	start_1_2();
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_hello();
	puppet_until(&scenario_server, &scenario_client.in, SERVER12_RECV_KEY_EXCHANGE);
	puppet_until(&scenario_client, &scenario_server.in, CLIENT12_RECV_TICKET);
	puppet_until(&scenario_server, &scenario_client.in, SERVER12_SEND_TICKET);
}

static void ticket_cut_short(void)
{
	before_ticket();
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_NEW_SESSION_TICKET,
		       BODY(0, 0, 0, 9, 0, 2, 9));
}

static void ticket_with_a_tail(void)
{
	before_ticket();
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_NEW_SESSION_TICKET,
		       BODY(0, 0, 0, 9, 0, 1, 9, 9));
}

static void promised_ticket_that_does_not_come(void)
{
	before_ticket();
	TO_CLIENT(CCS, 3, 3, 0, 1, 1);
}

/* clang-format off */
const struct scenario scenarios_resume[] = {
	SCENARIO(SERVER, MASTER_SECRET, hello_without_master_secret),
	SCENARIO(CLIENT, MASTER_SECRET, resumed_without_master_secret),
	SCENARIO(CLIENT, SESSION_SUITE, resumed_with_another_suite),
	SCENARIO(CLIENT, MESSAGE_UNEXPECTED, resumed_without_change_cipher_spec),
	SCENARIO(CLIENT, FINISHED_MISMATCH, resumed_finished),
	SCENARIO(CLIENT, MESSAGE_UNEXPECTED, resumed_with_ticket),
	SCENARIO(SERVER, FINISHED_MISMATCH, client_finished_resumed),
	SCENARIO(CLIENT, MESSAGE_MALFORMED, ticket_cut_short),
	SCENARIO(CLIENT, MESSAGE_MALFORMED, ticket_with_a_tail),
	SCENARIO(CLIENT, CHANGE_CIPHER_SPEC, promised_ticket_that_does_not_come),
};
/* clang-format on */

const size_t scenarios_resume_len = sizeof(scenarios_resume) / sizeof(scenarios_resume[0]);
