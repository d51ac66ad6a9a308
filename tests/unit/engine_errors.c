/* SPDX-License-Identifier: MIT */
/*
 * Every reason for which the engine ends a handshake, provoked: the victim says the reason, sends
 * the alert of its row, and the peer hears that alert.
 */
#include <string.h>

#include "lib/crypto/util.h"
#include "lib/handshake/engine.h"
#include "lib/wire/reason.h"
#include "tests/harness/harness.h"
#include "tests/harness/puppet.h"

enum record_type { CCS = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23 };

enum extension_type {
	SERVER_NAME = 0,
	GROUPS = 10,
	SCHEMES = 13,
	ALPN = 16,
	PRE_SHARED_KEY = 41,
	EARLY_DATA = 42,
	VERSIONS = 43,
	COOKIE = 44,
	PSK_MODES = 45,
	KEY_SHARE = 51,
};

static struct engine_end client, server;
static const uint8_t junk[16000];

#define TO_SERVER(...) \
	feed(&server, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define TO_CLIENT(...) \
	feed(&client, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define BODY(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static void feed(struct engine_end *end, const uint8_t *bytes, size_t len)
{
	engine_end_feed(end, bytes, len);
}

/* ---- how far the honest part goes ---------------------------------------------------- */

/* The client's first hello lies before the server. */
static void hello(void)
{
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO);
}

static void hello_with(uint16_t type, const uint8_t *body, size_t len)
{
	hello();
	puppet_edit_extension(&server.in, type, body, len);
}

static void hello_without(uint16_t type)
{
	hello_with(type, NULL, 0);
}

/* The server has sent its flight, the client has read it and is about to answer. */
static void before_client_finished(void)
{
	hello();
	puppet_until(&server, &client.in, SERVER_RECV_FINISHED);
	puppet_until(&client, &server.in, CLIENT_SEND_FINISHED);
}

/* The ServerHello lies before the client. */
static void server_hello(void)
{
	hello();
	puppet_until(&server, &client.in, SERVER_HANDSHAKE_KEYS);
	/* Without the change_cipher_spec, so that the hello can be edited. */
	client.in.len -= 6;
}

static void server_hello_with(uint16_t type, const uint8_t *body, size_t len)
{
	server_hello();
	puppet_edit_extension(&client.in, type, body, len);
}

/* The server is about to send the message of a state; the client has read what came before. */
static void server_at(enum state state)
{
	hello();
	puppet_until(&server, &client.in, state);
	ASSERT_TRUE(engine_end_step(&client, &server.in));
}

/* The server's HelloRetryRequest lies before the client, for secp256r1. */
static void retry(void)
{
	static const uint16_t p256 = KTLS_GROUP_SECP256R1;

	server.config.groups = &p256;
	server.config.groups_len = 1;
	ASSERT_EQ(0, engines_start(&client, &server));
	hello();
	puppet_until(&server, &client.in, SERVER_RECV_HELLO_AGAIN);
	client.in.len -= 6;
}

/* The second ClientHello lies before the server. */
static void hello_again(void)
{
	retry();
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO_AGAIN);
	memmove(server.in.bytes, server.in.bytes + 6, server.in.len - 6);
	server.in.len -= 6;
}

static void set_body(struct engine_end *end, size_t at, uint8_t value)
{
	end->in.bytes[PUPPET_BODY + at] = value;
}

/* ---- records ------------------------------------------------------------------------- */

static void not_tls(void)
{
	feed(&server, (const uint8_t *)"GET / HTTP/1.1\r\n\r\n", 18);
}

static void not_tls_client(void)
{
	hello();
	feed(&client, (const uint8_t *)"HTTP/1.1 400 Bad Request\r\n", 26);
}

static void record_type(void)
{
	before_client_finished();
	TO_SERVER(24, 3, 3, 0, 1, 0);
}

static void record_inner_type(void)
{
	before_client_finished();
	puppet_record(&client, &server.in, 99, "x", 1);
}

static void record_too_long(void)
{
	TO_SERVER(HANDSHAKE, 3, 1, 0x40, 0x01);
}

static void record_protected_too_long(void)
{
	before_client_finished();
	TO_SERVER(DATA, 3, 3, 0x41, 0x01);
}

static void record_inner_too_long(void)
{
	before_client_finished();
	puppet_padded(&client, &server.in, HANDSHAKE, "x", 1, 16384);
}

static void record_empty(void)
{
	TO_SERVER(HANDSHAKE, 3, 1, 0, 0);
}

static void record_empty_protected(void)
{
	before_client_finished();
	puppet_padded(&client, &server.in, HANDSHAKE, "", 0, 10);
}

static void record_empty_alert(void)
{
	before_client_finished();
	puppet_record(&client, &server.in, ALERT, "", 0);
}

static void record_mac(void)
{
	static const uint8_t body[32];

	before_client_finished();
	TO_SERVER(DATA, 3, 3, 0, 32);
	feed(&server, body, sizeof(body));
}

static void record_mac_short(void)
{
	before_client_finished();
	TO_SERVER(DATA, 3, 3, 0, 0);
}

static void record_no_type(void)
{
	before_client_finished();
	puppet_padded(&client, &server.in, 0, "", 0, 20);
}

static void record_plaintext(void)
{
	before_client_finished();
	TO_SERVER(HANDSHAKE, 3, 3, 0, 4, MESSAGE_FINISHED, 0, 0, 0);
}

static void record_plaintext_alert(void)
{
	server_at(SERVER_SEND_CERTIFICATE);
	TO_CLIENT(ALERT, 3, 3, 0, 2, 2, 40);
}

static void ccs_first(void)
{
	TO_SERVER(CCS, 3, 3, 0, 1, 1);
}

static void ccs_value(void)
{
	before_client_finished();
	TO_SERVER(CCS, 3, 3, 0, 1, 2);
}

static void ccs_length(void)
{
	before_client_finished();
	TO_SERVER(CCS, 3, 3, 0, 2, 1, 1);
}

static void ccs_protected(void)
{
	before_client_finished();
	puppet_record(&client, &server.in, CCS, "\x01", 1);
}

static void message_unexpected(void)
{
	TO_SERVER(HANDSHAKE, 3, 1, 0, 4, MESSAGE_FINISHED, 0, 0, 0);
}

static void message_unexpected_hello(void)
{
	before_client_finished();
	puppet_message(&client, &server.in, MESSAGE_CLIENT_HELLO, "", 0);
}

static void message_skipped(void)
{
	server_at(SERVER_SEND_CERTIFICATE);
	puppet_until(&server, &client.in, SERVER_SEND_CERTIFICATE_VERIFY);
	client.in.len = 0;
	puppet_until(&server, &client.in, SERVER_SEND_FINISHED);
}

static void ccs_in_first_hello(void)
{
	hello();
	server.in.bytes[3] = 0;
	server.in.bytes[4] = 20;
	server.in.len = 25;
	TO_SERVER(CCS, 3, 3, 0, 1, 1);
}

static void message_interleaved_protected(void)
{
	before_client_finished();
	puppet_record(&client, &server.in, HANDSHAKE, "\x14\0", 2);
	puppet_record(&client, &server.in, DATA, "x", 1);
}

static void message_interleaved_ccs(void)
{
	before_client_finished();
	puppet_record(&client, &server.in, HANDSHAKE, "\x14\0", 2);
	TO_SERVER(CCS, 3, 3, 0, 1, 1);
}

static void spans_hello(void)
{
	hello();
	server.in.bytes[4]++;
	server.in.bytes[3] = (uint8_t)(server.in.bytes[3] + (server.in.bytes[4] == 0));
	TO_SERVER(0);
}

static void spans_server_hello(void)
{
	server_hello();
	client.in.bytes[4]++;
	TO_CLIENT(MESSAGE_ENCRYPTED_EXTENSIONS);
}

static void message_too_long(void)
{
	TO_SERVER(HANDSHAKE, 3, 1, 0, 4, MESSAGE_CLIENT_HELLO, 0xff, 0xff, 0xff);
}

static void message_too_long_certificate(void)
{
	server_at(SERVER_SEND_CERTIFICATE);
	puppet_record(&server, &client.in, HANDSHAKE, "\x0b\x01\0\0", 4);
}

static void malformed_hello(void)
{
	TO_SERVER(HANDSHAKE, 3, 1, 0, 6, MESSAGE_CLIENT_HELLO, 0, 0, 2, 3, 3);
}

static void malformed_trailing(void)
{
	before_client_finished();
	puppet_message(&client, &server.in, MESSAGE_FINISHED, junk, 33);
}

static void malformed_finished(void)
{
	before_client_finished();
	puppet_message(&client, &server.in, MESSAGE_FINISHED, junk, 31);
}

static void malformed_extension_trailing(void)
{
	hello_with(VERSIONS, BODY(2, 3, 4, 0));
}

static void malformed_encrypted_extensions(void)
{
	server_at(SERVER_SEND_EXTENSIONS);
	puppet_message(&server, &client.in, MESSAGE_ENCRYPTED_EXTENSIONS, BODY(0, 0, 0));
}

static void malformed_certificate(void)
{
	server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&server, &client.in, MESSAGE_CERTIFICATE, BODY(0, 0, 0, 3, 0, 0, 0));
}

