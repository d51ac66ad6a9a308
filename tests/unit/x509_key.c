/* SPDX-License-Identifier: MIT */
/* Private keys: loading, fitting, signing; and what verifies the signatures. */
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/x509/key.h"
#include "lib/x509/trust.h"
#include "lib/x509/verify.h"
#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

int main(int argc, char **argv)
{
	cert_share_keys(CERT_RSA2048, 2); /* two, for the test that has another's certificate */
	return test_harness_main(argc, argv);
}

static const uint8_t content[KTLS_ENGINE_CONTENT_MAX] = "what is signed";

static const uint16_t every_scheme[] = {
	KTLS_SCHEME_RSA_PKCS1_SHA256,
	KTLS_SCHEME_RSA_PKCS1_SHA384,
	KTLS_SCHEME_RSA_PKCS1_SHA512,
	KTLS_SCHEME_ECDSA_SECP256R1_SHA256,
	KTLS_SCHEME_ECDSA_SECP384R1_SHA384,
	KTLS_SCHEME_RSA_PSS_RSAE_SHA256,
	KTLS_SCHEME_RSA_PSS_RSAE_SHA384,
	KTLS_SCHEME_RSA_PSS_RSAE_SHA512,
	KTLS_SCHEME_RSA_PSS_PSS_SHA256,
	KTLS_SCHEME_RSA_PSS_PSS_SHA384,
	KTLS_SCHEME_RSA_PSS_PSS_SHA512,
	KTLS_SCHEME_ED25519,
	0x0201 /* rsa_pkcs1_sha1 */,
	0x0203 /* ecdsa_sha1 */,
	0x0603 /* ecdsa_secp521r1_sha512 */,
	0x0808 /* ed448 */,
	0x0809 /* rsa_pss_pss_sha256 */,
	0x0000,
	0xffff,
};

/* A certificate of its own making, with its key, as both ends have them. */
FIXTURE(key)
{
	struct cert *cert;
	struct x509_identity *identity;
	struct x509_key *key;
	struct x509_peer *peer;
};

FIXTURE_VARIANT(key)
{
	enum cert_key type;
	uint16_t version;
	uint16_t schemes[8]; /* that signatures of the version may be verified by */
};

FIXTURE_VARIANT_ADD(key, p256){ CERT_P256, KTLS_TLS_1_3, { 0x0403 } };
FIXTURE_VARIANT_ADD(key, p384){ CERT_P384, KTLS_TLS_1_3, { 0x0503 } };
FIXTURE_VARIANT_ADD(key, rsa2048){ CERT_RSA2048, KTLS_TLS_1_3, { 0x0804, 0x0805, 0x0806 } };
FIXTURE_VARIANT_ADD(key, rsa_pss){ CERT_RSA_PSS, KTLS_TLS_1_3, { 0x0809, 0x080a, 0x080b } };
FIXTURE_VARIANT_ADD(key, ed25519){ CERT_ED25519, KTLS_TLS_1_3, { 0x0807 } };
FIXTURE_VARIANT_ADD(key, p256_of_1_2){ CERT_P256, KTLS_TLS_1_2, { 0x0403, 0x0503 } };
FIXTURE_VARIANT_ADD(key, p384_of_1_2){ CERT_P384, KTLS_TLS_1_2, { 0x0403, 0x0503 } };
FIXTURE_VARIANT_ADD(key, rsa2048_of_1_2){ CERT_RSA2048,
					  KTLS_TLS_1_2,
					  { 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601 } };
FIXTURE_VARIANT_ADD(key, rsa_pss_of_1_2){ CERT_RSA_PSS, KTLS_TLS_1_2, { 0x0809, 0x080a, 0x080b } };
FIXTURE_VARIANT_ADD(key, ed25519_of_1_2){ CERT_ED25519, KTLS_TLS_1_2, { 0x0807 } };

static struct x509_peer *new_peer(const struct cert *cert)
{
	struct x509_trust *trust = x509_trust_new(cert->pem, cert->pem_len, NULL);
	struct ktls_span span = { cert->der, cert->der_len };
	struct x509_peer *peer;

