/* SPDX-License-Identifier: MIT */
/* A peer's certificates as bytes, its signatures, and what is kept of it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509_vfy.h>

#include "lib/crypto/hash.h"
#include "lib/crypto/util.h"
#include "lib/wire/reason.h"
#include "lib/x509/anchors.h"
#include "lib/x509/internal.h"
#include "lib/x509/verify.h"
#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

#define HOST   "www.example.com"
#define TRACES "rfc8448.txt"

TEST_HARNESS_MAIN

FIXTURE(peer)
{
	struct cert *ca, *middle, *leaf;
	struct x509_trust *trust;
	struct ktls_span certs[2];
};

static struct ktls_span span(const struct cert *cert)
{
	return (struct ktls_span){ cert->der, cert->der_len };
}

FIXTURE_SETUP(peer)
{
	self->ca = cert_ca(CERT_P256, "Root");
	self->middle = cert_intermediate(CERT_P256, "Middle", self->ca);
	self->leaf = cert_server(CERT_P256, "DNS:" HOST, self->middle);
	self->certs[0] = span(self->leaf);
	self->certs[1] = span(self->middle);
	self->trust = x509_trust_new(self->ca->pem, self->ca->pem_len, NULL);
	ASSERT_NOT_NULL(self->trust);
}

FIXTURE_TEARDOWN(peer)
{
	EXPECT_EQ(0, ERR_peek_error());
	x509_trust_free(self->trust);
	cert_free(self->leaf);
	cert_free(self->middle);
	cert_free(self->ca);
}

static int check(const struct x509_trust *trust, const struct ktls_span *certs, size_t n)
{
	struct x509_peer *peer = NULL;
	int ret =
		x509_peer_verify_chain(trust, certs, n, KTLS_SERVER, HOST, time(NULL), &peer, NULL);

	x509_peer_free(peer);
	return ret;
}

/* ---- known answers --------------------------------------------------------------------------- */

/* What the named CertificateVerify of RFC 8448 signs: a hash of the messages before it. */
static size_t trace_content(const char *section, const char *const *messages, uint8_t *content)
{
	uint8_t bytes[2048], digest[HASH_MAX];
	struct hash hash;
	size_t n;

	hash_init(&hash, HASH_SHA256);
	for (; *messages; messages++) {
		n = test_trace(TRACES, section, *messages, bytes, sizeof(bytes));
		if (n == 0)
			return 0;
		hash_update(&hash, bytes, n);
	}
	hash_final(&hash, digest);
	return ktls_engine_signed_content(KTLS_SERVER, digest, 32, content);
}

/* Certificate: header 4, context 1, list length 3, entry length 3, extensions 2 at the end. */
static struct ktls_span trace_certificate(const char *section, uint8_t *bytes, size_t cap)
{
	size_t n = test_trace(TRACES, section, "server_certificate", bytes, cap);

	return (struct ktls_span){ bytes + 11, n > 13 ? n - 13 : 0 };
}

