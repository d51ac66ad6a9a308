/* SPDX-License-Identifier: MIT */
/* Signatures whose hash, padding or salt is not what their scheme says, in each version of TLS. */
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "lib/x509/key.h"
#include "lib/x509/trust.h"
#include "lib/x509/verify.h"
#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

static const uint8_t content[KTLS_ENGINE_CONTENT_MAX] = "what is signed";

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

/* What libcrypto signs, with other parameters than the scheme has. */
static size_t sign_otherwise(const struct cert *cert, const EVP_MD *md, int padding, int salt,
			     uint8_t *sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = KTLS_ENGINE_SIGNATURE_MAX;
	EVP_PKEY_CTX *pctx;

	ASSERT_EQ(1, EVP_DigestSignInit(ctx, &pctx, md, NULL, cert->pkey));
	if (padding)
		ASSERT_EQ(1, EVP_PKEY_CTX_set_rsa_padding(pctx, padding));
	if (padding == RSA_PKCS1_PSS_PADDING)
		ASSERT_EQ(1, EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, salt));
	ASSERT_EQ(1, EVP_DigestSign(ctx, sig, &len, content, sizeof(content)));
	EVP_MD_CTX_free(ctx);
	return len;
}

struct parameters {
	const char *digest;
	int padding, salt;
	enum cert_key good_for;
};

#define NOBODY CERT_ED448

