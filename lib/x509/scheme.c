/* SPDX-License-Identifier: MIT */
/* Signature schemes (RFC 9846, 4.3.3; RFC 5246, 7.4.1.4.1) in libcrypto's terms. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "lib/x509/internal.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX (KTLS_ENGINE_SIGNATURE_MAX * 8)

static const struct x509_scheme schemes[] = {
	{ KTLS_SCHEME_ECDSA_SECP256R1_SHA256, X509_KIND_P256, X509_SHA256, false },
	{ KTLS_SCHEME_ECDSA_SECP384R1_SHA384, X509_KIND_P384, X509_SHA384, false },
	{ KTLS_SCHEME_RSA_PSS_RSAE_SHA256, X509_KIND_RSA, X509_SHA256, false },
	{ KTLS_SCHEME_RSA_PSS_RSAE_SHA384, X509_KIND_RSA, X509_SHA384, false },
	{ KTLS_SCHEME_RSA_PSS_RSAE_SHA512, X509_KIND_RSA, X509_SHA512, false },
	{ KTLS_SCHEME_RSA_PSS_PSS_SHA256, X509_KIND_RSA_PSS, X509_SHA256, false },
	{ KTLS_SCHEME_RSA_PSS_PSS_SHA384, X509_KIND_RSA_PSS, X509_SHA384, false },
	{ KTLS_SCHEME_RSA_PSS_PSS_SHA512, X509_KIND_RSA_PSS, X509_SHA512, false },
	{ KTLS_SCHEME_RSA_PKCS1_SHA256, X509_KIND_RSA, X509_SHA256, true },
	{ KTLS_SCHEME_RSA_PKCS1_SHA384, X509_KIND_RSA, X509_SHA384, true },
	{ KTLS_SCHEME_RSA_PKCS1_SHA512, X509_KIND_RSA, X509_SHA512, true },
	{ KTLS_SCHEME_ED25519, X509_KIND_ED25519, X509_DIGEST_NONE, false },
};

const struct x509_scheme *x509_scheme_row(size_t i)
{
	return i < sizeof(schemes) / sizeof(schemes[0]) ? &schemes[i] : NULL;
}

const struct x509_scheme *x509_scheme_find(uint16_t scheme)
{
	const struct x509_scheme *row;
	size_t i;

	for (i = 0; (row = x509_scheme_row(i)) != NULL; i++) {
		if (row->scheme == scheme)
			return row;
	}
	return NULL;
}

static bool is_ecdsa(enum x509_kind kind)
{
	return kind == X509_KIND_P256 || kind == X509_KIND_P384;
}

uint16_t x509_kind_curve(enum x509_kind kind)
{
	if (kind == X509_KIND_P256)
		return KTLS_GROUP_SECP256R1;
	return kind == X509_KIND_P384 ? KTLS_GROUP_SECP384R1 : 0;
}

static bool is_rsa(enum x509_kind kind)
{
	return kind == X509_KIND_RSA || kind == X509_KIND_RSA_PSS;
}

/* What TLS 1.3 calls a curve's scheme is a hash to TLS 1.2, for any curve (RFC 9846, 4.3.3). */
bool x509_scheme_fits(const struct x509_scheme *row, enum x509_kind kind, uint16_t version)
{
	if (version == KTLS_TLS_1_3)
		return row->kind == kind && !row->pkcs1;
	if (version == KTLS_TLS_1_2)
		return row->kind == kind || (is_ecdsa(row->kind) && is_ecdsa(kind));
	return false;
}

static enum x509_kind curve_kind(const EVP_PKEY *key)
{
	int explicit_parameters = 0;
	char name[32];

	(void)EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
				     &explicit_parameters);
	if (explicit_parameters || !EVP_PKEY_get_group_name(key, name, sizeof(name), NULL))
		return X509_KIND_NONE;
	if (strcmp(name, SN_X9_62_prime256v1) == 0)
		return X509_KIND_P256;
	if (strcmp(name, SN_secp384r1) == 0)
		return X509_KIND_P384;
	return X509_KIND_NONE;
}

enum x509_kind x509_key_kind(const EVP_PKEY *key)
{
	if (!key)
		return X509_KIND_NONE;
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_EC:
		return curve_kind(key);
	case EVP_PKEY_RSA:
		return X509_KIND_RSA;
	case EVP_PKEY_RSA_PSS:
		return X509_KIND_RSA_PSS;
	case EVP_PKEY_ED25519:
		return X509_KIND_ED25519;
	default:
		return X509_KIND_NONE;
	}
}

