/* SPDX-License-Identifier: MIT */
#include "lib/x509/key.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/x509/internal.h"
#include "lib/x509/pem.h"

/* Setting up a signature takes libcrypto 3 us and more: it is done once for each scheme. */
struct ready {
	const struct x509_scheme *row;
	EVP_PKEY_CTX *digest_ctx; /* signs a digest; NULL for Ed25519 */
	EVP_MD_CTX *content_ctx;  /* Ed25519: to be copied, for it signs once only */
};

struct x509_key {
	EVP_PKEY *pkey;
	enum x509_kind kind;
	struct ready ready[X509_IDENTITY_SCHEMES_MAX];
	size_t ready_len;
	EVP_MD_CTX *scratch;
};

/* ---- loading --------------------------------------------------------------------------------- */

static EVP_PKEY *parse(const uint8_t *der, size_t len)
{
	const unsigned char *p = der;

	return len <= LONG_MAX ? d2i_AutoPrivateKey(NULL, &p, (long)len) : NULL;
}

static EVP_PKEY *parse_block(const struct pem_block *block, struct x509_error *err)
{
	EVP_PKEY *pkey;
	uint8_t *der;
	size_t len;

	if (pem_is_encrypted(block)) {
		x509_error_set(err, block->line,
			       "the private key is encrypted: decrypt it, there is nobody to ask "
			       "for its passphrase");
		return NULL;
	}
	der = pem_decode(block, &len);
	if (!der) {
		x509_error_set(err, block->line, "damaged or incomplete PEM block");
		return NULL;
	}
	pkey = parse(der, len);
	pem_free(der, len);
	if (!pkey)
		x509_error_set(err, block->line, "the private key cannot be parsed");
	return pkey;
}

static EVP_PKEY *parse_pem(const void *bytes, size_t len, struct x509_error *err)
{
	EVP_PKEY *pkey = NULL;
	struct pem_block block;
	struct pem pem;

	pem_init(&pem, bytes, len);
	while (pem_next(&pem, &block)) {
		if (!pem_is_private_key(&block))
			continue;
		if (pkey) {
			x509_error_set(err, block.line, "a second private key");
			EVP_PKEY_free(pkey);
			return NULL;
		}
		pkey = parse_block(&block, err);
		if (!pkey)
			return NULL;
	}
	if (!pkey)
		x509_error_set(err, 0, "no private key");
	return pkey;
}

static EVP_PKEY *load(const void *bytes, size_t len, struct x509_error *err)
{
	static const uint8_t sequence = 0x30; /* DER, not text */
	EVP_PKEY *pkey;

	if (len == 0 || memcmp(bytes, &sequence, 1) != 0)
		return parse_pem(bytes, len, err);
	pkey = parse(bytes, len);
	if (!pkey)
		x509_error_set(err, 0, "the private key cannot be parsed, or is encrypted");
	return pkey;
}

/* ---- making ready ---------------------------------------------------------------------------- */

static bool make_ready(struct x509_key *key, const struct x509_scheme *row)
{
	struct ready *ready = &key->ready[key->ready_len];

	ready->row = row;
	key->ready_len++;
	if (row->digest == X509_DIGEST_NONE) {
		ready->content_ctx = EVP_MD_CTX_new();
		return ready->content_ctx &&
		       EVP_DigestSignInit(ready->content_ctx, NULL, NULL, NULL, key->pkey) > 0;
	}
	ready->digest_ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
	return ready->digest_ctx && EVP_PKEY_sign_init(ready->digest_ctx) > 0 &&
	       x509_scheme_setup(row, ready->digest_ctx);
}

static bool make_all_ready(struct x509_key *key)
{
	const struct x509_scheme *row;
	size_t i;

	key->kind = x509_key_kind(key->pkey);
	key->scratch = EVP_MD_CTX_new();
	if (!key->scratch)
		return false;
	for (i = 0; (row = x509_scheme_row(i)) != NULL; i++) {
		if (x509_scheme_own(row, key->pkey) && !make_ready(key, row))
			return false;
	}
	/* TLS 1.2 has hashes for any curve, too. */
	for (i = 0; (row = x509_scheme_row(i)) != NULL; i++) {
		if (row->kind != key->kind && x509_scheme_fits(row, key->kind, KTLS_TLS_1_2) &&
		    !make_ready(key, row))
			return false;
	}
	return key->ready_len > 0;
}

