/* SPDX-License-Identifier: MIT */
/* Our engine against libssl, in memory: both roles, every suite, group and kind of key. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "lib/crypto/util.h"
#include "lib/x509/x509.h"
#include "tests/harness/auth.h"
#include "tests/harness/harness.h"
#include "tests/harness/tickets.h"
#include "tests/interop/exchange.h"

static struct engine_end ours, unused;

FIXTURE(libssl)
{
	struct cert *ca, *intermediate, *leaf;
	struct auth auth;
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *to_ssl, *from_ssl;
};

FIXTURE_VARIANT(libssl)
{
	uint16_t version;
	const char *suite;
	const char *group;
	enum cert_key key;
	bool retry; /* libssl, as a client, sends a share that we do not take */
};

#define A128   "TLS_AES_128_GCM_SHA256"
#define A256   "TLS_AES_256_GCM_SHA384"
#define CHACHA "TLS_CHACHA20_POLY1305_SHA256"

FIXTURE_VARIANT_ADD(libssl, aes128_x25519_p256){ KTLS_TLS_1_3, A128, "X25519", CERT_P256, false };
FIXTURE_VARIANT_ADD(libssl, aes256_x25519_p256){ KTLS_TLS_1_3, A256, "X25519", CERT_P256, false };
FIXTURE_VARIANT_ADD(libssl, chacha_x25519_p256){ KTLS_TLS_1_3, CHACHA, "X25519", CERT_P256, false };
FIXTURE_VARIANT_ADD(libssl, aes128_secp256r1_p256){ KTLS_TLS_1_3, A128, "P-256", CERT_P256, false };
FIXTURE_VARIANT_ADD(libssl, aes256_secp256r1_p384){ KTLS_TLS_1_3, A256, "P-256", CERT_P384, false };
FIXTURE_VARIANT_ADD(libssl, chacha_secp256r1_ed25519){ KTLS_TLS_1_3, CHACHA, "P-256", CERT_ED25519,
						       false };
FIXTURE_VARIANT_ADD(libssl, aes128_x25519_p384){ KTLS_TLS_1_3, A128, "X25519", CERT_P384, false };
FIXTURE_VARIANT_ADD(libssl, aes128_x25519_ed25519){ KTLS_TLS_1_3, A128, "X25519", CERT_ED25519,
						    false };
FIXTURE_VARIANT_ADD(libssl, aes128_x25519_rsa2048){ KTLS_TLS_1_3, A128, "X25519", CERT_RSA2048,
						    false };
FIXTURE_VARIANT_ADD(libssl, aes256_x25519_rsa3072){ KTLS_TLS_1_3, A256, "X25519", CERT_RSA3072,
						    false };
FIXTURE_VARIANT_ADD(libssl, chacha_x25519_rsa4096){ KTLS_TLS_1_3, CHACHA, "X25519", CERT_RSA4096,
						    false };
FIXTURE_VARIANT_ADD(libssl, aes128_x25519_rsa_pss){ KTLS_TLS_1_3, A128, "X25519", CERT_RSA_PSS,
						    false };
FIXTURE_VARIANT_ADD(libssl, aes128_x25519_rsa_pss_sha384){ KTLS_TLS_1_3, A128, "X25519",
							   CERT_RSA_PSS_SHA384, false };
FIXTURE_VARIANT_ADD(libssl, retry_aes128){ KTLS_TLS_1_3, A128, "P-384:P-256", CERT_P256, true };
FIXTURE_VARIANT_ADD(libssl, retry_aes256){ KTLS_TLS_1_3, A256, "P-384:X25519", CERT_RSA2048, true };

/* TLS 1.2, the kind of key in the suite's name. */
FIXTURE_VARIANT_ADD(libssl, tls12_ecdsa_aes128_x25519){ KTLS_TLS_1_2,
							"ECDHE-ECDSA-AES128-GCM-SHA256",
							"X25519:P-256", CERT_P256, false };
