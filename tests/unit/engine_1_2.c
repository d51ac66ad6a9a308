/* SPDX-License-Identifier: MIT */
/*
 * TLS 1.2's other ways: RSA key exchange, client certificates, and HelloRequests in a
 * handshake; whole handshakes with make-believe certificates.
 */
#include <string.h>

#include "lib/crypto/prf.h"
#include "lib/crypto/util.h"
#include "tests/harness/harness.h"
#include "tests/harness/later.h"
#include "tests/harness/puppet.h"

static struct engine_end client, server;

FIXTURE(tls12)
{
	int unused;
};

FIXTURE_VARIANT(tls12)
{
	uint16_t suite;
	enum ktls_engine_client_auth auth;
	bool later; /* operations are put off */
};

/* clang-format off */
#define VARIANT(name, suite, auth, later) \
	FIXTURE_VARIANT_ADD(tls12, name) { suite, auth, later }
/* clang-format on */
VARIANT(ecdhe_request, KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, KTLS_ENGINE_REQUEST_CLIENT_AUTH, false);
VARIANT(ecdhe_require_384, KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384, KTLS_ENGINE_REQUIRE_CLIENT_AUTH,
	true);
VARIANT(rsa, KTLS_RSA_AES_128_GCM_SHA256, KTLS_ENGINE_NO_CLIENT_AUTH, false);
VARIANT(rsa_later, KTLS_RSA_AES_256_GCM_SHA384, KTLS_ENGINE_NO_CLIENT_AUTH, true);
VARIANT(rsa_require, KTLS_RSA_AES_128_GCM_SHA256, KTLS_ENGINE_REQUIRE_CLIENT_AUTH, false);

/* "Encryption" that anybody can undo. */
static int encrypt(void *arg, const uint8_t *plain, size_t len, uint8_t *out, size_t *out_len)
{
	(void)arg;
	EXPECT_EQ(48, len);
	EXPECT_EQ(3, plain[0]);
	EXPECT_EQ(3, plain[1]);
	for (size_t i = 0; i < len; i++)
		out[i] = plain[i] ^ 0xff;
	*out_len = len;
	return 0;
}

static int decrypt(void *arg, const struct ktls_engine_decrypt *r, uint8_t *master)
{
	struct prf_master from = {
		.alg = r->prf == KTLS_ENGINE_PRF_SHA384 ? HASH_SHA384 : HASH_SHA256,
		.extended = r->extended,
		.session_hash = r->session_hash,
		.client_random = r->client_random,
		.server_random = r->server_random,
	};
	uint8_t plain[48];

	EXPECT_TRUE(r->credential == arg);
	EXPECT_EQ(0x0303, r->version);
	EXPECT_EQ(48, r->encrypted_len);
	for (size_t i = 0; i < 48; i++)
		plain[i] = r->encrypted[i] ^ 0xff;
	prf_master(&from, plain, sizeof(plain), master);
	return 0;
}

static bool is_rsa(const struct test_variant_tls12 *variant)
{
	return variant->suite < 0x100;
}

/* Without a scheme: the key decrypts. */
static int choose_encryption(void *arg, const struct ktls_engine_hello *hello,
			     struct ktls_engine_choice *choice)
{
	struct engine_end *end = arg;

	if (!hello->encryption)
		return -KTLS_R_SCHEMES_NONE_SHARED;
	EXPECT_EQ(0, hello->schemes_len);
	*choice = (struct ktls_engine_choice){ .credential = end,
					       .chain = end->chain,
					       .chain_len = end->chain_len };
	return 0;
}

static int accept_chain(void *arg, const struct ktls_span *certs, size_t certs_len)
{
	(void)arg;
	(void)certs;
	EXPECT_EQ(1, certs_len);
	return 0;
}