static void malformed_certificate_trailing(void)
{
	server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&server, &client.in, MESSAGE_CERTIFICATE,
		       BODY(0, 0, 0, 6, 0, 0, 1, 9, 0, 0, 0));
}

static void malformed_certificate_verify(void)
{
	server_at(SERVER_SEND_CERTIFICATE_VERIFY);
	puppet_message(&server, &client.in, MESSAGE_CERTIFICATE_VERIFY, BODY(4, 3, 0, 1));
}

static void early_data_too_long(void)
{
	hello_with(EARLY_DATA, (const uint8_t *)"", 0);
	for (int i = 0; i < 5; i++) {
		TO_SERVER(DATA, 3, 3, 16000 >> 8, 16000 & 0xff);
		feed(&server, junk, sizeof(junk));
	}
}

static void application_data(void)
{
	before_client_finished();
	puppet_record(&client, &server.in, DATA, "hello", 5);
}

static void application_data_plain(void)
{
	hello();
	TO_CLIENT(DATA, 3, 3, 0, 1, 0);
}

static void alert_malformed(void)
{
	TO_SERVER(ALERT, 3, 1, 0, 3, 2, 40, 0);
}

/* ---- negotiation --------------------------------------------------------------------- */

static void version_unsupported(void)
{
	hello_with(VERSIONS, BODY(2, 3, 3));
}