TEST(ecdsa_certificate_verify_of_rfc8448)
{
	static const char *const messages[] = { "client_hello",         "server_hello",
						"encrypted_extensions", "certificate_request",
						"server_certificate",   NULL };
	uint8_t bytes[2048], verify[512], content[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_span cert = trace_certificate("client_auth", bytes, sizeof(bytes));
	struct x509_peer *peer;
	struct x509_trust *trust;
	char pem[2048];
	size_t n, len;

	if (cert.len == 0)
		SKIP(return, "no vectors of RFC 8448");
	ASSERT_EQ(0, crypto_init());
	n = test_trace(TRACES, "client_auth", "server_certificate_verify", verify, sizeof(verify));
	ASSERT_GT(n, 8);
	ASSERT_EQ(KTLS_SCHEME_ECDSA_SECP256R1_SHA256, verify[4] << 8 | verify[5]);

	n -= 8;
	len = trace_content("client_auth", messages, content);
	strcpy(pem, "-----BEGIN CERTIFICATE-----\n");
	EVP_EncodeBlock((unsigned char *)pem + strlen(pem), cert.bytes, (int)cert.len);
	strcat(pem, "\n-----END CERTIFICATE-----\n");
	trust = x509_trust_new(pem, strlen(pem), NULL);
	ASSERT_NOT_NULL(trust);
	/* In 2017. */
	ASSERT_EQ(0, x509_peer_verify_chain(trust, &cert, 1, KTLS_SERVER, NULL, 1500000000, &peer,
					    NULL));
	EXPECT_EQ(0,
		  x509_peer_verify_signature(peer, KTLS_TLS_1_3, KTLS_SCHEME_ECDSA_SECP256R1_SHA256,
					     content, len, verify + 8, n));
	content[len - 1] ^= 1;
	EXPECT_EQ(-KTLS_R_SIGNATURE_BAD,
		  x509_peer_verify_signature(peer, KTLS_TLS_1_3, KTLS_SCHEME_ECDSA_SECP256R1_SHA256,
					     content, len, verify + 8, n));
	x509_peer_free(peer);
	x509_trust_free(trust);
}

/* With a key of 1024 bits, so past what looks at certificates. */
TEST(rsa_certificate_verify_of_rfc8448)
{
	static const char *const sections[] = { "simple_1rtt", "compatibility_mode" };
	static const char *const messages[] = { "client_hello", "server_hello",
						"encrypted_extensions", "server_certificate",
						NULL };
	const struct x509_scheme *row = x509_scheme_find(KTLS_SCHEME_RSA_PSS_RSAE_SHA256);
	uint8_t bytes[2048], verify[512], content[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_span cert;
	size_t i, n, len;
	X509 *x;

	ASSERT_EQ(0, crypto_init());
	for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		cert = trace_certificate(sections[i], bytes, sizeof(bytes));
		if (cert.len == 0)
			SKIP(return, "no vectors of RFC 8448");
		x = x509_parse(cert.bytes, cert.len);
		ASSERT_NOT_NULL(x);
		n = test_trace(TRACES, sections[i], "server_certificate_verify", verify,
			       sizeof(verify));
		ASSERT_EQ(8 + 128, n);
		len = trace_content(sections[i], messages, content);
		EXPECT_TRUE(x509_signature_good(X509_get0_pubkey(x), row, content, len, verify + 8,
						128));
		content[len - 1] ^= 1;
		EXPECT_FALSE(x509_signature_good(X509_get0_pubkey(x), row, content, len, verify + 8,
						 128));
		X509_free(x);
	}
}

/* ---- bytes ----------------------------------------------------------------------------------- */

TEST_F(peer, truncated_at_every_byte)
{
	size_t which, n;

	for (which = 0; which < 2; which++) {
		struct ktls_span certs[2] = { self->certs[0], self->certs[1] };

		for (n = 0; n < self->certs[which].len; n++) {
			certs[which].len = n;
			ASSERT_EQ(-KTLS_R_CERTIFICATE_MALFORMED, check(self->trust, certs, 2));
		}
		certs[which].len = n;
		ASSERT_EQ(0, check(self->trust, certs, 2));
	}
}

TEST_F(peer, trailing_byte)
{
	uint8_t longer[2048];

	ASSERT_LT(self->leaf->der_len, sizeof(longer));
	memcpy(longer, self->leaf->der, self->leaf->der_len);
	longer[self->leaf->der_len] = 0;
	self->certs[0].bytes = longer;
	self->certs[0].len++;
	EXPECT_EQ(-KTLS_R_CERTIFICATE_MALFORMED, check(self->trust, self->certs, 2));
}

/* Nothing in a certificate is without the signature's protection, not even the signature. */
TEST_F_TIMEOUT(peer, changed_in_every_byte, 60)
{
	static const uint8_t changes[] = { 0x01, 0x80, 0xff };
	uint8_t changed[2048];
	size_t which, i, j;
	int ret;

	for (which = 0; which < 2; which++) {
		struct ktls_span certs[2] = { self->certs[0], self->certs[1] };

		ASSERT_LT(certs[which].len, sizeof(changed));
		memcpy(changed, certs[which].bytes, certs[which].len);
		certs[which].bytes = changed;
		for (i = 0; i < certs[which].len; i++) {
			for (j = 0; j < sizeof(changes); j++) {
				changed[i] ^= changes[j];
				ret = check(self->trust, certs, 2);
				ASSERT_LE(ret, -KTLS_R_CERTIFICATE_MALFORMED);
				ASSERT_GE(ret, -KTLS_R_CERTIFICATE_OTHER);
				changed[i] ^= changes[j];
			}
		}
		ASSERT_EQ(0, check(self->trust, certs, 2));
	}
}

TEST_F(peer, number_and_size_of_certificates)
{
	static const uint8_t zeros[KTLS_ENGINE_CHAIN_MAX + 1];
	struct ktls_span certs[KTLS_ENGINE_CERTS_MAX + 1];
	struct x509_peer *peer;
	size_t i;

	EXPECT_EQ(-KTLS_R_CERTIFICATE_EMPTY, check(self->trust, NULL, 0));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_REQUIRED,
		  x509_peer_verify_chain(self->trust, NULL, 0, KTLS_CLIENT, NULL, time(NULL), &peer,
					 NULL));
	certs[0] = self->certs[0];
	for (i = 1; i <= KTLS_ENGINE_CERTS_MAX; i++)
		certs[i] = self->certs[1];
	EXPECT_EQ(0, check(self->trust, certs, KTLS_ENGINE_CERTS_MAX));
	EXPECT_EQ(-KTLS_R_CHAIN_TOO_LONG, check(self->trust, certs, KTLS_ENGINE_CERTS_MAX + 1));
	certs[2] = (struct ktls_span){ zeros, sizeof(zeros) - self->certs[0].len };
	EXPECT_EQ(-KTLS_R_CHAIN_TOO_LONG, check(self->trust, certs, 3));
	certs[2].len = SIZE_MAX;
	EXPECT_EQ(-KTLS_R_CHAIN_TOO_LONG, check(self->trust, certs, 3));
	certs[2].len = 0;
	EXPECT_EQ(-KTLS_R_CERTIFICATE_MALFORMED, check(self->trust, certs, 3));
}

