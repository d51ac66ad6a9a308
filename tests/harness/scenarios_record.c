/* SPDX-License-Identifier: MIT */
/* Records and the order of messages: RFC 9846, 4 and 5. */
#include "tests/harness/scenarios.h"

#include <string.h>

#include "tests/harness/harness.h"

static void not_tls(void)
{
	scenario_feed(&scenario_server, (const uint8_t *)"GET / HTTP/1.1\r\n\r\n", 18);
}

static void not_tls_client(void)
{
	scenario_hello();
	scenario_feed(&scenario_client, (const uint8_t *)"HTTP/1.1 400 Bad Request\r\n", 26);
}

static void record_type(void)
{
	scenario_before_client_finished();
	TO_SERVER(24, 3, 3, 0, 1, 0);
}

static void record_inner_type(void)
{
	scenario_before_client_finished();
	puppet_record(&scenario_client, &scenario_server.in, 99, "x", 1);
}

static void record_too_long(void)
{
	TO_SERVER(HANDSHAKE, 3, 1, 0x40, 0x01);
}

static void record_protected_too_long(void)
{
	scenario_before_client_finished();
	TO_SERVER(DATA, 3, 3, 0x41, 0x01);
}

static void record_inner_too_long(void)
{
	scenario_before_client_finished();
	puppet_padded(&scenario_client, &scenario_server.in, HANDSHAKE, "x", 1, 16384);
}

/* RFC 8449, 4: with the type it is one byte more than was agreed on. */
static void record_over_the_limit(void)
{
	scenario_client.config.record_size_limit = scenario_server.config.record_size_limit = 100;
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_before_client_finished();
	puppet_padded(&scenario_client, &scenario_server.in, HANDSHAKE, "x", 1, 99);
}

static void record_empty(void)
{
	TO_SERVER(HANDSHAKE, 3, 1, 0, 0);
}

static void record_empty_protected(void)
{
	scenario_before_client_finished();
	puppet_padded(&scenario_client, &scenario_server.in, HANDSHAKE, "", 0, 10);
}

static void record_empty_alert(void)
{
	scenario_before_client_finished();
	puppet_record(&scenario_client, &scenario_server.in, ALERT, "", 0);
}

static void record_mac(void)
{
	static const uint8_t body[32];

	scenario_before_client_finished();
	TO_SERVER(DATA, 3, 3, 0, 32);
	scenario_feed(&scenario_server, body, sizeof(body));
}

static void record_mac_short(void)
{
	scenario_before_client_finished();
	TO_SERVER(DATA, 3, 3, 0, 0);
}

static void record_no_type(void)
{
	scenario_before_client_finished();
	puppet_padded(&scenario_client, &scenario_server.in, 0, "", 0, 20);
}

static void record_plaintext(void)
{
	scenario_before_client_finished();
	TO_SERVER(HANDSHAKE, 3, 3, 0, 4, MESSAGE_FINISHED, 0, 0, 0);
}

static void record_plaintext_alert(void)
{
	scenario_server_at(SERVER_SEND_CERTIFICATE);
	TO_CLIENT(ALERT, 3, 3, 0, 2, 2, 40);
}

static void ccs_first(void)
{
	TO_SERVER(CCS, 3, 3, 0, 1, 1);
}

static void ccs_value(void)
{
	scenario_before_client_finished();
	TO_SERVER(CCS, 3, 3, 0, 1, 2);
}

static void ccs_length(void)
{
	scenario_before_client_finished();
	TO_SERVER(CCS, 3, 3, 0, 2, 1, 1);
}

static void ccs_protected(void)
{
	scenario_before_client_finished();
	puppet_record(&scenario_client, &scenario_server.in, CCS, "\x01", 1);
}

static void message_unexpected(void)
{
	TO_SERVER(HANDSHAKE, 3, 1, 0, 4, MESSAGE_FINISHED, 0, 0, 0);
}

static void message_unexpected_hello(void)
{
	scenario_before_client_finished();
	puppet_message(&scenario_client, &scenario_server.in, MESSAGE_CLIENT_HELLO, "", 0);
}

