/* SPDX-License-Identifier: MIT */
/* TLS 1.2: RFC 5246, 5746, 7507, 7627, 8422. */
#include "tests/harness/scenarios.h"

#include <string.h>

#include "tests/harness/harness.h"

static void both_versions(void)
{
	scenario_client.config.version_min = scenario_server.config.version_min = KTLS_TLS_1_2;
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_hello();
	puppet_edit_extension(&scenario_server.in, VERSIONS, BODY(2, 3, 3));
}

static void no_extended_master_secret(void)
{
	both_versions();
	puppet_edit_extension(&scenario_server.in, EXTENDED_MASTER_SECRET, NULL, 0);
}

static void renegotiation(void)
{
	both_versions();
	puppet_edit_extension(&scenario_server.in, RENEGOTIATION_INFO, BODY(1, 7));
}

static void point_formats(void)
{
	both_versions();
	puppet_edit_extension(&scenario_server.in, POINT_FORMATS, BODY(1, 1));
}

/* The first suite of the client's becomes TLS_FALLBACK_SCSV. */
static void fallback(void)
{
	both_versions();
	scenario_set_body(&scenario_server, 2 + 32 + 33 + 2, 0x56);
	scenario_set_body(&scenario_server, 2 + 32 + 33 + 3, 0x00);
}

static void suites_of_1_3_only(void)
{
	scenario_client.config.version_min = scenario_server.config.version_min = KTLS_TLS_1_2;
	scenario_client.config.suites = (const uint16_t[]){ KTLS_AES_128_GCM_SHA256 };
	scenario_client.config.suites_len = 1;
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_hello();
	puppet_edit_extension(&scenario_server.in, VERSIONS, BODY(2, 3, 3));
}

/* A server that could do 1.3 has chosen 1.2: the client, which could too, sees the sentinel. */
static void downgraded(void)
{
	both_versions();
	puppet_until(&scenario_server, &scenario_client.in, SERVER12_SEND_CERTIFICATE);
}

/* The ServerHello of a server that knows only TLS 1.2 lies before the client. */
static void server_hello_1_2(void)
{
	scenario_client.config.version_min = scenario_server.config.version_min = KTLS_TLS_1_2;
	scenario_server.config.version_max = KTLS_TLS_1_2;
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_hello();
	puppet_until(&scenario_server, &scenario_client.in, SERVER12_SEND_CERTIFICATE);
}

static void server_without_master_secret(void)
{
	server_hello_1_2();
	puppet_edit_extension(&scenario_client.in, EXTENDED_MASTER_SECRET, NULL, 0);
}

static void server_without_renegotiation_info(void)
{
	server_hello_1_2();
	puppet_edit_extension(&scenario_client.in, RENEGOTIATION_INFO, NULL, 0);
}

static void key_share_in_1_2(void)
{
	server_hello_1_2();
	puppet_edit_extension(&scenario_client.in, KEY_SHARE, BODY(0, 0x1d, 0, 1, 9));
}

static void suite_of_1_3_in_1_2(void)
{
	server_hello_1_2();
	scenario_set_body(&scenario_client, 2 + 32 + 1, 0x13);
	scenario_set_body(&scenario_client, 2 + 32 + 2, 0x01);
}

/* The client has read up to the server's certificate. */
static void before_key_exchange(void)
{
	server_hello_1_2();
	puppet_until(&scenario_server, &scenario_client.in, SERVER12_GENERATE);
	ASSERT_TRUE(engine_end_step(&scenario_client, &scenario_server.in));
}

static void key_exchange_signature(void)
{
	uint8_t body[4 + 32 + 4 + 1] = { 3, 0, 0x1d, 32 };

	before_key_exchange();
	memcpy(body + 36, (const uint8_t[]){ 4, 3, 0, 1, 9 }, 5);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_SERVER_KEY_EXCHANGE, body,
		       sizeof(body));
}

static void key_exchange_scheme(void)
{
	uint8_t body[4 + 32 + 4 + 1] = { 3, 0, 0x1d, 32 };

	before_key_exchange();
	memcpy(body + 36, (const uint8_t[]){ 8, 4, 0, 1, 9 }, 5);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_SERVER_KEY_EXCHANGE, body,
		       sizeof(body));
}

static void key_exchange_group(void)
{
	before_key_exchange();
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_SERVER_KEY_EXCHANGE,
		       BODY(3, 0, 0x18, 1, 9, 4, 3, 0, 1, 9));
}

/* The length of an empty message is a wrong length (RFC 9846, 6.2), whatever its limit. */
static void server_hello_done_length(void)
{
	server_hello_1_2();
	puppet_until(&scenario_server, &scenario_client.in, SERVER12_SEND_DONE);
	ASSERT_TRUE(engine_end_step(&scenario_client, &scenario_server.in));
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_SERVER_HELLO_DONE, BODY(9));
}