	ASSERT_NOT_NULL(trust);
	ASSERT_EQ(0, x509_peer_verify_chain(trust, &span, 1, KTLS_SERVER, NULL, time(NULL), &peer,
					    NULL));
	x509_trust_free(trust);
	return peer;
}

FIXTURE_SETUP(key)
{
	self->cert = cert_server(variant->type, "DNS:a.example", NULL);
	self->identity = x509_identity_new(self->cert->pem, self->cert->pem_len, NULL);
	ASSERT_NOT_NULL(self->identity);
	self->key = x509_key_new(self->cert->key_pem, self->cert->key_pem_len, NULL);
	ASSERT_NOT_NULL(self->key);
	self->peer = new_peer(self->cert);
}

FIXTURE_TEARDOWN(key)
{
	EXPECT_EQ(0, ERR_peek_error());
	x509_peer_free(self->peer);
	x509_key_free(self->key);
	x509_identity_free(self->identity);
	cert_free(self->cert);
}

static bool has_scheme(const struct x509_identity *identity, uint16_t scheme)
{
	size_t i;

	for (i = 0; i < identity->schemes_len; i++) {
		if (identity->schemes[i] == scheme)
			return true;
	}
	return false;
}

static bool is_legal(const struct test_variant_key *variant, uint16_t scheme)
{
	size_t i;

	for (i = 0; i < 8 && variant->schemes[i]; i++) {
		if (variant->schemes[i] == scheme)
			return true;
	}
	return false;
}

/* ---- signing --------------------------------------------------------------------------------- */

TEST_F(key, signs_what_the_identity_promises_and_nothing_else)
{
	uint8_t sig[KTLS_ENGINE_SIGNATURE_MAX], other[KTLS_ENGINE_CONTENT_MAX] = "something else";
	size_t i, round, len;
	int ret, expected;

	for (i = 0; i < sizeof(every_scheme) / sizeof(every_scheme[0]); i++) {
		expected = has_scheme(self->identity, every_scheme[i]) &&
					   is_legal(variant, every_scheme[i])
				   ? 0
				   : -KTLS_R_MISUSE;
		for (round = 0; round < 3; round++) {
			len = 12345;
			ret = x509_key_sign(self->key, variant->version, every_scheme[i], content,
					    sizeof(content), sig, &len);
			ASSERT_EQ(expected, ret);
			if (ret < 0) {
				EXPECT_EQ(12345, len);
				continue;
			}
			ASSERT_LE(len, sizeof(sig));
			EXPECT_EQ(0, x509_peer_verify_signature(self->peer, variant->version,
								every_scheme[i], content,
								sizeof(content), sig, len));
			EXPECT_EQ(-KTLS_R_SIGNATURE_BAD,
				  x509_peer_verify_signature(self->peer, variant->version,
							     every_scheme[i], other, sizeof(other),
							     sig, len));
		}
	}
	EXPECT_EQ(-KTLS_R_MISUSE,
		  x509_key_sign(self->key, variant->version, self->identity->schemes[0], content,
				variant->version == KTLS_TLS_1_2 ? KTLS_ENGINE_MESSAGES_MAX + 1
								 : KTLS_ENGINE_CONTENT_MAX + 1,
				sig, &len));
}

TEST_F(key, makes_and_takes_signatures_of_known_versions_only)
{
	static const uint16_t versions[] = { 0, 0x0301, 0x0302, 0x0305, 0xfefd };
	uint8_t sig[KTLS_ENGINE_SIGNATURE_MAX];
	size_t i, len;

	ASSERT_EQ(0, x509_key_sign(self->key, variant->version, self->identity->schemes[0], content,
				   sizeof(content), sig, &len));
	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		EXPECT_EQ(-KTLS_R_MISUSE,
			  x509_key_sign(self->key, versions[i], self->identity->schemes[0], content,
					sizeof(content), sig, &len));
		EXPECT_EQ(-KTLS_R_SCHEME_INVALID,
			  x509_peer_verify_signature(self->peer, versions[i],
						     self->identity->schemes[0], content,
						     sizeof(content), sig, sizeof(sig)));
	}
}

