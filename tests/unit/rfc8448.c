/* SPDX-License-Identifier: MIT */
/*
 * The traces of RFC 8448 through the engine: what the other side sent goes in, and what comes out
 * must be the trace's records and keys, byte by byte. Where our own hello would differ (extensions
 * in another order), the trace's takes its place in the transcript.
 */
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "tests/unit/rfc8448.h"

static X509 *leaf;
static uint16_t client_scheme; /* that the server saw */

static int keep_leaf(void *arg, const struct ktls_span *certs, size_t certs_len)
{
	const unsigned char *p = certs[0].bytes;

	(void)arg;
	(void)certs_len;
	leaf = d2i_X509(NULL, &p, (long)certs[0].len);
	return leaf ? 0 : -KTLS_R_CERTIFICATE_MALFORMED;
}

/* The traces' RSA keys are too short for lib/x509's taste. */
static int verify_by_leaf(void *arg, uint16_t scheme, const uint8_t *content, size_t content_len,
			  const uint8_t *signature, size_t signature_len)
{
	const bool pss = scheme == KTLS_SCHEME_RSA_PSS_RSAE_SHA256;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pkey_ctx;
	bool ok;

	(void)arg;
	ok = (pss || scheme == KTLS_SCHEME_ECDSA_SECP256R1_SHA256) &&
	     EVP_DigestVerifyInit(ctx, &pkey_ctx, EVP_sha256(), NULL, X509_get0_pubkey(leaf)) ==
		     1 &&
	     (!pss || (EVP_PKEY_CTX_set_rsa_padding(pkey_ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey_ctx, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
	     EVP_DigestVerify(ctx, signature, signature_len, content, content_len) == 1;
	EVP_MD_CTX_free(ctx);
	X509_free(leaf);
	return ok ? 0 : -KTLS_R_SIGNATURE_BAD;
}

/* The client's certificate as its message has it: one, without extensions. */
static int choose_trace(void *arg, const struct ktls_engine_hello *hello,
			struct ktls_engine_choice *choice)
{
	static struct bytes message;
	static struct ktls_span chain;

	(void)arg;
	(void)hello;
	message = trace("client_certificate");
	chain = (struct ktls_span){ message.at + 4 + 1 + 3 + 3, message.len - 4 - 1 - 3 - 3 - 2 };
	*choice = (struct ktls_engine_choice){ .scheme = KTLS_SCHEME_RSA_PSS_RSAE_SHA256,
					       .chain = &chain,
					       .chain_len = 1 };
	return 0;
}

/* PSS is random: the signature is the trace's. The server's test finds it good. */
static int sign_trace(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
		      size_t *signature_len)
{
	struct bytes message = trace("client_certificate_verify");

	(void)arg;
	(void)request;
	*signature_len = message.len - 4 - 2 - 2;
	memcpy(signature, message.at + 4 + 2 + 2, *signature_len);
	return 0;
}

static bool set_up(const char *name)
{
	if (!start_section(name))
		return false;
	client.ops.verify_chain = keep_leaf;
	client.ops.verify_signature = verify_by_leaf;
	server.ops.verify_chain = keep_leaf;
	server.ops.verify_signature = verify_by_leaf;
	return true;
}

static void client_ends_as_the_trace(const char *last_record)
{
	feed(&client, "server_hello_record");
	feed(&client, "server_flight_record");
	server.in.len = 0;
	engine_end_step(&client, &server.in);
	ASSERT_EQ(KTLS_ENGINE_DONE, client.state);
	expect_bytes(last_record, server.in.bytes, server.in.len);
	expect_keys(&client);
	EXPECT_EQ(0, client.in.len);
	engines_wipe(&client, &server);
}

TEST(simple_1rtt_client)
{
	if (!set_up("simple_1rtt"))
		SKIP(return, "no vectors: set KTLS_VECTORS to the folder of rfc8448.txt");
	ASSERT_EQ(0, engines_start(&client, &server));
	private_key = "client_x25519_private";
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO);
	transcript_init(&engine_of(&client.engine)->transcript);
	pretend_hello("client_hello");
	client_ends_as_the_trace("client_finished_record");
}

/* The compatibility mode differs by a session id and change_cipher_spec records. */
TEST(compatibility_mode_client)
{
	struct bytes hello;
	struct engine *e = engine_of(&client.engine);

	if (!set_up("compatibility_mode"))
		SKIP(return, "no vectors: set KTLS_VECTORS to the folder of rfc8448.txt");
	ASSERT_EQ(0, engines_start(&client, &server));
	private_key = "client_x25519_private";
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO);
	transcript_init(&e->transcript);
	pretend_hello("client_hello");
	hello = trace("client_hello");
	e->session_id_len = 32;
	memcpy(e->session_id, hello.at + 4 + 2 + 32 + 1, 32);
	feed(&client, "server_hello_record");
	engine_end_feed(&client, "\x14\x03\x03\x00\x01\x01", 6);
	feed(&client, "server_flight_record");
	engine_end_step(&client, &server.in);
	ASSERT_EQ(KTLS_ENGINE_DONE, client.state);
	expect_keys(&client);
	engines_wipe(&client, &server);
}

TEST(client_authentication_client)
{
	if (!set_up("client_auth"))
		SKIP(return, "no vectors: set KTLS_VECTORS to the folder of rfc8448.txt");
	client.ops.choose = choose_trace;
	client.ops.sign = sign_trace;
	ASSERT_EQ(0, engines_start(&client, &server));
	private_key = "client_x25519_private";
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO);
	transcript_init(&engine_of(&client.engine)->transcript);
	pretend_hello("client_hello");
	client_ends_as_the_trace("client_flight_record");
}

