/* SPDX-License-Identifier: MIT */
/* Negotiation: RFC 9846, 4.2 and 4.3, and retries. */
#include "tests/harness/scenarios.h"

#include <string.h>

#include "tests/harness/harness.h"

static void version_unsupported(void)
{
	scenario_hello_with(VERSIONS, BODY(2, 3, 3));
}

static void version_extension_missing(void)
{
	scenario_hello_without(VERSIONS);
}

static void version_no_extensions(void)
{
	static const uint8_t tls12[] = { HANDSHAKE, 3, 1,  0, 45, MESSAGE_CLIENT_HELLO,
					 0,         0, 41, 3, 3 };
	static const uint8_t random[32];

	scenario_feed(&scenario_server, tls12, sizeof(tls12));
	scenario_feed(&scenario_server, random, sizeof(random));
	TO_SERVER(0, 0, 2, 0x13, 0x01, 1, 0);
}

static void version_server(void)
{
	scenario_server_hello_with(VERSIONS, NULL, 0);
}

static void version_invalid(void)
{
	scenario_server_hello_with(VERSIONS, BODY(3, 3));
}

static void downgrade(void)
{
	scenario_server_hello_with(VERSIONS, NULL, 0);
	memcpy(scenario_client.in.bytes + PUPPET_BODY + 2 + 24, "DOWNGRD\x01", 8);
}

static void downgrade_below(void)
{
	scenario_server_hello_with(VERSIONS, NULL, 0);
	memcpy(scenario_client.in.bytes + PUPPET_BODY + 2 + 24, "DOWNGRD\0", 8);
}

static void legacy_version(void)
{
	scenario_hello();
	scenario_set_body(&scenario_server, 1, 4);
}

static void legacy_version_server(void)
{
	scenario_server_hello();
	scenario_set_body(&scenario_client, 1, 4);
}

static void suites_none_shared(void)
{
	static const uint16_t suite = KTLS_AES_128_GCM_SHA256, other = KTLS_AES_256_GCM_SHA384;

	scenario_client.config.suites = &suite;
	scenario_server.config.suites = &other;
	scenario_client.config.suites_len = scenario_server.config.suites_len = 1;
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_hello();
}

static void groups_none_shared(void)
{
	static const uint16_t x25519 = KTLS_GROUP_X25519, p256 = KTLS_GROUP_SECP256R1;

	scenario_client.config.groups = &x25519;
	scenario_server.config.groups = &p256;
	scenario_client.config.groups_len = scenario_server.config.groups_len = 1;
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_hello();
}

static void schemes_none_shared(void)
{
	scenario_hello_with(SCHEMES, BODY(0, 4, 4, 1, 2, 1));
}

static void compression(void)
{
	scenario_hello();
	/* random, session id of 32, suites of 6, then the list of one. */
	scenario_set_body(&scenario_server, 2 + 32 + 33 + 8 + 1, 1);
}

static void compression_server(void)
{
	scenario_server_hello();
	scenario_set_body(&scenario_client, 2 + 32 + 33 + 2, 1);
}

static void extension_duplicate(void)
{
	scenario_hello();
	puppet_add_extension(&scenario_server.in, VERSIONS, BODY(2, 3, 4));
}

static void extension_duplicate_unknown(void)
{
	scenario_hello();
	puppet_add_extension(&scenario_server.in, 0x1a1a, BODY(0));
	puppet_add_extension(&scenario_server.in, 0x1a1a, BODY(0));
}

static void missing_key_share(void)
{
	scenario_hello_without(KEY_SHARE);
}

static void missing_groups(void)
{
	scenario_hello_without(GROUPS);
}

static void missing_schemes(void)
{
	scenario_hello_without(SCHEMES);
}

static void missing_server_key_share(void)
{
	scenario_server_hello_with(KEY_SHARE, NULL, 0);
}

static const uint8_t psk[] = { 0,  7,  0,  1,  'x', 0,  0,  0,  0,  0,  33, 32, 1,  2,  3,
			       4,  5,  6,  7,  8,   9,  10, 11, 12, 13, 14, 15, 16, 17, 18,
			       19, 20, 21, 22, 23,  24, 25, 26, 27, 28, 29, 30, 31, 32 };

static void missing_psk_modes(void)
{
	scenario_hello_without(PSK_MODES);
	puppet_edit_extension(&scenario_server.in, PRE_SHARED_KEY, psk, sizeof(psk));
}