/* Tells a key whose private and public parts do not belong together. */
static bool works(struct x509_key *key)
{
	static const uint8_t content[KTLS_ENGINE_CONTENT_MAX];
	uint8_t sig[KTLS_ENGINE_SIGNATURE_MAX];
	const struct x509_scheme *row = key->ready[0].row;
	size_t sig_len;

	return x509_key_sign(key, KTLS_TLS_1_3, row->scheme, content, sizeof(content), sig,
			     &sig_len) == 0 &&
	       x509_signature_good(key->pkey, row, content, sizeof(content), sig, sig_len);
}

static bool prepare(struct x509_key *key, struct x509_error *err)
{
	const char *refused = x509_key_refused(key->pkey);

	if (refused) {
		x509_error_set(err, 0, "the key %s", refused);
		return false;
	}
	if (!make_all_ready(key) || !works(key)) {
		x509_error_set(err, 0, "the key makes no signature that its public half verifies");
		return false;
	}
	return true;
}

struct x509_key *x509_key_new(const void *bytes, size_t len, struct x509_error *err)
{
	struct x509_key *key = calloc(1, sizeof(*key));

	if (!key) {
		x509_error_set(err, 0, "out of memory");
		return NULL;
	}
	ERR_set_mark();
	key->pkey = load(bytes, len, err);
	if (!key->pkey || !prepare(key, err)) {
		x509_key_free(key);
		key = NULL;
	}
	ERR_pop_to_mark();
	return key;
}

void x509_key_free(struct x509_key *key)
{
	size_t i;

	if (!key)
		return;
	for (i = 0; i < key->ready_len; i++) {
		EVP_PKEY_CTX_free(key->ready[i].digest_ctx);
		EVP_MD_CTX_free(key->ready[i].content_ctx);
	}
	EVP_MD_CTX_free(key->scratch);
	EVP_PKEY_free(key->pkey);
	free(key);
}

EVP_PKEY *x509_key_pkey(const struct x509_key *key)
{
	return key->pkey;
}

/* ---- using ----------------------------------------------------------------------------------- */

bool x509_key_fits(const struct x509_key *key, const struct x509_identity *identity)
{
	EVP_PKEY *leaf_key;
	bool same;
	X509 *leaf;

	ERR_set_mark();
	leaf = x509_parse(identity->chain[0].bytes, identity->chain[0].len);
	leaf_key = leaf ? X509_get0_pubkey(leaf) : NULL;
	same = leaf_key && EVP_PKEY_eq(key->pkey, leaf_key) == 1;
	X509_free(leaf);
	ERR_pop_to_mark();
	return same;
}

static bool sign_digest(const struct ready *ready, EVP_MD_CTX *scratch, const uint8_t *content,
			size_t len, uint8_t *sig, size_t *sig_len)
{
	const EVP_MD *md = x509_digest(ready->row->digest);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int digest_len;

	return EVP_DigestInit_ex2(scratch, md, NULL) && EVP_DigestUpdate(scratch, content, len) &&
	       EVP_DigestFinal_ex(scratch, digest, &digest_len) &&
	       EVP_PKEY_sign(ready->digest_ctx, sig, sig_len, digest, digest_len) > 0;
}

static bool sign_content(const struct ready *ready, EVP_MD_CTX *scratch, const uint8_t *content,
			 size_t len, uint8_t *sig, size_t *sig_len)
{
	return EVP_MD_CTX_copy_ex(scratch, ready->content_ctx) &&
	       EVP_DigestSign(scratch, sig, sig_len, content, len) > 0;
}

static const struct ready *find_ready(const struct x509_key *key, uint16_t scheme)
{
	size_t i;

	for (i = 0; i < key->ready_len; i++) {
		if (key->ready[i].row->scheme == scheme)
			return &key->ready[i];
	}
	return NULL;
}

int x509_key_sign(struct x509_key *key, uint16_t version, uint16_t scheme, const uint8_t *content,
		  size_t len, uint8_t sig[static KTLS_ENGINE_SIGNATURE_MAX], size_t *sig_len)
{
	size_t max = version == KTLS_TLS_1_2 ? KTLS_ENGINE_MESSAGES_MAX : KTLS_ENGINE_CONTENT_MAX;
	const struct ready *ready = find_ready(key, scheme);
	uint8_t made[KTLS_ENGINE_SIGNATURE_MAX];
	size_t n = sizeof(made);
	bool good;

	if (!ready || !x509_scheme_fits(ready->row, key->kind, version) || len > max)
		return -KTLS_R_MISUSE;
	ERR_set_mark();
	if (ready->digest_ctx)
		good = sign_digest(ready, key->scratch, content, len, made, &n);
	else
		good = sign_content(ready, key->scratch, content, len, made, &n);
	ERR_pop_to_mark();
	if (!good)
		return -KTLS_R_SIGNER;
	memcpy(sig, made, n);
	*sig_len = n;
	return 0;
}