TEST(hello_retry_request_client)
{
	struct engine *e = engine_of(&client.engine);
	struct transcript retried;

	if (!set_up("hello_retry_request"))
		SKIP(return, "no vectors: set KTLS_VECTORS to the folder of rfc8448.txt");
	ASSERT_EQ(0, engines_start(&client, &server));
	private_key = "client_x25519_private";
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO);
	transcript_init(&e->transcript);
	pretend_hello("client_hello_1");
	private_key = "client_p256_private";
	feed(&client, "hello_retry_request_record");
	puppet_until(&client, &server.in, CLIENT_SEND_HELLO_AGAIN);
	retried = e->transcript;
	puppet_until(&client, &server.in, CLIENT_RECV_SERVER_HELLO_AGAIN);
	EXPECT_EQ(KTLS_GROUP_SECP256R1, e->group->number);
	e->transcript = retried;
	pretend_hello("client_hello_2");
	client_ends_as_the_trace("client_finished_record");
}

TEST(hello_retry_request_server_asks_for_it)
{
	static const uint16_t p256 = KTLS_GROUP_SECP256R1;

	if (!set_up("hello_retry_request"))
		SKIP(return, "no vectors: set KTLS_VECTORS to the folder of rfc8448.txt");
	server.config.groups = &p256;
	server.config.groups_len = 1;
	ASSERT_EQ(0, engines_start(&client, &server));
	feed(&server, "client_hello_1_record");
	puppet_until(&server, &client.in, SERVER_SEND_RETRY);
	engines_wipe(&client, &server);
}

/* Sends the trace's flight through our record layer, after checking that our Finished is the
 * trace's. */
static void server_sends_the_flight(void)
{
	struct engine *e = engine_of(&server.engine);
	uint8_t finished[HASH_MAX];
	struct bytes flight = trace("server_flight"), last = trace("server_finished");
	uint8_t hash[HASH_MAX];

	transcript_add(&e->transcript, flight.at, flight.len - last.len);
	transcript_hash(&e->transcript, hash);
	schedule_finished(&e->schedule, &e->schedule.tx, hash, finished);
	expect_bytes("server_verify_data", finished, 32);
	transcript_add(&e->transcript, last.at, last.len);
	client.in.len = 0;
	puppet_record(&server, &client.in, 22, flight.at, flight.len);
	expect_bytes("server_flight_record", client.in.bytes, client.in.len);
}

/* From the ClientHello to the keys, which the server's hello of the trace leads to. */
static void server_answers(const char *hello_record)
{
	struct engine *e = engine_of(&server.engine);

	if (hello_record)
		feed(&server, hello_record);
	puppet_until(&server, &client.in, SERVER_SEND_HELLO);
	EXPECT_STREQ("server", e->facts.server_name);
	expect_bytes("ecdhe_shared_secret", e->schedule.shared, 32);
	add_to_transcript(&server, "server_hello");
	e->state = SERVER_HANDSHAKE_KEYS;
	puppet_until(&server, &client.in, SERVER_SEND_EXTENSIONS);
	expect_bytes("client_handshake_traffic_secret", e->schedule.rx.secret, 32);
	expect_bytes("server_handshake_traffic_secret", e->schedule.tx.secret, 32);
	expect_bytes("client_handshake_key", e->schedule.rx.key, 16);
	expect_bytes("server_handshake_iv", e->schedule.tx.iv, 12);
	server_sends_the_flight();
	e->state = SERVER_APPLICATION_KEYS;
}

static void server_ends_as_the_trace(const char *last_record)
{
	feed(&server, last_record);
	engine_end_step(&server, &client.in);
	ASSERT_EQ(KTLS_ENGINE_DONE, server.state);
	expect_keys(&server);
	client_scheme = ktls_engine_facts(&server.engine)->client_scheme;
	engines_wipe(&client, &server);
}

TEST(simple_1rtt_server)
{
	if (!set_up("simple_1rtt"))
		SKIP(return, "no vectors: set KTLS_VECTORS to the folder of rfc8448.txt");
	ASSERT_EQ(0, engines_start(&client, &server));
	private_key = "server_x25519_private";
	server_answers("client_hello_record");
	server_ends_as_the_trace("client_finished_record");
}