FIXTURE_VARIANT_ADD(libssl, tls12_ecdsa_aes256_x25519){ KTLS_TLS_1_2,
							"ECDHE-ECDSA-AES256-GCM-SHA384",
							"X25519:P-256", CERT_P256, false };
FIXTURE_VARIANT_ADD(libssl, tls12_ecdsa_chacha_x25519){ KTLS_TLS_1_2,
							"ECDHE-ECDSA-CHACHA20-POLY1305",
							"X25519:P-256", CERT_P256, false };
FIXTURE_VARIANT_ADD(libssl, tls12_ecdsa_aes128_secp256r1){ KTLS_TLS_1_2,
							   "ECDHE-ECDSA-AES128-GCM-SHA256", "P-256",
							   CERT_P256, false };
FIXTURE_VARIANT_ADD(libssl, tls12_rsa_aes128_x25519){ KTLS_TLS_1_2, "ECDHE-RSA-AES128-GCM-SHA256",
						      "X25519", CERT_RSA2048, false };
FIXTURE_VARIANT_ADD(libssl, tls12_rsa_aes256_secp256r1){ KTLS_TLS_1_2,
							 "ECDHE-RSA-AES256-GCM-SHA384", "P-256",
							 CERT_RSA3072, false };
FIXTURE_VARIANT_ADD(libssl, tls12_rsa_pss_aes128_x25519){ KTLS_TLS_1_2,
							  "ECDHE-RSA-AES128-GCM-SHA256", "X25519",
							  CERT_RSA_PSS, false };
FIXTURE_VARIANT_ADD(libssl, tls12_rsa_chacha_x25519){ KTLS_TLS_1_2, "ECDHE-RSA-CHACHA20-POLY1305",
						      "X25519", CERT_RSA2048, false };
FIXTURE_VARIANT_ADD(libssl, tls12_ed25519_aes128_x25519){ KTLS_TLS_1_2,
							  "ECDHE-ECDSA-AES128-GCM-SHA256", "X25519",
							  CERT_ED25519, false };

FIXTURE_VARIANT_ADD(libssl, tls12_static_rsa_aes128){ KTLS_TLS_1_2, "AES128-GCM-SHA256", "P-256",
						      CERT_RSA2048, false };
FIXTURE_VARIANT_ADD(libssl, tls12_static_rsa_aes256){ KTLS_TLS_1_2, "AES256-GCM-SHA384", "P-256",
						      CERT_RSA2048, false };

static uint16_t suites_with_rsa[SUITES_MAX];

FIXTURE_SETUP(libssl)
{
	ASSERT_EQ(0, crypto_init());
	ASSERT_EQ(0, x509_init());
	self->ca = cert_ca(CERT_P256, "Interop CA");
	self->intermediate = cert_intermediate(CERT_P256, "Interop intermediate", self->ca);
	self->leaf = cert_new(&(struct cert_spec){ .key = variant->key,
						   .cn = "server",
						   .san = "DNS:server.example",
						   .key_usage = "digitalSignature,keyEncipherment",
						   .eku = "serverAuth" },
			      self->intermediate);
	self->ctx = SSL_CTX_new(TLS_method());
	ASSERT_EQ(1, SSL_CTX_set_min_proto_version(self->ctx, variant->version));
	ASSERT_EQ(1, SSL_CTX_set_max_proto_version(self->ctx, variant->version));
	if (variant->version == KTLS_TLS_1_3)
		ASSERT_EQ(1, SSL_CTX_set_ciphersuites(self->ctx, variant->suite));
	else
		ASSERT_EQ(1, SSL_CTX_set_cipher_list(self->ctx, variant->suite));
	ASSERT_EQ(1, SSL_CTX_set1_groups_list(self->ctx, variant->group));
	ASSERT_EQ(1, SSL_CTX_set_num_tickets(self->ctx, 0));
	engines_init(&ours, &unused);
	/* Both versions are ours, so that it is libssl who decides. */
	ours.config.version_min = KTLS_TLS_1_2;
	memcpy(suites_with_rsa, suites_all, sizeof(suites_all));
	suites_with_rsa[SUITES_ALL] = KTLS_RSA_AES_128_GCM_SHA256;
	suites_with_rsa[SUITES_ALL + 1] = KTLS_RSA_AES_256_GCM_SHA384;
	ours.config.suites = suites_with_rsa;
	ours.config.suites_len = SUITES_MAX;
	auth_attach(&self->auth, &ours);
}