static void version_extension_missing(void)
{
	hello_without(VERSIONS);
}

static void version_no_extensions(void)
{
	static const uint8_t tls12[] = { HANDSHAKE, 3, 1,  0, 45, MESSAGE_CLIENT_HELLO,
					 0,         0, 41, 3, 3 };
	static const uint8_t random[32];

	feed(&server, tls12, sizeof(tls12));
	feed(&server, random, sizeof(random));
	TO_SERVER(0, 0, 2, 0x13, 0x01, 1, 0);
}

static void version_server(void)
{
	server_hello_with(VERSIONS, NULL, 0);
}

static void version_invalid(void)
{
	server_hello_with(VERSIONS, BODY(3, 3));
}

static void downgrade(void)
{
	server_hello_with(VERSIONS, NULL, 0);
	memcpy(client.in.bytes + PUPPET_BODY + 2 + 24, "DOWNGRD\x01", 8);
}

static void downgrade_below(void)
{
	server_hello_with(VERSIONS, NULL, 0);
	memcpy(client.in.bytes + PUPPET_BODY + 2 + 24, "DOWNGRD\0", 8);
}

static void legacy_version(void)
{
	hello();
	set_body(&server, 1, 4);
}

static void legacy_version_server(void)
{
	server_hello();
	set_body(&client, 1, 4);
}

static void suites_none_shared(void)
{
	static const uint16_t suite = KTLS_AES_128_GCM_SHA256, other = KTLS_AES_256_GCM_SHA384;

	client.config.suites = &suite;
	server.config.suites = &other;
	client.config.suites_len = server.config.suites_len = 1;
	ASSERT_EQ(0, engines_start(&client, &server));
	hello();
}

static void groups_none_shared(void)
{
	static const uint16_t x25519 = KTLS_GROUP_X25519, p256 = KTLS_GROUP_SECP256R1;

	client.config.groups = &x25519;
	server.config.groups = &p256;
	client.config.groups_len = server.config.groups_len = 1;
	ASSERT_EQ(0, engines_start(&client, &server));
	hello();
}

static void schemes_none_shared(void)
{
	hello_with(SCHEMES, BODY(0, 4, 4, 1, 2, 1));
}

static void compression(void)
{
	hello();
	/* random, session id of 32, suites of 6, then the list of one. */
	set_body(&server, 2 + 32 + 33 + 8 + 1, 1);
}

static void compression_server(void)
{
	server_hello();
	set_body(&client, 2 + 32 + 33 + 2, 1);
}

static void extension_duplicate(void)
{
	hello();
	puppet_add_extension(&server.in, VERSIONS, BODY(2, 3, 4));
}

static void extension_duplicate_unknown(void)
{
	hello();
	puppet_add_extension(&server.in, 0x1a1a, BODY(0));
	puppet_add_extension(&server.in, 0x1a1a, BODY(0));
}

static void missing_key_share(void)
{
	hello_without(KEY_SHARE);
}

static void missing_groups(void)
{
	hello_without(GROUPS);
}

static void missing_schemes(void)
{
	hello_without(SCHEMES);
}

static void missing_server_key_share(void)
{
	server_hello_with(KEY_SHARE, NULL, 0);
}