/* Signatures as long as their buffer. */
TEST_TIMEOUT(longest_rsa_key, 60)
{
	struct cert *cert = cert_server(CERT_RSA4096, "DNS:a.example", NULL);
	struct x509_key *key = x509_key_new(cert->key_pem, cert->key_pem_len, NULL);
	uint16_t scheme = KTLS_SCHEME_RSA_PSS_RSAE_SHA512;
	struct x509_peer *peer = new_peer(cert);
	uint8_t sig[KTLS_ENGINE_SIGNATURE_MAX];
	size_t len;

	ASSERT_NOT_NULL(key);
	ASSERT_EQ(0, x509_key_sign(key, KTLS_TLS_1_3, scheme, content, sizeof(content), sig, &len));
	EXPECT_EQ(KTLS_ENGINE_SIGNATURE_MAX, len);
	EXPECT_EQ(0, x509_peer_verify_signature(peer, KTLS_TLS_1_3, scheme, content,
						sizeof(content), sig, len));
	x509_key_free(key);
	x509_peer_free(peer);
	cert_free(cert);
}

/* Contents of every length that there is, hashed from the start each time. */
TEST_F_TIMEOUT(key, contexts_are_clean_after_use, 60)
{
	uint8_t sig[KTLS_ENGINE_SIGNATURE_MAX];
	uint16_t scheme;
	size_t n, len;

	for (n = 0; n <= sizeof(content); n += 29) {
		scheme = self->identity->schemes[n % self->identity->schemes_len];
		if (!is_legal(variant, scheme))
			continue;
		ASSERT_EQ(0, x509_key_sign(self->key, variant->version, scheme, content, n, sig,
					   &len));
		EXPECT_EQ(0, x509_peer_verify_signature(self->peer, variant->version, scheme,
							content, n, sig, len));
	}
}

/* ---- verifying ------------------------------------------------------------------------------- */

TEST_F(key, a_scheme_must_fit_the_key)
{
	uint8_t sig[KTLS_ENGINE_SIGNATURE_MAX];
	size_t i, len;

	ASSERT_EQ(0, x509_key_sign(self->key, variant->version, self->identity->schemes[0], content,
				   sizeof(content), sig, &len));
	for (i = 0; i < sizeof(every_scheme) / sizeof(every_scheme[0]); i++) {
		if (every_scheme[i] == self->identity->schemes[0])
			continue;
		EXPECT_EQ(is_legal(variant, every_scheme[i]) ? -KTLS_R_SIGNATURE_BAD
							     : -KTLS_R_SCHEME_INVALID,
			  x509_peer_verify_signature(self->peer, variant->version, every_scheme[i],
						     content, sizeof(content), sig, len));
	}
}

TEST_F_TIMEOUT(key, a_damaged_signature_is_bad, 60)
{
	uint8_t sig[KTLS_ENGINE_SIGNATURE_MAX + 1] = { 0 };
	uint16_t scheme = self->identity->schemes[0];
	size_t i, len;

	ASSERT_EQ(0, x509_key_sign(self->key, variant->version, scheme, content, sizeof(content),
				   sig, &len));
	for (i = 0; i < len; i++) {
		sig[i] ^= 0x01;
		ASSERT_EQ(-KTLS_R_SIGNATURE_BAD,
			  x509_peer_verify_signature(self->peer, variant->version, scheme, content,
						     sizeof(content), sig, len));
		sig[i] ^= 0x01;
		ASSERT_EQ(-KTLS_R_SIGNATURE_BAD,
			  x509_peer_verify_signature(self->peer, variant->version, scheme, content,
						     sizeof(content), sig, i));
	}
	EXPECT_EQ(-KTLS_R_SIGNATURE_BAD,
		  x509_peer_verify_signature(self->peer, variant->version, scheme, content,
					     sizeof(content), sig, len + 1));
	EXPECT_EQ(0, x509_peer_verify_signature(self->peer, variant->version, scheme, content,
						sizeof(content), sig, len));
}

/* ---- fitting --------------------------------------------------------------------------------- */