FIXTURE_TEARDOWN(libssl)
{
	(void)variant;
	ktls_engine_wipe(&ours.engine);
	EXPECT_EQ(0, ours.borrowed);
	SSL_free(self->ssl);
	SSL_CTX_free(self->ctx);
	auth_wipe(&self->auth);
	cert_free(self->leaf);
	cert_free(self->intermediate);
	cert_free(self->ca);
}

static void start_ssl(struct test_self_libssl *self)
{
	self->ssl = SSL_new(self->ctx);
	self->to_ssl = BIO_new(BIO_s_mem());
	self->from_ssl = BIO_new(BIO_s_mem());
	SSL_set_bio(self->ssl, self->to_ssl, self->from_ssl);
}

/* Moves bytes between both until neither has more to say. */
static void converse(struct test_self_libssl *self)
{
	static struct engine_queue to_ssl;
	uint8_t buf[16384];
	bool moved;
	int n;

	do {
		moved = engine_end_step(&ours, &to_ssl);
		if (to_ssl.len > 0)
			ASSERT_EQ((int)to_ssl.len,
				  BIO_write(self->to_ssl, to_ssl.bytes, (int)to_ssl.len));
		to_ssl.len = 0;
		SSL_do_handshake(self->ssl);
		while ((n = BIO_read(self->from_ssl, buf, sizeof(buf))) > 0) {
			engine_end_feed(&ours, buf, (size_t)n);
			moved = true;
		}
	} while (moved);
	ERR_print_errors_fp(stderr);
}

static void expect_facts(struct test_self_libssl *self, uint16_t version, bool retried)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(&ours.engine);

	ASSERT_EQ(KTLS_ENGINE_DONE, ours.state);
	ASSERT_EQ(1, SSL_is_init_finished(self->ssl));
	EXPECT_EQ(version, facts->version);
	EXPECT_EQ((long)facts->suite,
		  (long)(SSL_CIPHER_get_id(SSL_get_current_cipher(self->ssl)) & 0xffff));
	EXPECT_EQ(retried, facts->retried);
	EXPECT_STREQ("server.example", facts->server_name);
	EXPECT_EQ(2, facts->alpn_len);
	EXPECT_MEMEQ("h2", facts->alpn, 2);
}

TEST_F(libssl, is_the_client)
{
	X509_STORE *store = SSL_CTX_get_cert_store(self->ctx);

	auth_add(&self->auth, self->leaf);
	ours.config.role = KTLS_SERVER;
	ours.config.alpn = (const uint8_t *)"\x02h3\x02h2";
	ours.config.alpn_len = 6;
	ASSERT_EQ(0, ktls_engine_init(&ours.engine, &ours.config, &ours));
	ASSERT_EQ(1, X509_STORE_add_cert(store, self->ca->x509));
	SSL_CTX_set_verify(self->ctx, SSL_VERIFY_PEER, NULL);
	start_ssl(self);
	ASSERT_EQ(1, SSL_set1_host(self->ssl, "server.example"));
	ASSERT_EQ(1, SSL_set_tlsext_host_name(self->ssl, "Server.Example"));
	ASSERT_EQ(0, SSL_set_alpn_protos(self->ssl, (const uint8_t *)"\x08http/1.1\x02h2", 12));
	SSL_set_connect_state(self->ssl);
	converse(self);
	expect_facts(self, variant->version, variant->retry);
	exchange_data(&ours, self->ssl);
}