/* As deep as a Certificate message can make it. */
TEST_F(peer, deepest_path)
{
	struct cert *path[KTLS_ENGINE_CERTS_MAX];
	struct ktls_span certs[KTLS_ENGINE_CERTS_MAX];
	struct cert_spec spec = { .ca = true, .key_usage = "keyCertSign" };
	const struct cert *issuer = self->ca;
	char cn[32];
	size_t i;

	spec.cn = cn;
	for (i = KTLS_ENGINE_CERTS_MAX - 1; i > 0; i--) {
		snprintf(cn, sizeof(cn), "Level %zu", i);
		path[i] = cert_new(&spec, issuer);
		issuer = path[i];
	}
	path[0] = cert_server(CERT_P256, "DNS:" HOST, issuer);
	for (i = 0; i < KTLS_ENGINE_CERTS_MAX; i++)
		certs[i] = span(path[i]);
	EXPECT_EQ(0, check(self->trust, certs, KTLS_ENGINE_CERTS_MAX));
	for (i = 0; i < KTLS_ENGINE_CERTS_MAX; i++)
		cert_free(path[i]);
}

/* ---- keys that nobody makes ------------------------------------------------------------------ */

/* Checks the leaf x, signed by the fixture's intermediate again. */
static int check_resigned(struct test_self_peer *self, X509 *x)
{
	struct ktls_span certs[2] = { self->certs[0], self->certs[1] };
	unsigned char *der = NULL;
	int len, ret;

	ASSERT_GT(X509_sign(x, self->middle->pkey, EVP_sha256()), 0);
	len = i2d_X509(x, &der);
	ASSERT_GT(len, 0);
	certs[0] = (struct ktls_span){ der, (size_t)len };
	ret = check(self->trust, certs, 2);
	OPENSSL_free(der);
	return ret;
}