static void missing_schemes_in_request(void)
{
	scenario_server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE_REQUEST,
		       BODY(0, 0, 0));
}

static void psk_not_last(void)
{
	scenario_hello_with(PRE_SHARED_KEY, psk, sizeof(psk));
	puppet_add_extension(&scenario_server.in, 0x1a1a, BODY(0));
}

static void psk_binders(void)
{
	scenario_hello_with(PSK_MODES, BODY(1, 1));
	/* Two identities, one binder. */
	puppet_add_extension(&scenario_server.in, PRE_SHARED_KEY,
			     BODY(0, 14, 0, 1, 'x', 0, 0, 0, 0, 0, 1, 'y', 0, 0, 0, 0, 0, 33, 32, 1,
				  2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
				  20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32));
}

static void unsolicited_known(void)
{
	scenario_server_hello_with(PRE_SHARED_KEY, BODY(0, 0));
}

static void unsolicited_unknown(void)
{
	scenario_server_at(SERVER_SEND_EXTENSIONS);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_ENCRYPTED_EXTENSIONS,
		       BODY(0, 4, 0x7f, 0, 0, 0));
}

static void unsolicited_name(void)
{
	scenario_server_at(SERVER_SEND_EXTENSIONS);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_ENCRYPTED_EXTENSIONS,
		       BODY(0, 4, 0, 0, 0, 0));
}

static void unsolicited_in_certificate(void)
{
	scenario_server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_CERTIFICATE,
		       BODY(0, 0, 0, 10, 0, 0, 1, 9, 0, 4, 0, 5, 0, 0));
}

static void misplaced_in_server_hello(void)
{
	scenario_server_hello_with(ALPN, BODY(0, 3, 2, 'h', '2'));
}

static void misplaced_in_encrypted_extensions(void)
{
	scenario_server_at(SERVER_SEND_EXTENSIONS);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_ENCRYPTED_EXTENSIONS,
		       BODY(0, 6, 0, VERSIONS, 0, 2, 3, 4));
}

static void invalid_record_size(void)
{
	scenario_hello_with(RECORD_SIZE_LIMIT, BODY(0, 63));
}

static void invalid_max_fragment(void)
{
	scenario_hello_with(MAX_FRAGMENT_LENGTH, BODY(5));
}

static void invalid_cookie(void)
{
	scenario_hello_with(COOKIE, BODY(0, 1, 7));
}

static void invalid_name(void)
{
	scenario_hello_with(SERVER_NAME, BODY(0, 6, 0, 0, 3, 'a', 0, 'b'));
}

static void invalid_name_type(void)
{
	scenario_hello_with(SERVER_NAME, BODY(0, 4, 1, 0, 1, 'a'));
}

static void key_share_length(void)
{
	scenario_hello_with(KEY_SHARE, BODY(0, 5, 0, 0x1d, 0, 1, 9));
}

static void key_share_zero(void)
{
	uint8_t body[2 + 4 + 32] = { 0, 36, 0, 0x1d, 0, 32 };

	scenario_hello_with(KEY_SHARE, body, sizeof(body));
}

static void key_share_server_length(void)
{
	scenario_server_hello_with(KEY_SHARE, BODY(0, 0x1d, 0, 1, 9));
}

static void key_share_server_zero(void)
{
	uint8_t body[4 + 32] = { 0, 0x1d, 0, 32 };

	scenario_server_hello_with(KEY_SHARE, body, sizeof(body));
}

static void key_share_off_curve(void)
{
	uint8_t body[2 + 4 + 65] = { 0, 69, 0, 0x17, 0, 65, 4, 1, 2, 3 };

	scenario_hello_with(KEY_SHARE, body, sizeof(body));
}

static void key_share_twice(void)
{
	uint8_t body[2 + 2 * 36] = { 0, 72, 0, 0x1d, 0, 32, 9 };

	body[2 + 36 + 1] = 0x1d;
	body[2 + 36 + 3] = 32;
	scenario_hello_with(KEY_SHARE, body, sizeof(body));
}

static void key_share_not_offered(void)
{
	scenario_hello_with(KEY_SHARE, BODY(0, 5, 0, 0x18, 0, 1, 9));
}

static void key_share_server_group(void)
{
	uint8_t body[4 + 65] = { 0, 0x17, 0, 65, 4 };

	scenario_server_hello_with(KEY_SHARE, body, sizeof(body));
}