static void message_skipped(void)
{
	scenario_server_at(SERVER_SEND_CERTIFICATE);
	puppet_until(&scenario_server, &scenario_client.in, SERVER_SEND_CERTIFICATE_VERIFY);
	scenario_client.in.len = 0;
	puppet_until(&scenario_server, &scenario_client.in, SERVER_SEND_FINISHED);
}

static void ccs_in_first_hello(void)
{
	scenario_hello();
	scenario_server.in.bytes[3] = 0;
	scenario_server.in.bytes[4] = 20;
	scenario_server.in.len = 25;
	TO_SERVER(CCS, 3, 3, 0, 1, 1);
}

static void message_interleaved_protected(void)
{
	scenario_before_client_finished();
	puppet_record(&scenario_client, &scenario_server.in, HANDSHAKE, "\x14\0", 2);
	puppet_record(&scenario_client, &scenario_server.in, DATA, "x", 1);
}

static void message_interleaved_ccs(void)
{
	scenario_before_client_finished();
	puppet_record(&scenario_client, &scenario_server.in, HANDSHAKE, "\x14\0", 2);
	TO_SERVER(CCS, 3, 3, 0, 1, 1);
}

static void spans_hello(void)
{
	scenario_hello();
	scenario_server.in.bytes[4]++;
	scenario_server.in.bytes[3] =
		(uint8_t)(scenario_server.in.bytes[3] + (scenario_server.in.bytes[4] == 0));
	TO_SERVER(0);
}

static void spans_server_hello(void)
{
	scenario_server_hello();
	scenario_client.in.bytes[4]++;
	TO_CLIENT(MESSAGE_ENCRYPTED_EXTENSIONS);
}

static void message_too_long(void)
{
	TO_SERVER(HANDSHAKE, 3, 1, 0, 4, MESSAGE_CLIENT_HELLO, 0xff, 0xff, 0xff);
}

static void message_too_long_certificate(void)
{
	scenario_server_at(SERVER_SEND_CERTIFICATE);
	puppet_record(&scenario_server, &scenario_client.in, HANDSHAKE, "\x0b\x01\0\0", 4);
}

static void malformed_hello(void)
{
	TO_SERVER(HANDSHAKE, 3, 1, 0, 6, MESSAGE_CLIENT_HELLO, 0, 0, 2, 3, 3);
}

static void malformed_trailing(void)
{
	scenario_before_client_finished();
	puppet_message(&scenario_client, &scenario_server.in, MESSAGE_FINISHED, scenario_junk, 33);
}

static void malformed_finished(void)
{
	scenario_before_client_finished();
	puppet_message(&scenario_client, &scenario_server.in, MESSAGE_FINISHED, scenario_junk, 31);
}

static void malformed_extension_trailing(void)
{
	scenario_hello_with(VERSIONS, BODY(2, 3, 4, 0));
}

static void malformed_encrypted_extensions(void)
{
	scenario_server_at(SERVER_SEND_EXTENSIONS);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_ENCRYPTED_EXTENSIONS,
		       BODY(0, 0, 0));
}

static void malformed_certificate(void)
{
	scenario_server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE,
		       BODY(0, 0, 0, 3, 0, 0, 0));
}

static void malformed_certificate_trailing(void)
{
	scenario_server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE,
		       BODY(0, 0, 0, 6, 0, 0, 1, 9, 0, 0, 0));
}

static void malformed_certificate_verify(void)
{
	scenario_server_at(SERVER_SEND_CERTIFICATE_VERIFY);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE_VERIFY,
		       BODY(4, 3, 0, 1));
}

static void early_data_too_long(void)
{
	scenario_hello_with(EARLY_DATA, (const uint8_t *)"", 0);
	for (int i = 0; i < 5; i++) {
		TO_SERVER(DATA, 3, 3, 16000 >> 8, 16000 & 0xff);
		scenario_feed(&scenario_server, scenario_junk, sizeof(scenario_junk));
	}
}

static void application_data(void)
{
	scenario_before_client_finished();
	puppet_record(&scenario_client, &scenario_server.in, DATA, "hello", 5);
}

static void application_data_plain(void)
{
	scenario_hello();
	TO_CLIENT(DATA, 3, 3, 0, 1, 0);
}