TEST_F(peer, key_of_an_unknown_algorithm)
{
	static const uint8_t ed25519[] = { 0x06, 0x03, 0x2b, 0x65, 0x70 };
	struct cert *leaf = cert_server(CERT_ED25519, "DNS:" HOST, self->middle);
	uint8_t *oid = memmem(leaf->der, leaf->der_len, ed25519, sizeof(ed25519));
	X509 *x;

	ASSERT_NOT_NULL(oid);
	oid[4] = 0x7e;
	x = x509_parse(leaf->der, leaf->der_len);
	ASSERT_NOT_NULL(x);
	EXPECT_EQ(-KTLS_R_CERTIFICATE_KEY_TYPE, check_resigned(self, x));
	X509_free(x);
	cert_free(leaf);
}

/* A public key with a random modulus. */
static EVP_PKEY *rsa_of_bits(int bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	BIGNUM *n = BN_new();
	OSSL_PARAM *params;

	ASSERT_EQ(1, BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD));
	ASSERT_EQ(1, OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n));
	ASSERT_EQ(1, OSSL_PARAM_BLD_push_uint(build, OSSL_PKEY_PARAM_RSA_E, 65537));
	params = OSSL_PARAM_BLD_to_param(build);
	ASSERT_EQ(1, EVP_PKEY_fromdata_init(ctx));
	ASSERT_EQ(1, EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params));
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	return key;
}

TEST_F(peer, rsa_keys_of_any_size)
{
	static const struct {
		int bits, ret;
	} rows[] = {
		{ 1024, -KTLS_R_CERTIFICATE_WEAK },
		{ 2040, -KTLS_R_CERTIFICATE_WEAK },
		{ 2048, 0 },
		{ 8192, 0 },
		{ 8200, -KTLS_R_CERTIFICATE_KEY_TYPE },
		{ 16384, -KTLS_R_CERTIFICATE_KEY_TYPE },
	};
	EVP_PKEY *key;
	X509 *x;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		key = rsa_of_bits(rows[i].bits);
		x = X509_dup(self->leaf->x509);
		ASSERT_EQ(1, X509_set_pubkey(x, key));
		EXPECT_EQ(rows[i].ret, check_resigned(self, x));
		EVP_PKEY_free(key);
		X509_free(x);
	}
}

/* ---- the table ------------------------------------------------------------------------------- */

TEST(each_error_of_libcrypto_has_a_reason)
{
	bool seen[KTLS_R_CERTIFICATE_OTHER + 1] = { false };
	enum ktls_reason reason;
	int error, i;

	for (error = 0; error <= X509_V_ERR_EC_KEY_EXPLICIT_PARAMS + 20; error++) {
		reason = x509_reason(error);
		if (reason <= KTLS_R_CERTIFICATE_OTHER)
			seen[reason] = true;
		EXPECT_NE(KTLS_OK, reason);
		EXPECT_EQ(reason, reason_find((int)reason)->number);
		EXPECT_NE(KTLS_ALERT_NONE, reason_find((int)reason)->alert);
	}
	for (i = KTLS_R_CERTIFICATE_MALFORMED; i <= KTLS_R_CERTIFICATE_OTHER; i++)
		EXPECT_TRUE(seen[i]);
	EXPECT_TRUE(seen[KTLS_R_CHAIN_TOO_LONG]);
	EXPECT_EQ(KTLS_R_CERTIFICATE_REVOKED, x509_reason(X509_V_ERR_CERT_REVOKED));
	EXPECT_EQ(KTLS_R_NO_MEMORY, x509_reason(X509_V_ERR_OUT_OF_MEM));
	EXPECT_EQ(KTLS_R_CERTIFICATE_OTHER, x509_reason(X509_V_ERR_UNSPECIFIED));
	EXPECT_EQ(KTLS_R_CERTIFICATE_OTHER, x509_reason(100000));
}

/* ---- what is kept ---------------------------------------------------------------------------- */

