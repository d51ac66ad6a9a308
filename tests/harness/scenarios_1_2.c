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

/* ---- client certificates ----------------------------------------------------------------------
 */

/* A server that asks for a certificate; the client has read up to where it does. */
static void before_request(void)
{
	scenario_client.config.version_min = scenario_server.config.version_min = KTLS_TLS_1_2;
	scenario_server.config.version_max = KTLS_TLS_1_2;
	scenario_server.config.client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_hello();
	puppet_until(&scenario_server, &scenario_client.in, SERVER12_SEND_REQUEST);
	ASSERT_TRUE(engine_end_step(&scenario_client, &scenario_server.in));
}

static void request_without_types(void)
{
	before_request();
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE_REQUEST,
		       BODY(0, 0, 2, 4, 3, 0, 0));
}

static void request_without_schemes(void)
{
	before_request();
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE_REQUEST,
		       BODY(1, 64, 0, 0, 0, 0));
}

/* What follows it may not lie in the record of the flight's end. */
static void request_behind_done(void)
{
	before_request();
	puppet_until(&scenario_server, &scenario_client.in, SERVER12_SEND_DONE);
	puppet_record(&scenario_server, &scenario_client.in, HANDSHAKE,
		      BODY(MESSAGE_SERVER_HELLO_DONE, 0, 0, 0, MESSAGE_CERTIFICATE_REQUEST));
}

/* The server waits for the client's answer, which is about to be sent. */
static void before_client_certificate(void)
{
	before_request();
	puppet_until(&scenario_server, &scenario_client.in, SERVER12_RECV_CERTIFICATE);
	puppet_until(&scenario_client, &scenario_server.in, CLIENT12_SEND_CERTIFICATE);
}

static void certificate_required_1_2(void)
{
	before_client_certificate();
	puppet_message(&scenario_client, &scenario_server.in, MESSAGE_CERTIFICATE, BODY(0, 0, 0));
}

static void certificate_left_out(void)
{
	before_client_certificate();
	engine_of(&scenario_client.engine)->state = CLIENT12_GENERATE;
	puppet_until(&scenario_client, &scenario_server.in, CLIENT12_KEYS);
}

static void client_chain_malformed(void)
{
	before_client_certificate();
	puppet_message(&scenario_client, &scenario_server.in, MESSAGE_CERTIFICATE,
		       BODY(0, 0, 4, 0, 0, 2, 9));
}

static void client_chain_refused(void)
{
	scenario_server.verdict = -KTLS_R_CERTIFICATE_UNKNOWN_CA;
	before_client_certificate();
	puppet_until(&scenario_client, &scenario_server.in, CLIENT12_GENERATE);
}

/* The server waits for the client's CertificateVerify, which is about to be sent. */
static void before_client_verify(void)
{
	before_client_certificate();
	puppet_until(&scenario_client, &scenario_server.in, CLIENT12_SEND_CERTIFICATE_VERIFY);
}

static void client_signature_bad(void)
{
	before_client_verify();
	puppet_message(&scenario_client, &scenario_server.in, MESSAGE_CERTIFICATE_VERIFY,
		       BODY(4, 3, 0, 2, 1, 2));
}

static void client_scheme_invalid(void)
{
	before_client_verify();
	puppet_message(&scenario_client, &scenario_server.in, MESSAGE_CERTIFICATE_VERIFY,
		       BODY(2, 3, 0, 2, 1, 2));
}

/* A certificate without the proof that it is one's own. */
static void client_proof_left_out(void)
{
	before_client_verify();
	engine_of(&scenario_client.engine)->state = CLIENT12_SEND_CCS;
	puppet_until(&scenario_client, &scenario_server.in, CLIENT12_RECV_CCS);
}

/* All that the client sends fits, but not the messages of both. */
static void messages_too_long(void)
{
	static const uint8_t der[KTLS_ENGINE_CHAIN_MAX];

	scenario_server.chain[0] = (struct ktls_span){ der, KTLS_ENGINE_CHAIN_MAX };
	scenario_server.chain[1] = (struct ktls_span){ der, 1000 };
	scenario_server.chain_len = 2;
	before_client_certificate();
	engine_of(&scenario_server.engine)->log.len = KTLS_ENGINE_MESSAGES_MAX;
	puppet_until(&scenario_client, &scenario_server.in, CLIENT12_GENERATE);
}

/* ---- HelloRequest -----------------------------------------------------------------------------
 */

static void hello_requests(void)
{
	server_hello_1_2();
	ASSERT_TRUE(engine_end_step(&scenario_client, &scenario_server.in));
	for (int i = 0; i < 5; i++)
		puppet_record(&scenario_server, &scenario_client.in, HANDSHAKE, BODY(0, 0, 0, 0));
}

static void hello_request_with_body(void)
{
	server_hello_1_2();
	ASSERT_TRUE(engine_end_step(&scenario_client, &scenario_server.in));
	puppet_record(&scenario_server, &scenario_client.in, HANDSHAKE, BODY(0, 0, 0, 1, 9));
}

static void hello_request_to_a_server(void)
{
	before_client_key_exchange();
	puppet_record(&scenario_client, &scenario_server.in, HANDSHAKE, BODY(0, 0, 0, 0));
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
	SCENARIO(CLIENT, MESSAGE_MALFORMED, request_without_types),
	SCENARIO(CLIENT, MESSAGE_MALFORMED, request_without_schemes),
	SCENARIO(CLIENT, MESSAGE_SPANS_KEY_CHANGE, request_behind_done),
	SCENARIO(SERVER, CERTIFICATE_REQUIRED_1_2, certificate_required_1_2),
	SCENARIO(SERVER, MESSAGE_UNEXPECTED, certificate_left_out),
	SCENARIO(SERVER, MESSAGE_MALFORMED, client_chain_malformed),
	SCENARIO(SERVER, CERTIFICATE_UNKNOWN_CA, client_chain_refused),
	SCENARIO(SERVER, SIGNATURE_BAD, client_signature_bad),
	SCENARIO(SERVER, SCHEME_INVALID, client_scheme_invalid),
	SCENARIO(SERVER, CHANGE_CIPHER_SPEC, client_proof_left_out),
	SCENARIO(SERVER, MESSAGE_TOO_LONG, messages_too_long),
	SCENARIO(CLIENT, MESSAGE_UNEXPECTED, hello_requests),
	SCENARIO(CLIENT, MESSAGE_UNEXPECTED, hello_request_with_body),
	SCENARIO(SERVER, MESSAGE_UNEXPECTED, hello_request_to_a_server),
};
/* clang-format on */

const size_t scenarios_1_2_len = sizeof(scenarios_1_2) / sizeof(scenarios_1_2[0]);
