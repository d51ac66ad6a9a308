/* SPDX-License-Identifier: MIT */
/*
 * RSA key exchange: what comes out of a ciphertext, good or bad; against libcrypto's encryption,
 * and against a padding written here a second time.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "lib/crypto/prf.h"
#include "lib/crypto/rsa_premaster.h"
#include "lib/crypto/util.h"
#include "lib/x509/key.h"
#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

static const uint8_t session_hash[48] = "session hash";
static const uint8_t client_random[32] = "client random", server_random[32] = "server random";

FIXTURE(decrypt)
{
	struct cert *ca, *leaf;
	struct x509_key *key;
	uint8_t premaster[RSA_PREMASTER];
	uint8_t block[512], encrypted[512];
	size_t size;
};

FIXTURE_SETUP(decrypt)
{
	struct x509_error err;

	ASSERT_EQ(0, crypto_init());
	self->ca = cert_ca(CERT_P256, "CA");
	self->leaf = cert_server(CERT_RSA2048, "DNS:a.example", self->ca);
	self->key = x509_key_new(self->leaf->key_pem, self->leaf->key_pem_len, &err);
	ASSERT_NOT_NULL(self->key);
	self->size = (size_t)EVP_PKEY_get_size(self->leaf->pkey);
	memset(self->premaster, 0x77, sizeof(self->premaster));
	self->premaster[0] = self->premaster[1] = 3;
	memset(self->block, 0x55, self->size);
	self->block[0] = 0;
	self->block[1] = 2;
	self->block[self->size - RSA_PREMASTER - 1] = 0;
	memcpy(self->block + self->size - RSA_PREMASTER, self->premaster, RSA_PREMASTER);
}

FIXTURE_TEARDOWN(decrypt)
{
	x509_key_free(self->key);
	cert_free(self->leaf);
	cert_free(self->ca);
}

static void encrypt(struct test_self_decrypt *self, int padding, const uint8_t *plain, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(self->leaf->pkey, NULL);
	size_t n = sizeof(self->encrypted);

	ASSERT_NOT_NULL(ctx);
	ASSERT_EQ(1, EVP_PKEY_encrypt_init(ctx));
	ASSERT_EQ(1, EVP_PKEY_CTX_set_rsa_padding(ctx, padding));
	ASSERT_EQ(1, EVP_PKEY_encrypt(ctx, self->encrypted, &n, plain, len));
	ASSERT_EQ(self->size, n);
	EVP_PKEY_CTX_free(ctx);
}

static struct ktls_engine_decrypt request(const struct test_self_decrypt *self)
{
	return (struct ktls_engine_decrypt){ .encrypted = self->encrypted,
					     .encrypted_len = self->size,
					     .version = 0x0303,
					     .session_hash = session_hash,
					     .client_random = client_random,
					     .server_random = server_random };
}

static void expected(const struct test_self_decrypt *self, const struct ktls_engine_decrypt *r,
		     uint8_t master[static PRF_MASTER])
{
	const struct prf_master from = {
		.alg = r->prf == KTLS_ENGINE_PRF_SHA384 ? HASH_SHA384 : HASH_SHA256,
		.extended = r->extended,
		.session_hash = session_hash,
		.client_random = client_random,
		.server_random = server_random,
	};

	prf_master(&from, self->premaster, RSA_PREMASTER, master);
}

TEST_F(decrypt, what_libcrypto_encrypts)
{
	uint8_t master[PRF_MASTER], want[PRF_MASTER];
	struct ktls_engine_decrypt r;

	encrypt(self, RSA_PKCS1_PADDING, self->premaster, RSA_PREMASTER);
	for (int i = 0; i < 4; i++) {
		r = request(self);
		r.prf = i & 1 ? KTLS_ENGINE_PRF_SHA384 : KTLS_ENGINE_PRF_SHA256;
		r.extended = i & 2;
		ASSERT_EQ(0, x509_key_decrypt_master(self->key, &r, master));
		expected(self, &r, want);
		EXPECT_MEMEQ(want, master, sizeof(want));
	}
}

/* It succeeds, with a secret that is another each time and never the encrypted one. */
static void expect_rejected(struct test_self_decrypt *self, const struct ktls_engine_decrypt *r)
{
	uint8_t masters[2][PRF_MASTER], want[PRF_MASTER];

	expected(self, r, want);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, x509_key_decrypt_master(self->key, r, masters[i]));
		EXPECT_TRUE(memcmp(want, masters[i], sizeof(want)) != 0);
	}
	EXPECT_TRUE(memcmp(masters[0], masters[1], sizeof(want)) != 0);
}

TEST_F(decrypt, bad_paddings_are_rejected_implicitly)
{
	size_t end = self->size - RSA_PREMASTER - 1;
	const struct {
		size_t at;
		uint8_t value;
	} rows[] = {
		{ 1, 1 },   { 1, 0 },       { 2, 0 },       { 9, 0 },       { 100, 0 },
		{ end, 1 }, { end - 1, 0 }, { end + 1, 2 }, { end + 2, 2 }, { end + 2, 4 },
	};
	struct ktls_engine_decrypt r = request(self);
	uint8_t master[PRF_MASTER], want[PRF_MASTER], before;

	encrypt(self, RSA_NO_PADDING, self->block, self->size);
	ASSERT_EQ(0, x509_key_decrypt_master(self->key, &r, master));
	expected(self, &r, want);
	EXPECT_MEMEQ(want, master, sizeof(want));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		before = self->block[rows[i].at];
		self->block[rows[i].at] = rows[i].value;
		encrypt(self, RSA_NO_PADDING, self->block, self->size);
		expect_rejected(self, &r);
		self->block[rows[i].at] = before;
	}
}

/* Secrets of other lengths, whose padding is good. */
TEST_F(decrypt, other_lengths_are_rejected_implicitly)
{
	static const size_t lengths[] = { 0, 1, 47, 49, 100 };
	struct ktls_engine_decrypt r = request(self);
	uint8_t plain[128] = { 3, 3 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		encrypt(self, RSA_PKCS1_PADDING, plain, lengths[i]);
		expect_rejected(self, &r);
	}
}

TEST_F(decrypt, what_is_no_ciphertext_is_rejected_implicitly)
{
	struct ktls_engine_decrypt r = request(self);

	memset(self->encrypted, 0xff, sizeof(self->encrypted)); /* above the modulus */
	expect_rejected(self, &r);
	encrypt(self, RSA_PKCS1_PADDING, self->premaster, RSA_PREMASTER);
	r.encrypted_len = self->size - 1;
	expect_rejected(self, &r);
	r.encrypted_len = self->size + 1;
	expect_rejected(self, &r);
	r.encrypted_len = 1;
	expect_rejected(self, &r);
}

TEST_F(decrypt, the_version_is_the_hellos)
{
	struct ktls_engine_decrypt r = request(self);

	encrypt(self, RSA_PKCS1_PADDING, self->premaster, RSA_PREMASTER);
	r.version = 0x0302;
	expect_rejected(self, &r);
}

TEST_F(decrypt, keys_that_sign_only)
{
	struct cert *other = cert_server(CERT_P256, "DNS:a.example", self->ca);
	struct ktls_engine_decrypt r = request(self);
	uint8_t master[PRF_MASTER];
	struct x509_error err;
	struct x509_key *key = x509_key_new(other->key_pem, other->key_pem_len, &err);

	ASSERT_NOT_NULL(key);
	EXPECT_EQ(-KTLS_R_MISUSE, x509_key_decrypt_master(key, &r, master));
	x509_key_free(key);
	cert_free(other);
}

TEST_HARNESS_MAIN