static int unknown_name(void *arg, const struct ktls_engine_hello *h,
			struct ktls_engine_choice *choice)
{
	(void)arg;
	(void)h;
	(void)choice;
	return -KTLS_R_SERVER_NAME_UNKNOWN;
}

static void server_name_unknown(void)
{
	scenario_server.ops.choose = unknown_name;
	scenario_hello();
}

static void alpn_none_shared(void)
{
	scenario_client.config.alpn = (const uint8_t *)"\x02h2";
	scenario_server.config.alpn = (const uint8_t *)"\x02h3";
	scenario_client.config.alpn_len = scenario_server.config.alpn_len = 3;
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_hello();
}

static void alpn_invalid(void)
{
	scenario_client.config.alpn = (const uint8_t *)"\x02h2";
	scenario_client.config.alpn_len = 3;
	ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
	scenario_server_at(SERVER_SEND_EXTENSIONS);
	puppet_message(&scenario_server, &scenario_client.in, MESSAGE_ENCRYPTED_EXTENSIONS,
		       BODY(0, 9, 0, ALPN, 0, 5, 0, 3, 2, 'h', '3'));
}

static void suite_invalid(void)
{
	scenario_server_hello();
	scenario_set_body(&scenario_client, 2 + 32 + 33 + 1, 0x04);
}

static void session_id_echo(void)
{
	scenario_server_hello();
	scenario_client.in.bytes[PUPPET_BODY + 2 + 32 + 1] ^= 1;
}

static void retry_repeated(void)
{
	struct engine_queue again;

	scenario_retry();
	again = scenario_client.in;
	puppet_until(&scenario_client, &scenario_server.in, CLIENT_RECV_SERVER_HELLO_AGAIN);
	scenario_feed(&scenario_client, again.bytes, again.len);
}

static void retry_no_change(void)
{
	scenario_retry();
	puppet_edit_extension(&scenario_client.in, KEY_SHARE, NULL, 0);
}

static void retry_same_group(void)
{
	scenario_retry();
	puppet_edit_extension(&scenario_client.in, KEY_SHARE, BODY(0, 0x1d));
}

static void retry_group_not_offered(void)
{
	scenario_retry();
	puppet_edit_extension(&scenario_client.in, KEY_SHARE, BODY(0, 0x18));
}

static void retry_other_suite(void)
{
	scenario_hello_again();
	puppet_until(&scenario_server, &scenario_client.in, SERVER_HANDSHAKE_KEYS);
	scenario_client.in.bytes[PUPPET_BODY + 2 + 32 + 33 + 1] ^= 3;
}

static void retry_hello_changed(void)
{
	scenario_hello_again();
	puppet_edit_extension(&scenario_server.in, SERVER_NAME, BODY(0, 4, 0, 0, 1, 'z'));
}

static void retry_random_changed(void)
{
	scenario_hello_again();
	scenario_server.in.bytes[PUPPET_BODY + 2] ^= 1;
}

static void retry_other_share(void)
{
	uint8_t body[2 + 36] = { 0, 36, 0, 0x1d, 0, 32, 9 };

	scenario_hello_again();
	puppet_edit_extension(&scenario_server.in, KEY_SHARE, body, sizeof(body));
}

static void retry_early_data(void)
{
	scenario_hello_again();
	puppet_edit_extension(&scenario_server.in, EARLY_DATA, (const uint8_t *)"", 0);
}