static void use_leaf(struct test_self_libssl *self)
{
	ASSERT_EQ(1, SSL_CTX_use_certificate(self->ctx, self->leaf->x509));
	ASSERT_EQ(1, SSL_CTX_use_PrivateKey(self->ctx, self->leaf->pkey));
	ASSERT_EQ(1, SSL_CTX_add1_chain_cert(self->ctx, self->intermediate->x509));
}

/* Without exporters, which need what these peers lack (RFC 7627, 5.4). */
static void exchange_text(struct test_self_libssl *self)
{
	struct ktls_traffic_key tx, rx;

	ASSERT_EQ(0, ktls_engine_keys(&ours.engine, &tx, &rx));
	send_text(self->ssl, &tx);
	receive_text(self->ssl, &rx, false);
}

/* A peer that has never heard of extended master secrets (RFC 7627). */
TEST_F(libssl, has_no_extended_master_secret)
{
	if (variant->version != KTLS_TLS_1_2)
		return (void)EXPECT_EQ(KTLS_TLS_1_3, variant->version); /* which has none */
	auth_add(&self->auth, self->leaf);
	ours.config.role = KTLS_SERVER;
	for (int plain = 0; plain < 2; plain++) {
		ours.config.plain_master_secret = plain;
		ktls_engine_wipe(&ours.engine);
		ours.in.len = ours.calls = 0;
		ASSERT_EQ(0, ktls_engine_init(&ours.engine, &ours.config, &ours));
		SSL_CTX_set_options(self->ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
		SSL_free(self->ssl);
		start_ssl(self);
		SSL_set_connect_state(self->ssl);
		converse(self);
		ASSERT_EQ(plain ? KTLS_ENGINE_DONE : KTLS_ENGINE_FAILED, ours.state);
	}
	exchange_text(self);
}

TEST_F(libssl, knows_no_extended_master_secret_as_the_server)
{
	if (variant->version != KTLS_TLS_1_2)
		return (void)EXPECT_EQ(KTLS_TLS_1_3, variant->version); /* which has none */
	auth_trust(&self->auth, self->ca);
	self->auth.name = "server.example";
	ours.config.plain_master_secret = true;
	ASSERT_EQ(0, ktls_engine_init(&ours.engine, &ours.config, &ours));
	SSL_CTX_set_options(self->ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	use_leaf(self);
	start_ssl(self);
	SSL_set_accept_state(self->ssl);
	converse(self);
	ASSERT_EQ(KTLS_ENGINE_DONE, ours.state);
	exchange_text(self);
}

static int pick_h2(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in,
		   unsigned int in_len, void *arg)
{
	(void)ssl;
	(void)in;
	(void)in_len;
	(void)arg;
	*out = (const unsigned char *)"h2";
	*len = 2;
	return SSL_TLSEXT_ERR_OK;
}

TEST_F(libssl, is_the_server)
{
	auth_trust(&self->auth, self->ca);
	self->auth.name = "server.example";
	ours.config.server_name = "server.example";
	ours.config.alpn = (const uint8_t *)"\x02h2";
	ours.config.alpn_len = 3;
	ASSERT_EQ(0, ktls_engine_init(&ours.engine, &ours.config, &ours));
	use_leaf(self);
	SSL_CTX_set_alpn_select_cb(self->ctx, pick_h2, NULL);
	start_ssl(self);
	SSL_set_accept_state(self->ssl);
	converse(self);
	/* libssl takes our share of X25519 where it may, whatever it likes better. */
	expect_facts(self, variant->version,
		     variant->version == KTLS_TLS_1_3 && strstr(variant->group, "X25519") == NULL);
	exchange_data(&ours, self->ssl);
}

/* A server that asks for a certificate, and gets one or none. */
static void ask_for_a_certificate(struct test_self_libssl *self, int mode)
{
	auth_trust(&self->auth, self->ca);
	self->auth.name = "server.example";
	ASSERT_EQ(0, ktls_engine_init(&ours.engine, &ours.config, &ours));
	ASSERT_EQ(1, X509_STORE_add_cert(SSL_CTX_get_cert_store(self->ctx), self->ca->x509));
	use_leaf(self);
	SSL_CTX_set_verify(self->ctx, mode, NULL);
	start_ssl(self);
	SSL_set_accept_state(self->ssl);
	converse(self);
	ASSERT_EQ(KTLS_ENGINE_DONE, ours.state);
	ASSERT_EQ(1, SSL_is_init_finished(self->ssl));
	exchange_data(&ours, self->ssl);
}

/* We do not offer post_handshake_auth, so nobody may ask behind the handshake (RFC 9846, 4.7.2). */
TEST_F(libssl, cannot_ask_after_the_handshake)
{
	ask_for_a_certificate(self, SSL_VERIFY_PEER);
	EXPECT_EQ(0, SSL_verify_client_post_handshake(self->ssl));
	ERR_clear_error();
}

TEST_F(libssl, asks_for_a_certificate)
{
	ask_for_a_certificate(self, SSL_VERIFY_PEER);
}

TEST_F(libssl, requires_a_certificate)
{
	struct cert *mine;

	mine = cert_new(&(struct cert_spec){ .key = variant->key,
					     .cn = "client",
					     .key_usage = "digitalSignature",
					     .eku = "clientAuth" },
			self->intermediate);
	auth_add(&self->auth, mine);
	ask_for_a_certificate(self, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
	EXPECT_EQ(X509_V_OK, SSL_get_verify_result(self->ssl));
	EXPECT_NE(0, ktls_engine_facts(&ours.engine)->client_scheme);
	cert_free(mine);
}

TEST_F(libssl, shows_a_certificate)
{
	struct cert *theirs = cert_client(variant->key, "client", self->intermediate);

	auth_add(&self->auth, self->leaf);
	auth_trust(&self->auth, self->ca);
	ours.config.role = KTLS_SERVER;
	ours.config.client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	ASSERT_EQ(0, ktls_engine_init(&ours.engine, &ours.config, &ours));
	ASSERT_EQ(1, SSL_CTX_use_certificate(self->ctx, theirs->x509));
	ASSERT_EQ(1, SSL_CTX_use_PrivateKey(self->ctx, theirs->pkey));
	ASSERT_EQ(1, SSL_CTX_add1_chain_cert(self->ctx, self->intermediate->x509));
	start_ssl(self);
	SSL_set_connect_state(self->ssl);
	converse(self);
	ASSERT_EQ(KTLS_ENGINE_DONE, ours.state);
	EXPECT_NE(0, ktls_engine_facts(&ours.engine)->client_scheme);
	exchange_data(&ours, self->ssl);
	cert_free(theirs);
}

/* ---- resumption ------------------------------------------------------------------------------ */

static void expect_resumed(struct test_self_libssl *self, bool resumed)
{
	ASSERT_EQ(KTLS_ENGINE_DONE, ours.state);
	ASSERT_EQ(1, SSL_is_init_finished(self->ssl));
	EXPECT_EQ(resumed, ktls_engine_facts(&ours.engine)->resumed);
	EXPECT_EQ((int)resumed, SSL_session_reused(self->ssl));
	/* What libssl sends behind its Finished lies before our client. */
	if (ours.in.len > 0)
		tickets_collect(&ours);
	exchange_data(&ours, self->ssl);
}

/* A connection of ours as a server; libssl has a session, or none yet. */
static void serve(struct test_self_libssl *self, SSL_SESSION *session, bool resumed)
{
	ASSERT_EQ(0, ktls_engine_init(&ours.engine, &ours.config, &ours));
	start_ssl(self);
	ASSERT_EQ(1, SSL_set_tlsext_host_name(self->ssl, "server.example"));
	if (session)
		ASSERT_EQ(1, SSL_set_session(self->ssl, session));
	SSL_set_connect_state(self->ssl);
	converse(self);
	expect_resumed(self, resumed);
}

static void next_connection(struct test_self_libssl *self)
{
	ktls_engine_wipe(&ours.engine);
	ours.calls = 0;
	ours.in.len = 0;
	SSL_shutdown(self->ssl);
	SSL_free(self->ssl);
	self->ssl = NULL;
}

TEST_F(libssl, resumes_as_the_client)
{
	SSL_SESSION *session;

	auth_add(&self->auth, self->leaf);
	ours.config.role = KTLS_SERVER;
	tickets_attach(&unused, &ours);
	serve(self, NULL, false);
	session = SSL_get1_session(self->ssl);
	ASSERT_EQ(1, SSL_SESSION_has_ticket(session));
	for (int i = 0; i < 2; i++) {
		next_connection(self);
		serve(self, session, true);
	}
	tickets.none = true;
	next_connection(self);
	serve(self, session, false);
	SSL_SESSION_free(session);
}

static void ask(struct test_self_libssl *self, bool resumed)
{
	ASSERT_EQ(0, ktls_engine_init(&ours.engine, &ours.config, &ours));
	start_ssl(self);
	SSL_set_accept_state(self->ssl);
	converse(self);
	expect_resumed(self, resumed);
}

TEST_F(libssl, resumes_as_the_server)
{
	auth_trust(&self->auth, self->ca);
	self->auth.name = "server.example";
	ours.config.server_name = "server.example";
	tickets_attach(&ours, &unused);
	SSL_CTX_set_num_tickets(self->ctx, 1);
	use_leaf(self);
	ask(self, false);
	ASSERT_EQ(1u, tickets.kept);
	for (int i = 0; i < 2; i++) {
		next_connection(self);
		tickets_offer(&ours);
		ask(self, true);
	}
	SSL_CTX_set_options(self->ctx, SSL_OP_NO_TICKET);
	next_connection(self);
	tickets_offer(&ours);
	ask(self, false);
}

/*
 * psk_ke, where there is no group to exchange keys in: none of those that we send a share of, or
 * take, is libssl's any more.
 */
TEST_F(libssl, resumes_without_a_key_exchange)
{
	static const uint16_t x25519 = KTLS_GROUP_X25519;
	SSL_SESSION *session;

	if (variant->version == KTLS_TLS_1_2 || strstr(variant->group, "X25519") == NULL)
		return;
	auth_add(&self->auth, self->leaf);
	ours.config.role = KTLS_SERVER;
	ours.config.psk_ke = true;
	ours.config.groups = &x25519;
	ours.config.groups_len = 1;
	tickets_attach(&unused, &ours);
	SSL_CTX_set_options(self->ctx, SSL_OP_ALLOW_NO_DHE_KEX);
	serve(self, NULL, false);
	session = SSL_get1_session(self->ssl);
	next_connection(self);
	ASSERT_EQ(1, SSL_CTX_set1_groups_list(self->ctx, "P-256"));
	serve(self, session, true);
	EXPECT_EQ(0, ktls_engine_facts(&ours.engine)->group);
	SSL_SESSION_free(session);
}

TEST_F(libssl, is_resumed_without_a_key_exchange)
{
	static const uint16_t x25519 = KTLS_GROUP_X25519;

	if (variant->version == KTLS_TLS_1_2 || strstr(variant->group, "X25519") == NULL)
		return;
	auth_trust(&self->auth, self->ca);
	self->auth.name = "server.example";
	ours.config.server_name = "server.example";
	ours.config.psk_ke = true;
	ours.config.groups = &x25519;
	ours.config.groups_len = 1;
	tickets_attach(&ours, &unused);
	SSL_CTX_set_num_tickets(self->ctx, 1);
	SSL_CTX_set_options(self->ctx, SSL_OP_ALLOW_NO_DHE_KEX);
	use_leaf(self);
	ask(self, false);
	next_connection(self);
	ASSERT_EQ(1, SSL_CTX_set1_groups_list(self->ctx, "P-256"));
	tickets_offer(&ours);
	ask(self, true);
	EXPECT_EQ(0, ktls_engine_facts(&ours.engine)->group);
}

TEST_HARNESS_MAIN