static void alert_malformed(void)
{
	TO_SERVER(ALERT, 3, 1, 0, 3, 2, 40, 0);
}

/* clang-format off */
const struct scenario scenarios_record[] = {
	SCENARIO(SERVER, NOT_TLS, not_tls),
	SCENARIO(CLIENT, NOT_TLS, not_tls_client),
	SCENARIO(SERVER, RECORD_TYPE, record_type),
	SCENARIO(SERVER, RECORD_TYPE, record_inner_type),
	SCENARIO(SERVER, RECORD_TOO_LONG, record_too_long),
	SCENARIO(SERVER, RECORD_TOO_LONG, record_protected_too_long),
	SCENARIO(SERVER, RECORD_TOO_LONG, record_inner_too_long),
	SCENARIO(SERVER, RECORD_TOO_LONG, record_over_the_limit),
	SCENARIO(SERVER, RECORD_EMPTY, record_empty),
	SCENARIO(SERVER, RECORD_EMPTY, record_empty_protected),
	SCENARIO(SERVER, RECORD_EMPTY, record_empty_alert),
	SCENARIO(SERVER, RECORD_MAC, record_mac),
	SCENARIO(SERVER, RECORD_MAC, record_mac_short),
	SCENARIO(SERVER, RECORD_NO_TYPE, record_no_type),
	SCENARIO(SERVER, RECORD_PLAINTEXT, record_plaintext),
	SCENARIO(CLIENT, RECORD_PLAINTEXT, record_plaintext_alert),
	SCENARIO(SERVER, CHANGE_CIPHER_SPEC, ccs_first),
	SCENARIO(SERVER, CHANGE_CIPHER_SPEC, ccs_value),
	SCENARIO(SERVER, CHANGE_CIPHER_SPEC, ccs_length),
	SCENARIO(SERVER, CHANGE_CIPHER_SPEC, ccs_protected),
	SCENARIO(SERVER, MESSAGE_UNEXPECTED, message_unexpected),
	SCENARIO(SERVER, MESSAGE_UNEXPECTED, message_unexpected_hello),
	SCENARIO(CLIENT, RECORD_MAC, message_skipped),
	SCENARIO(SERVER, CHANGE_CIPHER_SPEC, ccs_in_first_hello),
	SCENARIO(SERVER, MESSAGE_INTERLEAVED, message_interleaved_protected),
	SCENARIO(SERVER, MESSAGE_INTERLEAVED, message_interleaved_ccs),
	SCENARIO(SERVER, MESSAGE_SPANS_KEY_CHANGE, spans_hello),
	SCENARIO(CLIENT, MESSAGE_SPANS_KEY_CHANGE, spans_server_hello),
	SCENARIO(SERVER, MESSAGE_TOO_LONG, message_too_long),
	SCENARIO(CLIENT, MESSAGE_TOO_LONG, message_too_long_certificate),
	SCENARIO(SERVER, MESSAGE_MALFORMED, malformed_hello),
	SCENARIO(SERVER, MESSAGE_MALFORMED, malformed_trailing),
	SCENARIO(SERVER, MESSAGE_MALFORMED, malformed_finished),
	SCENARIO(SERVER, MESSAGE_MALFORMED, malformed_extension_trailing),
	SCENARIO(CLIENT, MESSAGE_MALFORMED, malformed_encrypted_extensions),
	SCENARIO(CLIENT, MESSAGE_MALFORMED, malformed_certificate),
	SCENARIO(CLIENT, MESSAGE_MALFORMED, malformed_certificate_trailing),
	SCENARIO(CLIENT, MESSAGE_MALFORMED, malformed_certificate_verify),
	SCENARIO(SERVER, EARLY_DATA_TOO_LONG, early_data_too_long),
	SCENARIO(SERVER, APPLICATION_DATA, application_data),
	SCENARIO(CLIENT, APPLICATION_DATA, application_data_plain),
	SCENARIO(SERVER, ALERT_MALFORMED, alert_malformed),
};
/* clang-format on */

const size_t scenarios_record_len = sizeof(scenarios_record) / sizeof(scenarios_record[0]);