FIXTURE_SETUP(tls12)
{
	(void)self;
	ASSERT_EQ(0, crypto_init());
	engines_init(&client, &server);
	client.config.version_min = server.config.version_min = KTLS_TLS_1_2;
	server.config.version_max = KTLS_TLS_1_2;
	client.config.suites = server.config.suites = &variant->suite;
	client.config.suites_len = server.config.suites_len = 1;
	client.config.version_max = KTLS_TLS_1_2;
	server.config.client_auth = variant->auth;
	client.chain[0] = server.chain[0];
	client.chain_len = 1;
	client.ops.verify_chain = server.ops.verify_chain = accept_chain;
	client.ops.encrypt = encrypt;
	server.ops.decrypt_master = decrypt;
	if (is_rsa(variant))
		server.ops.choose = choose_encryption;
	if (variant->later) {
		engine_end_put_off(&client);
		engine_end_put_off(&server);
	}
}

FIXTURE_TEARDOWN(tls12)
{
	(void)self;
	(void)variant;
	engines_wipe(&client, &server);
	EXPECT_EQ(0, client.borrowed);
	EXPECT_EQ(0, server.borrowed);
}

static void expect_done(const struct test_variant_tls12 *variant)
{
	struct ktls_traffic_key ct, cr, st, sr;

	ASSERT_EQ(0, ktls_engine_keys(&client.engine, &ct, &cr));
	ASSERT_EQ(0, ktls_engine_keys(&server.engine, &st, &sr));
	EXPECT_MEMEQ(&ct, &sr, sizeof(ct));
	EXPECT_MEMEQ(&cr, &st, sizeof(ct));
	EXPECT_EQ(variant->suite, ktls_engine_facts(&server.engine)->suite);
	EXPECT_EQ(is_rsa(variant) ? 0 : KTLS_GROUP_X25519,
		  ktls_engine_facts(&client.engine)->group);
	EXPECT_EQ(is_rsa(variant) ? 0 : KTLS_GROUP_X25519,
		  ktls_engine_facts(&server.engine)->group);
}

static void expect_proof(const struct test_variant_tls12 *variant)
{
	bool wanted = variant->auth != KTLS_ENGINE_NO_CLIENT_AUTH;

	EXPECT_EQ(wanted, ktls_engine_facts(&server.engine)->client_scheme != 0);
	EXPECT_EQ(wanted, ktls_engine_facts(&client.engine)->client_scheme != 0);
}

TEST_F(tls12, agree)
{
	(void)self;
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_TRUE(engines_run(&client, &server));
	expect_done(variant);
	expect_proof(variant);
}

TEST_F(tls12, input_in_pieces)
{
	(void)self;
	client.chunk = server.chunk = 7;
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_TRUE(engines_run(&client, &server));
	expect_done(variant);
}

/* A client without a certificate says so. */
TEST_F(tls12, no_certificate)
{
	bool refused = variant->auth == KTLS_ENGINE_REQUIRE_CLIENT_AUTH;

	(void)self;
	client.ops.choose = NULL;
	ASSERT_EQ(0, engines_start(&client, &server));
	EXPECT_EQ(!refused, engines_run(&client, &server));
	EXPECT_EQ(refused ? KTLS_R_CERTIFICATE_REQUIRED_1_2 : KTLS_OK,
		  ktls_engine_facts(&server.engine)->reason);
	EXPECT_EQ(0, ktls_engine_facts(&server.engine)->client_scheme);
	EXPECT_EQ(0, server.borrowed);
}

/* HelloRequests are ignored and not part of the transcript (RFC 5246, 7.4.1.1). */
TEST_F(tls12, hello_requests_in_a_handshake)
{
	static const uint8_t request[4];

	(void)self;
	ASSERT_EQ(0, engines_start(&client, &server));
	engine_end_step(&client, &server.in);
	engine_end_step(&server, &client.in);
	for (int i = 0; i < 2; i++)
		puppet_record(&server, &client.in, 22, request, sizeof(request));
	if (!variant->later)
		ASSERT_TRUE(engines_run(&client, &server));
	else
		engines_run(&client, &server);
	if (client.state == KTLS_ENGINE_DONE)
		expect_done(variant);
}

TEST_HARNESS_MAIN
