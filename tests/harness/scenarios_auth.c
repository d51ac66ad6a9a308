/* SPDX-License-Identifier: MIT */
/* Authentication (RFC 9846, 4.5), alerts from the peer, and failures of our own. */
#include "tests/harness/scenarios.h"

#include <string.h>

#include "tests/harness/harness.h"

static void finished_mismatch_client(void)
{
	scenario_before_client_finished();
	puppet_message(&scenario_client, &scenario_server.in, MESSAGE_FINISHED, scenario_junk, 32);
}

static void finished_mismatch_server(void)
{
	scenario_server_at(SERVER_SEND_FINISHED);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_FINISHED, scenario_junk, 32);
}

static void signature_bad(void)
{
	scenario_server_at(SERVER_SEND_CERTIFICATE_VERIFY);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE_VERIFY,
		       BODY(4, 3, 0, 2, 1, 2));
}

static void scheme_invalid(void)
{
	scenario_server_at(SERVER_SEND_CERTIFICATE_VERIFY);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE_VERIFY,
		       BODY(4, 1, 0, 2, 1, 2));
}

static void certificate_empty(void)
{
	scenario_server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE,
		       BODY(0, 0, 0, 0));
}

static void chain_too_long(void)
{
	uint8_t body[4 + 11 * 6] = { 0, 0, 0, 11 * 6 };

	for (size_t i = 0; i < 11; i++)
		body[4 + i * 6 + 2] = 1;
	scenario_server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE, body,
		       sizeof(body));
}

static void certificate_context(void)
{
	scenario_server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE,
		       BODY(1, 9, 0, 0, 6, 0, 0, 1, 9, 0, 0));
}

static void request_context(void)
{
	scenario_server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE_REQUEST,
		       BODY(1, 9, 0, 8, 0, SCHEMES, 0, 4, 0, 2, 4, 3));
}

static void certificate_required(void)
{
	scenario_server.config.client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	scenario_client.ops.choose = NULL;
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_hello();
	puppet_until(&scenario_server, &scenario_client.in, SERVER_RECV_CERTIFICATE);
	puppet_until(&scenario_client, &scenario_server.in, CLIENT_SWITCH_TX);
}

/* After a certificate comes the proof that it is one's own. */
static void certificate_without_proof(void)
{
	scenario_server.config.client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_hello();
	puppet_until(&scenario_server, &scenario_client.in, SERVER_RECV_CERTIFICATE);
	puppet_until(&scenario_client, &scenario_server.in, CLIENT_SEND_CERTIFICATE);
	puppet_message(&scenario_client, &scenario_server.in, MESSAGE_CERTIFICATE,
		       BODY(0, 0, 0, 6, 0, 0, 1, 9, 0, 0));
	engine_of(&scenario_client.engine)->state = CLIENT_SEND_FINISHED;
	puppet_until(&scenario_client, &scenario_server.in, CLIENT_SWITCH_TX);
}

static void chain_refused(void)
{
	scenario_client.verdict = -KTLS_R_CERTIFICATE_UNKNOWN_CA;
	scenario_hello();
	puppet_until(&scenario_server, &scenario_client.in, SERVER_RECV_FINISHED);
}

static void peer_alert(void)
{
	scenario_hello();
	TO_CLIENT(ALERT, 3, 3, 0, 2, 2, 40);
}

static void peer_alert_warning(void)
{
	scenario_hello();
	TO_CLIENT(ALERT, 3, 3, 0, 2, 1, 112);
}

static void peer_alert_protected(void)
{
	scenario_before_client_finished();
	puppet_record(&scenario_client, &scenario_server.in, ALERT, "\x02\x2a", 2);
}

static void peer_alert_without_keys(void)
{
	scenario_hello();
	puppet_until(&scenario_server, &scenario_client.in, SERVER_RECV_FINISHED);
	TO_SERVER(ALERT, 3, 3, 0, 2, 2, 50);
}

static void peer_close_notify(void)
{
	scenario_before_client_finished();
	puppet_record(&scenario_client, &scenario_server.in, ALERT, "\x01\x5a",
		      2); /* user_canceled announces it */
	puppet_record(&scenario_client, &scenario_server.in, ALERT, "\x01\x00", 2);
}

static int no_signature(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
			size_t *signature_len)
{
	(void)arg;
	(void)request;
	(void)signature;
	(void)signature_len;
	return -KTLS_R_SIGNER;
}

static void signer(void)
{
	scenario_server.ops.sign = no_signature;
	scenario_hello();
}

static uint8_t *no_buffer(void *arg, size_t len)
{
	(void)arg;
	(void)len;
	return NULL;
}

static void no_memory(void)
{
	uint8_t part[600] = { MESSAGE_CERTIFICATE, 0, 0x20, 0 };

	scenario_client.ops.borrow = no_buffer;
	scenario_server_at(SERVER_SEND_CERTIFICATE);
	puppet_record(&scenario_server, &scenario_client.in, HANDSHAKE, part, sizeof(part));
}

static int nonsense(void *arg, uint16_t group, uint8_t *private_key, uint8_t *share)
{
	(void)arg;
	(void)group;
	(void)private_key;
	(void)share;
	return 42;
}

static void internal(void)
{
	scenario_server.ops.generate = nonsense;
	scenario_hello();
}

/* clang-format off */
const struct scenario scenarios_auth[] = {
	SCENARIO(SERVER, FINISHED_MISMATCH, finished_mismatch_client),
	SCENARIO(CLIENT, FINISHED_MISMATCH, finished_mismatch_server),
	SCENARIO(CLIENT, SIGNATURE_BAD, signature_bad),
	SCENARIO(CLIENT, SCHEME_INVALID, scheme_invalid),
	SCENARIO(CLIENT, CERTIFICATE_EMPTY, certificate_empty),
	SCENARIO(CLIENT, CHAIN_TOO_LONG, chain_too_long),
	SCENARIO(CLIENT, REQUEST_CONTEXT, certificate_context),
	SCENARIO(CLIENT, REQUEST_CONTEXT, request_context),
	SCENARIO(CLIENT, CERTIFICATE_UNKNOWN_CA, chain_refused),
	SCENARIO(SERVER, CERTIFICATE_REQUIRED, certificate_required),
	SCENARIO(SERVER, MESSAGE_UNEXPECTED, certificate_without_proof),
	SCENARIO(CLIENT, PEER_ALERT, peer_alert),
	SCENARIO(CLIENT, PEER_ALERT, peer_alert_warning),
	SCENARIO(SERVER, PEER_ALERT, peer_alert_protected),
	SCENARIO(SERVER, PEER_ALERT, peer_alert_without_keys),
	SCENARIO(SERVER, PEER_CLOSE_NOTIFY, peer_close_notify),
	SCENARIO(SERVER, SIGNER, signer),
	SCENARIO(CLIENT, NO_MEMORY, no_memory),
	SCENARIO(SERVER, INTERNAL, internal),
};
/* clang-format on */

const size_t scenarios_auth_len = sizeof(scenarios_auth) / sizeof(scenarios_auth[0]);
