/* SPDX-License-Identifier: MIT */
/*
 * TLS 1.2's RSA key exchange (RFC 5246, 7.4.7.1), both ends. libcrypto computes the power and does
 * not look at the padding: its errors would tell what an attacker wants to know.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "lib/crypto/prf.h"
#include "lib/crypto/rsa_premaster.h"
#include "lib/crypto/util.h"
#include "lib/x509/internal.h"
#include "lib/x509/key.h"
#include "lib/x509/verify.h"

#define BLOCK_MAX KTLS_ENGINE_SIGNATURE_MAX /* bytes of a modulus of our own keys */

/*
 * The power, into block, which has the modulus' size. False for what is no number below the
 * modulus, which anybody can see who sees the number.
 */
static bool power(EVP_PKEY *key, const uint8_t *encrypted, size_t len, uint8_t *block, size_t size)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t n = size;
	bool good;

	good = ctx && EVP_PKEY_decrypt_init(ctx) > 0 &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0 &&
	       EVP_PKEY_decrypt(ctx, block, &n, encrypted, len) > 0 && n == size;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static void derive(const struct ktls_engine_decrypt *request, const uint8_t *premaster,
		   uint8_t master[static KTLS_ENGINE_MASTER_LEN])
{
	const struct prf_master from = {
		.alg = request->prf == KTLS_ENGINE_PRF_SHA384 ? HASH_SHA384 : HASH_SHA256,
		.extended = request->extended,
		.session_hash = request->session_hash,
		.client_random = request->client_random,
		.server_random = request->server_random,
	};

	prf_master(&from, premaster, RSA_PREMASTER, master);
}

int x509_key_decrypt_master(struct x509_key *key, const struct ktls_engine_decrypt *request,
			    uint8_t master[static KTLS_ENGINE_MASTER_LEN])
{
	uint8_t block[BLOCK_MAX] = { 0 }, random[RSA_PREMASTER], premaster[RSA_PREMASTER];
	EVP_PKEY *pkey = x509_key_pkey(key);
	size_t size = (size_t)EVP_PKEY_get_size(pkey);

	if (x509_key_kind(pkey) != X509_KIND_RSA || size > sizeof(block))
		return -KTLS_R_MISUSE;
	random_bytes(random, sizeof(random));
	ERR_set_mark();
	/* What is no ciphertext at all has a bad padding, too: zeros. */
	if (!power(pkey, request->encrypted, request->encrypted_len, block, size))
		memset(block, 0, size);
	ERR_pop_to_mark();
	rsa_premaster(block, size, request->version, random, premaster);
	derive(request, premaster, master);
	secret_wipe(block, sizeof(block));
	secret_wipe(random, sizeof(random));
	secret_wipe(premaster, sizeof(premaster));
	return 0;
}

int x509_peer_encrypt(const struct x509_peer *peer, const uint8_t *plain, size_t plain_len,
		      uint8_t encrypted[static KTLS_ENGINE_SIGNATURE_MAX], size_t *encrypted_len)
{
	EVP_PKEY *key = x509_peer_encryption_key(peer);
	uint8_t made[KTLS_ENGINE_SIGNATURE_MAX];
	size_t n = sizeof(made);
	EVP_PKEY_CTX *ctx;
	bool good;

	if (!key || (size_t)EVP_PKEY_get_size(key) > sizeof(made))
		return -KTLS_R_CERTIFICATE_USAGE;
	ERR_set_mark();
	ctx = EVP_PKEY_CTX_new(key, NULL);
	good = ctx && EVP_PKEY_encrypt_init(ctx) > 0 &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
	       EVP_PKEY_encrypt(ctx, made, &n, plain, plain_len) > 0;
	EVP_PKEY_CTX_free(ctx);
	ERR_pop_to_mark();
	if (!good)
		return -KTLS_R_INTERNAL;
	memcpy(encrypted, made, n);
	*encrypted_len = n;
	return 0;
}