static const uint8_t psk[] = { 0,  7,  0,  1,  'x', 0,  0,  0,  0,  0,  33, 32, 1,  2,  3,
			       4,  5,  6,  7,  8,   9,  10, 11, 12, 13, 14, 15, 16, 17, 18,
			       19, 20, 21, 22, 23,  24, 25, 26, 27, 28, 29, 30, 31, 32 };

static void missing_psk_modes(void)
{
	hello_with(PRE_SHARED_KEY, psk, sizeof(psk));
}

static void missing_schemes_in_request(void)
{
	server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&server, &client.in, MESSAGE_CERTIFICATE_REQUEST, BODY(0, 0, 0));
}

static void psk_not_last(void)
{
	hello_with(PRE_SHARED_KEY, psk, sizeof(psk));
	puppet_add_extension(&server.in, PSK_MODES, BODY(1, 1));
}

static void psk_binders(void)
{
	hello_with(PSK_MODES, BODY(1, 1));
	/* Two identities, one binder. */
	puppet_add_extension(&server.in, PRE_SHARED_KEY,
			     BODY(0, 14, 0, 1, 'x', 0, 0, 0, 0, 0, 1, 'y', 0, 0, 0, 0, 0, 33, 32, 1,
				  2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
				  20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32));
}

static void unsolicited_known(void)
{
	server_hello_with(PRE_SHARED_KEY, BODY(0, 0));
}

static void unsolicited_unknown(void)
{
	server_at(SERVER_SEND_EXTENSIONS);
	puppet_message(&server, &client.in, MESSAGE_ENCRYPTED_EXTENSIONS,
		       BODY(0, 4, 0x7f, 0, 0, 0));
}

static void unsolicited_name(void)
{
	server_at(SERVER_SEND_EXTENSIONS);
	puppet_message(&server, &client.in, MESSAGE_ENCRYPTED_EXTENSIONS, BODY(0, 4, 0, 0, 0, 0));
}

static void unsolicited_in_certificate(void)
{
	server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&server, &client.in, MESSAGE_CERTIFICATE,
		       BODY(0, 0, 0, 10, 0, 0, 1, 9, 0, 4, 0, 5, 0, 0));
}

static void misplaced_in_server_hello(void)
{
	server_hello_with(ALPN, BODY(0, 3, 2, 'h', '2'));
}

static void misplaced_in_encrypted_extensions(void)
{
	server_at(SERVER_SEND_EXTENSIONS);
	puppet_message(&server, &client.in, MESSAGE_ENCRYPTED_EXTENSIONS,
		       BODY(0, 6, 0, VERSIONS, 0, 2, 3, 4));
}

static void invalid_cookie(void)
{
	hello_with(COOKIE, BODY(0, 1, 7));
}

static void invalid_name(void)
{
	hello_with(SERVER_NAME, BODY(0, 6, 0, 0, 3, 'a', 0, 'b'));
}

static void invalid_name_type(void)
{
	hello_with(SERVER_NAME, BODY(0, 4, 1, 0, 1, 'a'));
}

static void key_share_length(void)
{
	hello_with(KEY_SHARE, BODY(0, 5, 0, 0x1d, 0, 1, 9));
}

static void key_share_zero(void)
{
	uint8_t body[2 + 4 + 32] = { 0, 36, 0, 0x1d, 0, 32 };

	hello_with(KEY_SHARE, body, sizeof(body));
}

static void key_share_server_length(void)
{
	server_hello_with(KEY_SHARE, BODY(0, 0x1d, 0, 1, 9));
}

static void key_share_server_zero(void)
{
	uint8_t body[4 + 32] = { 0, 0x1d, 0, 32 };

	server_hello_with(KEY_SHARE, body, sizeof(body));
}

static void key_share_off_curve(void)
{
	uint8_t body[2 + 4 + 65] = { 0, 69, 0, 0x17, 0, 65, 4, 1, 2, 3 };

	hello_with(KEY_SHARE, body, sizeof(body));
}

static void key_share_twice(void)
{
	uint8_t body[2 + 2 * 36] = { 0, 72, 0, 0x1d, 0, 32, 9 };

	body[2 + 36 + 1] = 0x1d;
	body[2 + 36 + 3] = 32;
	hello_with(KEY_SHARE, body, sizeof(body));
}

static void key_share_not_offered(void)
{
	hello_with(KEY_SHARE, BODY(0, 5, 0, 0x18, 0, 1, 9));
}

static void key_share_server_group(void)
{
	uint8_t body[4 + 65] = { 0, 0x17, 0, 65, 4 };

	server_hello_with(KEY_SHARE, body, sizeof(body));
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
	server.ops.choose = unknown_name;
	hello();
}