TEST_F(key, fits_its_own_certificate_only)
{
	struct cert *other = cert_server(variant->type, "DNS:a.example", NULL);
	struct cert *another = cert_server(variant->type == CERT_P256 ? CERT_ED25519 : CERT_P256,
					   "DNS:a.example", NULL);
	struct x509_identity *identity;

	EXPECT_TRUE(x509_key_fits(self->key, self->identity));
	identity = x509_identity_new(other->pem, other->pem_len, NULL);
	EXPECT_FALSE(x509_key_fits(self->key, identity));
	x509_identity_free(identity);
	identity = x509_identity_new(another->pem, another->pem_len, NULL);
	EXPECT_FALSE(x509_key_fits(self->key, identity));
	x509_identity_free(identity);
	cert_free(another);
	cert_free(other);
}

/* ---- loading --------------------------------------------------------------------------------- */

/* The key in another form: traditional PEM, DER, or encrypted one way or the other. */
static size_t write_key(EVP_PKEY *pkey, const char *form, char *out, size_t cap)
{
	BIO *bio = BIO_new(BIO_s_mem());
	const EVP_CIPHER *aes = EVP_aes_128_cbc();
	char pass[] = "secret";
	int ret = 0, len;

	if (strcmp(form, "traditional") == 0)
		ret = PEM_write_bio_PrivateKey_traditional(bio, pkey, NULL, NULL, 0, NULL, NULL);
	if (strcmp(form, "traditional, encrypted") == 0)
		ret = PEM_write_bio_PrivateKey_traditional(bio, pkey, aes, (unsigned char *)pass, 6,
							   NULL, NULL);
	if (strcmp(form, "PKCS#8, encrypted") == 0)
		ret = PEM_write_bio_PKCS8PrivateKey(bio, pkey, aes, pass, 6, NULL, NULL);
	if (strcmp(form, "DER") == 0)
		ret = i2d_PKCS8PrivateKey_bio(bio, pkey, NULL, NULL, 0, NULL, NULL);
	if (strcmp(form, "DER, encrypted") == 0)
		ret = i2d_PKCS8PrivateKey_bio(bio, pkey, aes, pass, 6, NULL, NULL);
	ASSERT_EQ(1, ret);
	len = BIO_read(bio, out, (int)cap);
	ASSERT_GT(len, 0);
	BIO_free(bio);
	return (size_t)len;
}

/* Keys of these have PKCS#8 only. */
static bool has_traditional(enum cert_key type)
{
	return type != CERT_ED25519 && type != CERT_RSA_PSS;
}

TEST_F(key, forms_that_are_read)
{
	static const char *const forms[] = { "traditional", "DER" };
	struct x509_error err;
	struct x509_key *key;
	char text[8192];
	size_t i, len;

	for (i = has_traditional(variant->type) ? 0 : 1; i < sizeof(forms) / sizeof(forms[0]);
	     i++) {
		len = write_key(self->cert->pkey, forms[i], text, sizeof(text));
		key = x509_key_new(text, len, &err);
		ASSERT_NOT_NULL(key);
		EXPECT_TRUE(x509_key_fits(key, self->identity));
		x509_key_free(key);
	}
}

TEST_F(key, encrypted_keys_are_refused)
{
	static const char *const forms[] = { "traditional, encrypted", "PKCS#8, encrypted" };
	struct x509_error err;
	char text[8192];
	size_t i, len;

	for (i = has_traditional(variant->type) ? 0 : 1; i < sizeof(forms) / sizeof(forms[0]);
	     i++) {
		len = write_key(self->cert->pkey, forms[i], text, sizeof(text));
		EXPECT_NULL(x509_key_new(text, len, &err));
		EXPECT_STREQ("the private key is encrypted: decrypt it, there is nobody to ask for "
			     "its passphrase",
			     err.text);
		EXPECT_EQ(1, err.line);
		EXPECT_EQ(0, ERR_peek_error());
	}
	len = write_key(self->cert->pkey, "DER, encrypted", text, sizeof(text));
	EXPECT_NULL(x509_key_new(text, len, &err));
	EXPECT_STREQ("the private key cannot be parsed, or is encrypted", err.text);
}