const char *x509_key_refused(const EVP_PKEY *key)
{
	enum x509_kind kind = x509_key_kind(key);

	if (kind == X509_KIND_NONE)
		return "is not ECDSA on P-256 or P-384, RSA or Ed25519";
	if (!is_rsa(kind))
		return NULL;
	if (EVP_PKEY_get_bits(key) < RSA_BITS_MIN || EVP_PKEY_get_bits(key) > RSA_BITS_MAX)
		return "is RSA of fewer than 2048 or more than 4096 bits";
	return NULL;
}

/* Fetching takes libcrypto longer than hashing what a CertificateVerify signs. Never freed. */
static EVP_MD *digests[X509_DIGEST_NONE];
static CRYPTO_ONCE digests_once = CRYPTO_ONCE_STATIC_INIT;

static void fetch_digests(void)
{
	digests[X509_SHA256] = EVP_MD_fetch(NULL, "SHA256", NULL);
	digests[X509_SHA384] = EVP_MD_fetch(NULL, "SHA384", NULL);
	digests[X509_SHA512] = EVP_MD_fetch(NULL, "SHA512", NULL);
}

const EVP_MD *x509_digest(enum x509_digest digest)
{
	if (!CRYPTO_THREAD_run_once(&digests_once, fetch_digests) || digest >= X509_DIGEST_NONE)
		return NULL;
	return digests[digest];
}

bool x509_scheme_setup(const struct x509_scheme *row, EVP_PKEY_CTX *ctx)
{
	const EVP_MD *md = x509_digest(row->digest);

	if (!md || EVP_PKEY_CTX_set_signature_md(ctx, md) <= 0)
		return false;
	if (!is_rsa(row->kind))
		return true;
	if (row->pkcs1)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
}

/* libcrypto refuses to be set up for what the parameters of a key rule out. */
static bool parameters_allow(const struct x509_scheme *row, EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	bool good = ctx && EVP_PKEY_verify_init(ctx) > 0 && x509_scheme_setup(row, ctx);

	EVP_PKEY_CTX_free(ctx);
	return good;
}

bool x509_scheme_suits(const struct x509_scheme *row, EVP_PKEY *key, enum x509_kind kind,
		       uint16_t version)
{
	bool good;

	if (!x509_scheme_fits(row, kind, version))
		return false;
	if (kind != X509_KIND_RSA_PSS)
		return true;
	ERR_set_mark();
	good = parameters_allow(row, key);
	ERR_pop_to_mark();
	return good;
}

bool x509_scheme_own(const struct x509_scheme *row, EVP_PKEY *key)
{
	return row->kind == x509_key_kind(key) &&
	       x509_scheme_suits(row, key, row->kind, row->pkcs1 ? KTLS_TLS_1_2 : KTLS_TLS_1_3);
}

static bool digest_good(EVP_PKEY_CTX *ctx, const struct x509_scheme *row, const uint8_t *content,
			size_t len, const uint8_t *sig, size_t sig_len)
{
	const EVP_MD *md = x509_digest(row->digest);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int digest_len;

	return EVP_PKEY_verify_init(ctx) > 0 && x509_scheme_setup(row, ctx) &&
	       EVP_Digest(content, len, digest, &digest_len, md, NULL) &&
	       EVP_PKEY_verify(ctx, sig, sig_len, digest, digest_len) == 1;
}

bool x509_signature_good(EVP_PKEY *key, const struct x509_scheme *row, const uint8_t *content,
			 size_t len, const uint8_t *sig, size_t sig_len)
{
	EVP_PKEY_CTX *ctx = NULL;
	EVP_MD_CTX *md_ctx = NULL;
	bool good;

	if (row->digest == X509_DIGEST_NONE) {
		md_ctx = EVP_MD_CTX_new();
		good = md_ctx && EVP_DigestVerifyInit(md_ctx, NULL, NULL, NULL, key) > 0 &&
		       EVP_DigestVerify(md_ctx, sig, sig_len, content, len) == 1;
	} else {
		ctx = EVP_PKEY_CTX_new(key, NULL);
		good = ctx && digest_good(ctx, row, content, len, sig, sig_len);
	}
	EVP_PKEY_CTX_free(ctx);
	EVP_MD_CTX_free(md_ctx);
	return good;
}