static void alpn_none_shared(void)
{
	client.config.alpn = (const uint8_t *)"\x02h2";
	server.config.alpn = (const uint8_t *)"\x02h3";
	client.config.alpn_len = server.config.alpn_len = 3;
	ASSERT_EQ(0, engines_start(&client, &server));
	hello();
}

static void alpn_invalid(void)
{
	client.config.alpn = (const uint8_t *)"\x02h2";
	client.config.alpn_len = 3;
	ASSERT_EQ(0, engines_start(&client, &server));
	server_at(SERVER_SEND_EXTENSIONS);
	puppet_message(&server, &client.in, MESSAGE_ENCRYPTED_EXTENSIONS,
		       BODY(0, 9, 0, ALPN, 0, 5, 0, 3, 2, 'h', '3'));
}

static void suite_invalid(void)
{
	server_hello();
	set_body(&client, 2 + 32 + 33 + 1, 0x04);
}

static void session_id_echo(void)
{
	server_hello();
	client.in.bytes[PUPPET_BODY + 2 + 32 + 1] ^= 1;
}

/* ---- retries ------------------------------------------------------------------------- */

static void retry_repeated(void)
{
	struct engine_queue again;

	retry();
	again = client.in;
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO_AGAIN);
	feed(&client, again.bytes, again.len);
}

static void retry_no_change(void)
{
	retry();
	puppet_edit_extension(&client.in, KEY_SHARE, NULL, 0);
}

static void retry_same_group(void)
{
	retry();
	puppet_edit_extension(&client.in, KEY_SHARE, BODY(0, 0x1d));
}

static void retry_group_not_offered(void)
{
	retry();
	puppet_edit_extension(&client.in, KEY_SHARE, BODY(0, 0x18));
}

static void retry_other_suite(void)
{
	hello_again();
	puppet_until(&server, &client.in, SERVER_HANDSHAKE_KEYS);
	client.in.bytes[PUPPET_BODY + 2 + 32 + 33 + 1] ^= 3;
}

static void retry_hello_changed(void)
{
	hello_again();
	puppet_edit_extension(&server.in, SERVER_NAME, BODY(0, 4, 0, 0, 1, 'z'));
}

static void retry_random_changed(void)
{
	hello_again();
	server.in.bytes[PUPPET_BODY + 2] ^= 1;
}

static void retry_other_share(void)
{
	uint8_t body[2 + 36] = { 0, 36, 0, 0x1d, 0, 32, 9 };

	hello_again();
	puppet_edit_extension(&server.in, KEY_SHARE, body, sizeof(body));
}

static void retry_early_data(void)
{
	hello_again();
	puppet_edit_extension(&server.in, EARLY_DATA, (const uint8_t *)"", 0);
}

/* ---- authentication ------------------------------------------------------------------ */

static void finished_mismatch_client(void)
{
	before_client_finished();
	puppet_message(&client, &server.in, MESSAGE_FINISHED, junk, 32);
}

static void finished_mismatch_server(void)
{
	server_at(SERVER_SEND_FINISHED);
	puppet_message(&server, &client.in, MESSAGE_FINISHED, junk, 32);
}

static void signature_bad(void)
{
	server_at(SERVER_SEND_CERTIFICATE_VERIFY);
	puppet_message(&server, &client.in, MESSAGE_CERTIFICATE_VERIFY, BODY(4, 3, 0, 2, 1, 2));
}

static void scheme_invalid(void)
{
	server_at(SERVER_SEND_CERTIFICATE_VERIFY);
	puppet_message(&server, &client.in, MESSAGE_CERTIFICATE_VERIFY, BODY(4, 1, 0, 2, 1, 2));
}

static void certificate_empty(void)
{
	server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&server, &client.in, MESSAGE_CERTIFICATE, BODY(0, 0, 0, 0));
}

static void chain_too_long(void)
{
	uint8_t body[4 + 11 * 6] = { 0, 0, 0, 11 * 6 };

	for (size_t i = 0; i < 11; i++)
		body[4 + i * 6 + 2] = 1;
	server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&server, &client.in, MESSAGE_CERTIFICATE, body, sizeof(body));
}

static void certificate_context(void)
{
	server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&server, &client.in, MESSAGE_CERTIFICATE,
		       BODY(1, 9, 0, 0, 6, 0, 0, 1, 9, 0, 0));
}

static void request_context(void)
{
	server_at(SERVER_SEND_CERTIFICATE);
	puppet_message(&server, &client.in, MESSAGE_CERTIFICATE_REQUEST,
		       BODY(1, 9, 0, 8, 0, SCHEMES, 0, 4, 0, 2, 4, 3));
}