/* clang-format off */
const struct scenario scenarios_hello[] = {
	SCENARIO(SERVER, VERSION_UNSUPPORTED, version_unsupported),
	SCENARIO(SERVER, VERSION_UNSUPPORTED, version_extension_missing),
	SCENARIO(SERVER, VERSION_UNSUPPORTED, version_no_extensions),
	SCENARIO(CLIENT, VERSION_UNSUPPORTED, version_server),
	SCENARIO(CLIENT, VERSION_INVALID, version_invalid),
	SCENARIO(CLIENT, DOWNGRADE, downgrade),
	SCENARIO(CLIENT, DOWNGRADE, downgrade_below),
	SCENARIO(SERVER, LEGACY_VERSION, legacy_version),
	SCENARIO(CLIENT, LEGACY_VERSION, legacy_version_server),
	SCENARIO(SERVER, SUITES_NONE_SHARED, suites_none_shared),
	SCENARIO(SERVER, GROUPS_NONE_SHARED, groups_none_shared),
	SCENARIO(SERVER, SCHEMES_NONE_SHARED, schemes_none_shared),
	SCENARIO(SERVER, COMPRESSION, compression),
	SCENARIO(CLIENT, COMPRESSION, compression_server),
	SCENARIO(SERVER, EXTENSION_DUPLICATE, extension_duplicate),
	SCENARIO(SERVER, EXTENSION_DUPLICATE, extension_duplicate_unknown),
	SCENARIO(SERVER, EXTENSION_MISSING, missing_key_share),
	SCENARIO(SERVER, EXTENSION_MISSING, missing_groups),
	SCENARIO(SERVER, EXTENSION_MISSING, missing_schemes),
	SCENARIO(SERVER, EXTENSION_MISSING, missing_psk_modes),
	SCENARIO(CLIENT, EXTENSION_MISSING, missing_server_key_share),
	SCENARIO(CLIENT, EXTENSION_MISSING, missing_schemes_in_request),
	SCENARIO(SERVER, EXTENSION_MISPLACED, psk_not_last),
	SCENARIO(SERVER, EXTENSION_INVALID, psk_binders),
	SCENARIO(CLIENT, EXTENSION_UNSOLICITED, unsolicited_known),
	SCENARIO(CLIENT, EXTENSION_UNSOLICITED, unsolicited_unknown),
	SCENARIO(CLIENT, EXTENSION_UNSOLICITED, unsolicited_name),
	SCENARIO(CLIENT, EXTENSION_UNSOLICITED, unsolicited_in_certificate),
	SCENARIO(CLIENT, EXTENSION_MISPLACED, misplaced_in_server_hello),
	SCENARIO(CLIENT, EXTENSION_MISPLACED, misplaced_in_encrypted_extensions),
	SCENARIO(SERVER, EXTENSION_INVALID, invalid_record_size),
	SCENARIO(SERVER, EXTENSION_INVALID, invalid_max_fragment),
	SCENARIO(SERVER, EXTENSION_INVALID, invalid_cookie),
	SCENARIO(SERVER, EXTENSION_INVALID, invalid_name),
	SCENARIO(SERVER, EXTENSION_INVALID, invalid_name_type),
	SCENARIO(SERVER, KEY_SHARE_INVALID, key_share_length),
	SCENARIO(SERVER, KEY_SHARE_INVALID, key_share_zero),
	SCENARIO(SERVER, KEY_SHARE_INVALID, key_share_off_curve),
	SCENARIO(CLIENT, KEY_SHARE_INVALID, key_share_server_length),
	SCENARIO(CLIENT, KEY_SHARE_INVALID, key_share_server_zero),
	SCENARIO(SERVER, KEY_SHARE_MISMATCH, key_share_twice),
	SCENARIO(SERVER, KEY_SHARE_MISMATCH, key_share_not_offered),
	SCENARIO(CLIENT, KEY_SHARE_MISMATCH, key_share_server_group),
	SCENARIO(SERVER, SERVER_NAME_UNKNOWN, server_name_unknown),
	SCENARIO(SERVER, ALPN_NONE_SHARED, alpn_none_shared),
	SCENARIO(CLIENT, ALPN_INVALID, alpn_invalid),
	SCENARIO(CLIENT, SUITE_INVALID, suite_invalid),
	SCENARIO(CLIENT, SESSION_ID_ECHO, session_id_echo),
	SCENARIO(CLIENT, RETRY_REPEATED, retry_repeated),
	SCENARIO(CLIENT, RETRY_NO_CHANGE, retry_no_change),
	SCENARIO(CLIENT, RETRY_NO_CHANGE, retry_same_group),
	SCENARIO(CLIENT, KEY_SHARE_MISMATCH, retry_group_not_offered),
	SCENARIO(CLIENT, RETRY_MISMATCH, retry_other_suite),
	SCENARIO(SERVER, RETRY_MISMATCH, retry_hello_changed),
	SCENARIO(SERVER, RETRY_MISMATCH, retry_random_changed),
	SCENARIO(SERVER, RETRY_MISMATCH, retry_other_share),
	SCENARIO(SERVER, EXTENSION_INVALID, retry_early_data),
};
/* clang-format on */

const size_t scenarios_hello_len = sizeof(scenarios_hello) / sizeof(scenarios_hello[0]);