/* The record of the ClientHello goes on with what only the server's flight could lead to. */
static void key_exchange_behind_hello(void)
{
	struct engine_queue *in = &scenario_server.in;

	both_versions();
	memcpy(in->bytes + in->len, (const uint8_t[]){ MESSAGE_CLIENT_KEY_EXCHANGE, 0, 0 }, 3);
	in->len += 3;
	in->bytes[4] = (uint8_t)(in->bytes[4] + 3);
	ASSERT_GE(in->bytes[4], 3);
}

/* The server has sent its ServerHelloDone, the client is about to answer. */
static void before_client_key_exchange(void)
{
	server_hello_1_2();
	puppet_until(&scenario_server, &scenario_client.in, SERVER12_RECV_KEY_EXCHANGE);
	puppet_until(&scenario_client, &scenario_server.in, CLIENT12_SEND_KEY_EXCHANGE);
}

static void client_share_length(void)
{
	before_client_key_exchange();
	puppet_message(&scenario_client, &scenario_server.in, MESSAGE_CLIENT_KEY_EXCHANGE,
		       BODY(1, 9));
}

static void client_share_zero(void)
{
	uint8_t body[33] = { 32 };

	before_client_key_exchange();
	puppet_message(&scenario_client, &scenario_server.in, MESSAGE_CLIENT_KEY_EXCHANGE, body,
		       sizeof(body));
}

/* Keys may not change before there are any (CVE-2014-0224). */
static void early_change_cipher_spec(void)
{
	before_client_key_exchange();
	TO_SERVER(CCS, 3, 3, 0, 1, 1);
}

static void finished_without_change_cipher_spec(void)
{
	before_client_key_exchange();
	puppet_until(&scenario_client, &scenario_server.in, CLIENT12_SEND_CCS);
	puppet_message(&scenario_client, &scenario_server.in, MESSAGE_FINISHED, scenario_junk, 12);
}

static void finished_1_2(void)
{
	before_client_key_exchange();
	puppet_until(&scenario_client, &scenario_server.in, CLIENT12_SEND_FINISHED);
	puppet_message(&scenario_client, &scenario_server.in, MESSAGE_FINISHED, scenario_junk, 12);
}

static void plaintext_behind_change_cipher_spec(void)
{
	before_client_key_exchange();
	puppet_until(&scenario_client, &scenario_server.in, CLIENT12_SEND_FINISHED);
	TO_SERVER(HANDSHAKE, 3, 3, 0, 16, MESSAGE_FINISHED, 0, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
		  11, 12);
}

/* clang-format off */
const struct scenario scenarios_1_2[] = {
	SCENARIO(SERVER, MASTER_SECRET, no_extended_master_secret),
	SCENARIO(SERVER, RENEGOTIATION, renegotiation),
	SCENARIO(SERVER, EXTENSION_INVALID, point_formats),
	SCENARIO(SERVER, FALLBACK, fallback),
	SCENARIO(SERVER, SUITES_NONE_SHARED, suites_of_1_3_only),
	SCENARIO(CLIENT, DOWNGRADE, downgraded),
	SCENARIO(CLIENT, MASTER_SECRET, server_without_master_secret),
	SCENARIO(CLIENT, RENEGOTIATION, server_without_renegotiation_info),
	SCENARIO(CLIENT, EXTENSION_MISPLACED, key_share_in_1_2),
	SCENARIO(CLIENT, SUITE_INVALID, suite_of_1_3_in_1_2),
	SCENARIO(CLIENT, SIGNATURE_BAD, key_exchange_signature),
	SCENARIO(CLIENT, SCHEME_INVALID, key_exchange_scheme),
	SCENARIO(CLIENT, KEY_SHARE_MISMATCH, key_exchange_group),
	SCENARIO(CLIENT, MESSAGE_MALFORMED, server_hello_done_length),
	SCENARIO(SERVER, MESSAGE_SPANS_KEY_CHANGE, key_exchange_behind_hello),
	SCENARIO(SERVER, KEY_SHARE_INVALID, client_share_length),
	SCENARIO(SERVER, KEY_SHARE_INVALID, client_share_zero),
	SCENARIO(SERVER, CHANGE_CIPHER_SPEC, early_change_cipher_spec),
	SCENARIO(SERVER, MESSAGE_UNEXPECTED, finished_without_change_cipher_spec),
	SCENARIO(SERVER, FINISHED_MISMATCH, finished_1_2),
	SCENARIO(SERVER, RECORD_MAC, plaintext_behind_change_cipher_spec),
};
/* clang-format on */

const size_t scenarios_1_2_len = sizeof(scenarios_1_2) / sizeof(scenarios_1_2[0]);