static void chain_refused(void)
{
	client.verdict = -KTLS_R_CERTIFICATE_UNKNOWN_CA;
	hello();
	puppet_until(&server, &client.in, SERVER_RECV_FINISHED);
}

/* ---- the peer's word, and ourselves -------------------------------------------------- */

static void peer_alert(void)
{
	hello();
	TO_CLIENT(ALERT, 3, 3, 0, 2, 2, 40);
}

static void peer_alert_warning(void)
{
	hello();
	TO_CLIENT(ALERT, 3, 3, 0, 2, 1, 112);
}

static void peer_alert_protected(void)
{
	before_client_finished();
	puppet_record(&client, &server.in, ALERT, "\x02\x2a", 2);
}

static void peer_alert_without_keys(void)
{
	hello();
	puppet_until(&server, &client.in, SERVER_RECV_FINISHED);
	TO_SERVER(ALERT, 3, 3, 0, 2, 2, 50);
}

static void peer_close_notify(void)
{
	before_client_finished();
	puppet_record(&client, &server.in, ALERT, "\x01\x5a", 2); /* user_canceled announces it */
	puppet_record(&client, &server.in, ALERT, "\x01\x00", 2);
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
	server.ops.sign = no_signature;
	hello();
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

	client.ops.borrow = no_buffer;
	server_at(SERVER_SEND_CERTIFICATE);
	puppet_record(&server, &client.in, HANDSHAKE, part, sizeof(part));
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
	server.ops.generate = nonsense;
	hello();
}

/* ---- the table ----------------------------------------------------------------------- */

enum victim { CLIENT, SERVER };