TEST(compatibility_mode_server)
{
	if (!set_up("compatibility_mode"))
		SKIP(return, "no vectors: set KTLS_VECTORS to the folder of rfc8448.txt");
	ASSERT_EQ(0, engines_start(&client, &server));
	private_key = "server_x25519_private";
	server_answers("client_hello_record");
	engine_end_feed(&server, "\x14\x03\x03\x00\x01\x01", 6);
	server_ends_as_the_trace("client_finished_record");
}

/*
 * The trace's server sends a cookie. Ours does not, and refuses one: so the second hello is put
 * where it would be, rather than read.
 */
TEST(hello_retry_request_server)
{
	static const uint16_t p256 = KTLS_GROUP_SECP256R1;
	struct engine *e = engine_of(&server.engine);
	struct bytes share;

	if (!set_up("hello_retry_request"))
		SKIP(return, "no vectors: set KTLS_VECTORS to the folder of rfc8448.txt");
	server.config.groups = &p256;
	server.config.groups_len = 1;
	ASSERT_EQ(0, engines_start(&client, &server));
	feed(&server, "client_hello_1_record");
	puppet_until(&server, &client.in, SERVER_SEND_RETRY);
	transcript_select(&e->transcript, HASH_SHA256);
	transcript_retry(&e->transcript);
	add_to_transcript(&server, "hello_retry_request");
	add_to_transcript(&server, "client_hello_2");
	share = trace("client_p256_public");
	memcpy(e->peer_share, share.at, share.len);
	e->peer_share_len = share.len;
	e->group = group_find(p256);
	e->state = SERVER_GENERATE;
	private_key = "server_p256_private";
	server_answers(NULL);
	server_ends_as_the_trace("client_finished_record");
}

TEST(client_authentication_server)
{
	if (!set_up("client_auth"))
		SKIP(return, "no vectors: set KTLS_VECTORS to the folder of rfc8448.txt");
	server.config.client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	ASSERT_EQ(0, engines_start(&client, &server));
	private_key = "server_x25519_private";
	server_answers("client_hello_record");
	server_ends_as_the_trace("client_flight_record");
	EXPECT_EQ(KTLS_SCHEME_RSA_PSS_RSAE_SHA256, client_scheme);
}

TEST(constants_of_the_schedule)
{
	static const uint8_t zeros[HASH_MAX];
	static const struct {
		enum hash_alg alg;
		uint16_t suite;
	} cases[] = { { HASH_SHA256, KTLS_AES_128_GCM_SHA256 },
		      { HASH_SHA384, KTLS_AES_256_GCM_SHA384 } };

	ASSERT_EQ(0, crypto_init());
	for (size_t i = 0; i < 2; i++) {
		enum hash_alg alg = cases[i].alg;
		struct schedule s = { .suite = suite_find(cases[i].suite) };
		uint8_t early[HASH_MAX], empty[HASH_MAX], derived[HASH_MAX], secret[HASH_MAX];
		uint8_t expected[HASH_MAX];

		hkdf_extract(alg, NULL, 0, zeros, hash_size(alg), early);
		hash_bytes(alg, NULL, 0, empty);
		schedule_expand_label(alg, early, "derived", empty, hash_size(alg), derived,
				      hash_size(alg));
		hkdf_extract(alg, derived, hash_size(alg), zeros, KTLS_ENGINE_SHARED_MAX, secret);
		schedule_expand_label(alg, secret, "c hs traffic", zeros, hash_size(alg), expected,
				      hash_size(alg));
		ASSERT_EQ(0, schedule_handshake(&s, KTLS_CLIENT, zeros));
		EXPECT_MEMEQ(expected, s.tx.secret, hash_size(alg));
		/* The order of stages is guarded, and so is repetition. */
		EXPECT_LT(schedule_handshake(&s, KTLS_CLIENT, zeros), 0);
		EXPECT_LT(schedule_switch_tx(&s, KTLS_CLIENT), 0);
		ASSERT_EQ(0, schedule_application(&s, zeros));
		EXPECT_LT(schedule_application(&s, zeros), 0);
		ASSERT_EQ(0, schedule_switch_tx(&s, KTLS_CLIENT));
		EXPECT_LT(schedule_switch_tx(&s, KTLS_CLIENT), 0);
		ASSERT_EQ(0, schedule_resumption(&s, zeros));
		EXPECT_LT(schedule_resumption(&s, zeros), 0);
		ASSERT_EQ(0, schedule_switch_rx(&s, KTLS_CLIENT));
		EXPECT_MEMEQ(zeros, s.secret, sizeof(s.secret));
		EXPECT_MEMEQ(zeros, s.shared, sizeof(s.shared));
	}
}

TEST_HARNESS_MAIN