static const struct parameters of_rsa[] = {
	{ "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST, CERT_RSA2048 },
	{ "SHA256", RSA_PKCS1_PSS_PADDING, 0, NOBODY },
	{ "SHA256", RSA_PKCS1_PSS_PADDING, 20, NOBODY },
	{ "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_MAX_SIGN, NOBODY },
	{ "SHA384", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST, NOBODY },
	{ "SHA1", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST, NOBODY },
	{ "SHA256", RSA_PKCS1_PADDING, 0, NOBODY },
};

static const struct parameters of_rsa_pss[] = {
	{ "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST, CERT_RSA_PSS },
	{ "SHA256", RSA_PKCS1_PSS_PADDING, 20, NOBODY },
	{ "SHA512", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST, NOBODY },
};

static const struct parameters of_ecdsa[] = {
	{ "SHA256", 0, 0, CERT_P256 },
	{ "SHA384", 0, 0, CERT_P384 },
	{ "SHA512", 0, 0, NOBODY },
	{ "SHA1", 0, 0, NOBODY },
};

static void check_parameters(enum cert_key type, uint16_t version, uint16_t scheme,
			     const struct parameters *rows, size_t n)
{
	struct cert *cert = cert_server(type, "DNS:a.example", NULL);
	struct x509_peer *peer = new_peer(cert);
	uint8_t sig[KTLS_ENGINE_SIGNATURE_MAX];
	size_t i, len;

	for (i = 0; i < n; i++) {
		len = sign_otherwise(cert, EVP_get_digestbyname(rows[i].digest), rows[i].padding,
				     rows[i].salt, sig);
		EXPECT_EQ(rows[i].good_for == type ? 0 : -KTLS_R_SIGNATURE_BAD,
			  x509_peer_verify_signature(peer, version, scheme, content,
						     sizeof(content), sig, len));
	}
	x509_peer_free(peer);
	cert_free(cert);
}

static const struct parameters of_pkcs1[] = {
	{ "SHA256", RSA_PKCS1_PADDING, 0, CERT_RSA2048 },
	{ "SHA384", RSA_PKCS1_PADDING, 0, NOBODY },
	{ "SHA512", RSA_PKCS1_PADDING, 0, NOBODY },
	{ "SHA1", RSA_PKCS1_PADDING, 0, NOBODY },
	{ "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST, NOBODY },
};

/* In TLS 1.2 the hash alone is told by the scheme, and any curve may sign it. */
static const struct parameters of_p384_with_sha256[] = {
	{ "SHA256", 0, 0, CERT_P384 },
	{ "SHA384", 0, 0, NOBODY },
	{ "SHA1", 0, 0, NOBODY },
};

static const struct parameters of_p256_with_sha384[] = {
	{ "SHA384", 0, 0, CERT_P256 },
	{ "SHA256", 0, 0, NOBODY },
};

#define ROWS(rows) rows, sizeof(rows) / sizeof((rows)[0])

TEST(other_parameters_than_the_schemes_are_bad)
{
	static const uint16_t versions[] = { KTLS_TLS_1_2, KTLS_TLS_1_3 };
	size_t i;

	for (i = 0; i < 2; i++) {
		check_parameters(CERT_RSA2048, versions[i], KTLS_SCHEME_RSA_PSS_RSAE_SHA256,
				 ROWS(of_rsa));
		check_parameters(CERT_RSA_PSS, versions[i], KTLS_SCHEME_RSA_PSS_PSS_SHA256,
				 ROWS(of_rsa_pss));
		check_parameters(CERT_P256, versions[i], KTLS_SCHEME_ECDSA_SECP256R1_SHA256,
				 ROWS(of_ecdsa));
		check_parameters(CERT_P384, versions[i], KTLS_SCHEME_ECDSA_SECP384R1_SHA384,
				 ROWS(of_ecdsa));
	}
	check_parameters(CERT_RSA2048, KTLS_TLS_1_2, KTLS_SCHEME_RSA_PKCS1_SHA256, ROWS(of_pkcs1));
	check_parameters(CERT_P384, KTLS_TLS_1_2, KTLS_SCHEME_ECDSA_SECP256R1_SHA256,
			 ROWS(of_p384_with_sha256));
	check_parameters(CERT_P256, KTLS_TLS_1_2, KTLS_SCHEME_ECDSA_SECP384R1_SHA384,
			 ROWS(of_p256_with_sha384));
	EXPECT_EQ(0, ERR_peek_error());
}

/* A key that is for one hash has the scheme of that hash, whoever asks for another. */
TEST(keys_for_one_hash)
{
	struct cert *ca = cert_ca(CERT_P256, "CA");
	struct cert *cert = cert_server(CERT_RSA_PSS_SHA384, "DNS:a.example", ca);
	struct x509_trust *trust = x509_trust_new(ca->pem, ca->pem_len, NULL);
	struct x509_key *key = x509_key_new(cert->key_pem, cert->key_pem_len, NULL);
	struct ktls_span span = { cert->der, cert->der_len };
	uint8_t sig[KTLS_ENGINE_SIGNATURE_MAX];
	struct x509_peer *peer;
	size_t len;

	ASSERT_NOT_NULL(key);
	ASSERT_EQ(0, x509_peer_verify_chain(trust, &span, 1, KTLS_SERVER, NULL, time(NULL), &peer,
					    NULL));
	ASSERT_EQ(0, x509_key_sign(key, KTLS_TLS_1_3, KTLS_SCHEME_RSA_PSS_PSS_SHA384, content,
				   sizeof(content), sig, &len));
	EXPECT_EQ(-KTLS_R_MISUSE, x509_key_sign(key, KTLS_TLS_1_3, KTLS_SCHEME_RSA_PSS_PSS_SHA256,
						content, sizeof(content), sig, &len));
	for (uint16_t scheme = 0x0804; scheme <= 0x080b; scheme++)
		EXPECT_EQ(scheme == KTLS_SCHEME_RSA_PSS_PSS_SHA384 ? 0 : -KTLS_R_SCHEME_INVALID,
			  x509_peer_verify_signature(peer, KTLS_TLS_1_3, scheme, content,
						     sizeof(content), sig, len));
	EXPECT_EQ(0, ERR_peek_error());
	x509_peer_free(peer);
	x509_key_free(key);
	x509_trust_free(trust);
	cert_free(cert);
	cert_free(ca);
}

TEST_HARNESS_MAIN