/* clang-format off */
static const struct scenario {
	const char *name;
	enum victim victim;
	enum ktls_reason reason;
	void (*provoke)(void);
} scenarios[] = {
#define ROW(victim, reason, provoke)                       \
	{                                                  \
#provoke, victim, KTLS_R_##reason, provoke \
	}
	ROW(SERVER, NOT_TLS, not_tls),
	ROW(CLIENT, NOT_TLS, not_tls_client),
	ROW(SERVER, RECORD_TYPE, record_type),
	ROW(SERVER, RECORD_TYPE, record_inner_type),
	ROW(SERVER, RECORD_TOO_LONG, record_too_long),
	ROW(SERVER, RECORD_TOO_LONG, record_protected_too_long),
	ROW(SERVER, RECORD_TOO_LONG, record_inner_too_long),
	ROW(SERVER, RECORD_EMPTY, record_empty),
	ROW(SERVER, RECORD_EMPTY, record_empty_protected),
	ROW(SERVER, RECORD_EMPTY, record_empty_alert),
	ROW(SERVER, RECORD_MAC, record_mac),
	ROW(SERVER, RECORD_MAC, record_mac_short),
	ROW(SERVER, RECORD_NO_TYPE, record_no_type),
	ROW(SERVER, RECORD_PLAINTEXT, record_plaintext),
	ROW(CLIENT, RECORD_PLAINTEXT, record_plaintext_alert),
	ROW(SERVER, CHANGE_CIPHER_SPEC, ccs_first),
	ROW(SERVER, CHANGE_CIPHER_SPEC, ccs_value),
	ROW(SERVER, CHANGE_CIPHER_SPEC, ccs_length),
	ROW(SERVER, CHANGE_CIPHER_SPEC, ccs_protected),
	ROW(SERVER, MESSAGE_UNEXPECTED, message_unexpected),
	ROW(SERVER, MESSAGE_UNEXPECTED, message_unexpected_hello),
	ROW(CLIENT, RECORD_MAC, message_skipped),
	ROW(SERVER, CHANGE_CIPHER_SPEC, ccs_in_first_hello),
	ROW(SERVER, MESSAGE_INTERLEAVED, message_interleaved_protected),
	ROW(SERVER, MESSAGE_INTERLEAVED, message_interleaved_ccs),
	ROW(SERVER, MESSAGE_SPANS_KEY_CHANGE, spans_hello),
	ROW(CLIENT, MESSAGE_SPANS_KEY_CHANGE, spans_server_hello),
	ROW(SERVER, MESSAGE_TOO_LONG, message_too_long),
	ROW(CLIENT, MESSAGE_TOO_LONG, message_too_long_certificate),
	ROW(SERVER, MESSAGE_MALFORMED, malformed_hello),
	ROW(SERVER, MESSAGE_MALFORMED, malformed_trailing),
	ROW(SERVER, MESSAGE_MALFORMED, malformed_finished),
	ROW(SERVER, MESSAGE_MALFORMED, malformed_extension_trailing),
	ROW(CLIENT, MESSAGE_MALFORMED, malformed_encrypted_extensions),
	ROW(CLIENT, MESSAGE_MALFORMED, malformed_certificate),
	ROW(CLIENT, MESSAGE_MALFORMED, malformed_certificate_trailing),
	ROW(CLIENT, MESSAGE_MALFORMED, malformed_certificate_verify),
	ROW(SERVER, EARLY_DATA_TOO_LONG, early_data_too_long),
	ROW(SERVER, APPLICATION_DATA, application_data),
	ROW(CLIENT, APPLICATION_DATA, application_data_plain),
	ROW(SERVER, ALERT_MALFORMED, alert_malformed),
	ROW(SERVER, VERSION_UNSUPPORTED, version_unsupported),
	ROW(SERVER, VERSION_UNSUPPORTED, version_extension_missing),
	ROW(SERVER, VERSION_UNSUPPORTED, version_no_extensions),
	ROW(CLIENT, VERSION_UNSUPPORTED, version_server),
	ROW(CLIENT, VERSION_INVALID, version_invalid),
	ROW(CLIENT, DOWNGRADE, downgrade),
	ROW(CLIENT, DOWNGRADE, downgrade_below),
	ROW(SERVER, LEGACY_VERSION, legacy_version),
	ROW(CLIENT, LEGACY_VERSION, legacy_version_server),
	ROW(SERVER, SUITES_NONE_SHARED, suites_none_shared),
	ROW(SERVER, GROUPS_NONE_SHARED, groups_none_shared),
	ROW(SERVER, SCHEMES_NONE_SHARED, schemes_none_shared),
	ROW(SERVER, COMPRESSION, compression),
	ROW(CLIENT, COMPRESSION, compression_server),
	ROW(SERVER, EXTENSION_DUPLICATE, extension_duplicate),
	ROW(SERVER, EXTENSION_DUPLICATE, extension_duplicate_unknown),
	ROW(SERVER, EXTENSION_MISSING, missing_key_share),
	ROW(SERVER, EXTENSION_MISSING, missing_groups),
	ROW(SERVER, EXTENSION_MISSING, missing_schemes),
	ROW(SERVER, EXTENSION_MISSING, missing_psk_modes),
	ROW(CLIENT, EXTENSION_MISSING, missing_server_key_share),
	ROW(CLIENT, EXTENSION_MISSING, missing_schemes_in_request),
	ROW(SERVER, EXTENSION_MISPLACED, psk_not_last),
	ROW(SERVER, EXTENSION_INVALID, psk_binders),
	ROW(CLIENT, EXTENSION_UNSOLICITED, unsolicited_known),
	ROW(CLIENT, EXTENSION_UNSOLICITED, unsolicited_unknown),
	ROW(CLIENT, EXTENSION_UNSOLICITED, unsolicited_name),
	ROW(CLIENT, EXTENSION_UNSOLICITED, unsolicited_in_certificate),
	ROW(CLIENT, EXTENSION_MISPLACED, misplaced_in_server_hello),
	ROW(CLIENT, EXTENSION_MISPLACED, misplaced_in_encrypted_extensions),
	ROW(SERVER, EXTENSION_INVALID, invalid_cookie),
	ROW(SERVER, EXTENSION_INVALID, invalid_name),
	ROW(SERVER, EXTENSION_INVALID, invalid_name_type),
	ROW(SERVER, KEY_SHARE_INVALID, key_share_length),
	ROW(SERVER, KEY_SHARE_INVALID, key_share_zero),
	ROW(SERVER, KEY_SHARE_INVALID, key_share_off_curve),
	ROW(CLIENT, KEY_SHARE_INVALID, key_share_server_length),
	ROW(CLIENT, KEY_SHARE_INVALID, key_share_server_zero),
	ROW(SERVER, KEY_SHARE_MISMATCH, key_share_twice),
	ROW(SERVER, KEY_SHARE_MISMATCH, key_share_not_offered),
	ROW(CLIENT, KEY_SHARE_MISMATCH, key_share_server_group),
	ROW(SERVER, SERVER_NAME_UNKNOWN, server_name_unknown),
	ROW(SERVER, ALPN_NONE_SHARED, alpn_none_shared),
	ROW(CLIENT, ALPN_INVALID, alpn_invalid),
	ROW(CLIENT, SUITE_INVALID, suite_invalid),
	ROW(CLIENT, SESSION_ID_ECHO, session_id_echo),
	ROW(CLIENT, RETRY_REPEATED, retry_repeated),
	ROW(CLIENT, RETRY_NO_CHANGE, retry_no_change),
	ROW(CLIENT, RETRY_NO_CHANGE, retry_same_group),
	ROW(CLIENT, KEY_SHARE_MISMATCH, retry_group_not_offered),
	ROW(CLIENT, RETRY_MISMATCH, retry_other_suite),
	ROW(SERVER, RETRY_MISMATCH, retry_hello_changed),
	ROW(SERVER, RETRY_MISMATCH, retry_random_changed),
	ROW(SERVER, RETRY_MISMATCH, retry_other_share),
	ROW(SERVER, EXTENSION_INVALID, retry_early_data),
	ROW(SERVER, FINISHED_MISMATCH, finished_mismatch_client),
	ROW(CLIENT, FINISHED_MISMATCH, finished_mismatch_server),
	ROW(CLIENT, SIGNATURE_BAD, signature_bad),
	ROW(CLIENT, SCHEME_INVALID, scheme_invalid),
	ROW(CLIENT, CERTIFICATE_EMPTY, certificate_empty),
	ROW(CLIENT, CHAIN_TOO_LONG, chain_too_long),
	ROW(CLIENT, REQUEST_CONTEXT, certificate_context),
	ROW(CLIENT, REQUEST_CONTEXT, request_context),
	ROW(CLIENT, CERTIFICATE_UNKNOWN_CA, chain_refused),
	ROW(CLIENT, PEER_ALERT, peer_alert),
	ROW(CLIENT, PEER_ALERT, peer_alert_warning),
	ROW(SERVER, PEER_ALERT, peer_alert_protected),
	ROW(SERVER, PEER_ALERT, peer_alert_without_keys),
	ROW(SERVER, PEER_CLOSE_NOTIFY, peer_close_notify),
	ROW(SERVER, SIGNER, signer),
	ROW(CLIENT, NO_MEMORY, no_memory),
	ROW(SERVER, INTERNAL, internal),
#undef ROW
};
/* clang-format on */