TEST_F(key, truncated_at_every_byte)
{
	const char *end = strstr(self->cert->key_pem, "-----END PRIVATE KEY-----");
	size_t n, len,
		step = variant->type == CERT_RSA2048 || variant->type == CERT_RSA_PSS ? 7 : 1;
	char der[8192];

	for (n = 0; n < (size_t)(end - self->cert->key_pem); n += step)
		ASSERT_NULL(x509_key_new(self->cert->key_pem, n, NULL));
	len = write_key(self->cert->pkey, "DER", der, sizeof(der));
	for (n = 0; n < len; n++)
		ASSERT_NULL(x509_key_new(der, n, NULL));
	EXPECT_EQ(0, ERR_peek_error());
}

static struct x509_key *load_two(const char *a, const char *b, struct x509_error *err)
{
	char text[16384];
	int len = snprintf(text, sizeof(text), "%s%s", a, b);

	return x509_key_new(text, (size_t)len, err);
}

TEST(texts_with_other_things)
{
	struct cert *cert = cert_server(CERT_P256, "DNS:a.example", NULL);
	struct x509_error err;
	struct x509_key *key;

	key = load_two(cert->pem, cert->key_pem, &err);
	EXPECT_NOT_NULL(key);
	x509_key_free(key);
	key = load_two("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
		       "-----END EC PARAMETERS-----\n",
		       cert->key_pem, &err);
	EXPECT_NOT_NULL(key);
	x509_key_free(key);
	EXPECT_NULL(load_two(cert->pem, "", &err));
	EXPECT_STREQ("no private key", err.text);
	EXPECT_NULL(load_two("", "", &err));
	EXPECT_STREQ("no private key", err.text);
	EXPECT_NULL(load_two(cert->key_pem, cert->key_pem, &err));
	EXPECT_STREQ("a second private key", err.text);
	EXPECT_NULL(load_two("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "",
			     &err));
	EXPECT_STREQ("the private key cannot be parsed", err.text);
	EXPECT_NULL(load_two("-----BEGIN PRIVATE KEY-----\nMIG", cert->pem, &err));
	EXPECT_STREQ("damaged or incomplete PEM block", err.text);
	EXPECT_EQ(0, ERR_peek_error());
	cert_free(cert);
}

TEST_TIMEOUT(types_that_are_refused, 60)
{
	static const struct {
		enum cert_key type;
		const char *text;
	} rows[] = {
		{ CERT_P521, "the key is not ECDSA on P-256 or P-384, RSA or Ed25519" },
		{ CERT_ED448, "the key is not ECDSA on P-256 or P-384, RSA or Ed25519" },
		{ CERT_RSA_PSS_LONG_SALT,
		  "the key makes no signature that its public half verifies" },
		{ CERT_P256_EXPLICIT, "the key is not ECDSA on P-256 or P-384, RSA or Ed25519" },
		{ CERT_RSA1024, "the key is RSA of fewer than 2048 or more than 4096 bits" },
	};
	struct x509_error err;
	struct cert *cert;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cert = cert_server(rows[i].type, "DNS:a.example", NULL);
		EXPECT_NULL(x509_key_new(cert->key_pem, cert->key_pem_len, &err));
		EXPECT_STREQ(rows[i].text, err.text);
		cert_free(cert);
	}
	EXPECT_EQ(0, ERR_peek_error());
}

/* The public point in the file is another key's. */
TEST(halves_that_do_not_belong_together)
{
	struct cert *a = cert_server(CERT_P256, "DNS:a.example", NULL);
	struct cert *b = cert_server(CERT_P256, "DNS:b.example", NULL);
	char der_a[1024], der_b[1024];
	size_t len_a = write_key(a->pkey, "DER", der_a, sizeof(der_a));
	size_t len_b = write_key(b->pkey, "DER", der_b, sizeof(der_b));
	struct x509_error err;

	ASSERT_EQ(len_a, len_b);
	memcpy(der_a + len_a - 65, der_b + len_b - 65, 65);
	EXPECT_NULL(x509_key_new(der_a, len_a, &err));
	EXPECT_STREQ("the key makes no signature that its public half verifies", err.text);
	cert_free(b);
	cert_free(a);
}