TEST_F(peer, only_good_paths_are_kept)
{
	struct cert *stranger = cert_ca(CERT_P256, "Stranger");
	struct ktls_span certs[] = { self->certs[0], span(stranger), self->certs[1] };

	EXPECT_EQ(-KTLS_R_CERTIFICATE_UNKNOWN_CA, check(self->trust, certs, 2));
	EXPECT_EQ(0, x509_cache_count(self->trust->cache));
	EXPECT_EQ(0, check(self->trust, certs, 3));
	EXPECT_EQ(2, x509_cache_count(self->trust->cache));
	EXPECT_EQ(0, check(self->trust, certs, 3));
	EXPECT_EQ(2, x509_cache_count(self->trust->cache));
	cert_free(stranger);
}

/* Kept or not, a certificate is checked again each time. */
TEST_F(peer, what_is_kept_is_not_believed)
{
	struct x509_peer *peer;
	time_t now = time(NULL);

	EXPECT_EQ(0, check(self->trust, self->certs, 2));
	EXPECT_EQ(2, x509_cache_count(self->trust->cache));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_EXPIRED,
		  x509_peer_verify_chain(self->trust, self->certs, 2, KTLS_SERVER, HOST,
					 now + 40L * CERT_DAY, &peer, NULL));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_NAME,
		  x509_peer_verify_chain(self->trust, self->certs, 2, KTLS_SERVER, "example.org",
					 now, &peer, NULL));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_USAGE,
		  x509_peer_verify_chain(self->trust, self->certs, 2, KTLS_CLIENT, NULL, now, &peer,
					 NULL));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_UNKNOWN_CA, check(self->trust, self->certs, 1));
}

TEST_F(peer, the_least_recently_used_is_forgotten)
{
	struct cert_spec spec = { .cn = "leaf", .key_of = self->leaf, .san = "DNS:" HOST };
	struct ktls_span certs[2] = { self->certs[0], self->certs[1] };
	struct cert *leaf;
	X509 *first, *again;
	size_t i;

	ASSERT_EQ(0, check(self->trust, certs, 2));
	first = x509_cache_get(self->trust->cache, certs[1].bytes, certs[1].len);
	for (i = 0; i < X509_CACHE_ENTRIES + 10; i++) {
		leaf = cert_new(&spec, self->middle);
		certs[0] = span(leaf);
		ASSERT_EQ(0, check(self->trust, certs, 2));
		cert_free(leaf);
	}
	EXPECT_EQ(X509_CACHE_ENTRIES, x509_cache_count(self->trust->cache));
	/* The intermediate was used each time, so it stayed; the first leaf did not. */
	again = x509_cache_get(self->trust->cache, certs[1].bytes, certs[1].len);
	EXPECT_TRUE(first == again);
	X509_free(again);
	X509_free(first);
	again = x509_cache_get(self->trust->cache, self->leaf->der, self->leaf->der_len);
	EXPECT_NOT_NULL(again);
	EXPECT_EQ(1, X509_up_ref(again)); /* one reference before: nobody else has it */
	X509_free(again);
	X509_free(again);
}

TEST_F(peer, a_peer_outlives_what_it_was_checked_against)
{
	static const uint8_t content[] = "content";
	struct x509_peer *peer;
	uint8_t sig[KTLS_ENGINE_SIGNATURE_MAX];
	size_t sig_len = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	ASSERT_EQ(0, x509_peer_verify_chain(self->trust, self->certs, 2, KTLS_SERVER, HOST,
					    time(NULL), &peer, NULL));
	x509_trust_free(self->trust);
	self->trust = NULL;
	ASSERT_EQ(1, EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, self->leaf->pkey));
	ASSERT_EQ(1, EVP_DigestSign(ctx, sig, &sig_len, content, sizeof(content)));
	EXPECT_EQ(0,
		  x509_peer_verify_signature(peer, KTLS_TLS_1_3, KTLS_SCHEME_ECDSA_SECP256R1_SHA256,
					     content, sizeof(content), sig, sig_len));
	EVP_MD_CTX_free(ctx);
	x509_peer_free(peer);
}