#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

/* Reasons below 100 that are not the engine's to find: lib/x509 tests them; client authentication.
 */
static bool elsewhere(enum ktls_reason reason)
{
	return (reason >= 60 && reason < 80) || reason == KTLS_R_CERTIFICATE_REQUIRED ||
	       reason == KTLS_R_MISUSE;
}

static void expect_failure(const struct scenario *s)
{
	struct engine_end *victim = s->victim == CLIENT ? &client : &server;
	struct engine_end *peer = s->victim == CLIENT ? &server : &client;
	const struct ktls_engine_facts *facts = ktls_engine_facts(&victim->engine);
	const struct reason *row = reason_find((int)s->reason);
	size_t sent = peer->in.len;

	engine_end_step(victim, &peer->in);
	if (victim->state != KTLS_ENGINE_FAILED || facts->reason != s->reason)
		TH_LOG("scenario %s:", s->name);
	EXPECT_EQ(KTLS_ENGINE_FAILED, victim->state);
	EXPECT_STREQ(row->name, reason_find((int)facts->reason)->name);
	if (row->alert != KTLS_ALERT_NONE) {
		EXPECT_EQ((int)row->alert, facts->alert);
		EXPECT_GT(peer->in.len, sent);
	} else {
		EXPECT_EQ(sent, peer->in.len);
	}
	EXPECT_EQ(0, victim->borrowed);
}

/* Each scenario in fresh engines; one test, since a scenario takes microseconds. */
TEST(each_reason_is_reached)
{
	ASSERT_EQ(0, crypto_init());
	for (size_t i = 0; i < SCENARIOS; i++) {
		engines_init(&client, &server);
		ASSERT_EQ(0, engines_start(&client, &server));
		scenarios[i].provoke();
		expect_failure(&scenarios[i]);
		engines_wipe(&client, &server);
	}
}

static bool has_scenario(enum ktls_reason reason)
{
	for (size_t i = 0; i < SCENARIOS; i++)
		if (scenarios[i].reason == reason)
			return true;
	return false;
}

TEST(each_reason_has_a_row_an_alert_and_a_scenario)
{
	const struct reason *row;

	for (size_t i = 0; (row = reason_row(i)); i++) {
		EXPECT_NE('\0', row->text[0]);
		EXPECT_NE('\0', row->section[0]);
		EXPECT_STRNE("unknown alert", alert_name(row->alert));
		for (size_t k = 0; k < i; k++)
			EXPECT_NE(row->number, reason_row(k)->number);
		if (row->number < 100 && !elsewhere(row->number) && !has_scenario(row->number))
			TH_LOG("no scenario for %s", row->name);
		EXPECT_TRUE(row->number >= 100 || elsewhere(row->number) ||
			    has_scenario(row->number));
	}
}

TEST_HARNESS_MAIN
