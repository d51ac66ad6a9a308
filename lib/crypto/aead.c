/* SPDX-License-Identifier: MIT */
#include "lib/crypto/aead.h"

#include <sodium.h>
#include <string.h>

#include "lib/crypto/cpu.h"
#include "lib/crypto/gcm.h"
#include "lib/crypto/util.h"

size_t aead_key_size(enum aead_alg alg)
{
	return alg == AEAD_AES_128_GCM ? 16 : 32;
}

static void gcm_init(struct gcm_key *k, const uint8_t *key, size_t key_size)
{
#if defined(__x86_64__)
	if (crypto_cpu.aes_gcm) {
		gcm_init_ni(k, key, key_size);
		return;
	}
#endif
	gcm_init_portable(k, key, key_size);
}

static void gcm_crypt(const struct gcm_key *k, const struct gcm_message *m,
		      uint8_t tag[static AEAD_TAG])
{
#if defined(__x86_64__)
	if (crypto_cpu.aes_gcm) {
		gcm_crypt_ni(k, m, tag);
		return;
	}
#endif
	gcm_crypt_portable(k, m, tag);
}

void aead_init(struct aead *a, enum aead_alg alg, const uint8_t *key)
{
	a->alg = alg;
	if (alg == AEAD_CHACHA20_POLY1305)
		memcpy(a->key.chacha20_poly1305, key, aead_key_size(alg));
	else
		gcm_init(&a->key.gcm, key, aead_key_size(alg));
}

void aead_wipe(struct aead *a)
{
	secret_wipe(a, sizeof(*a));
}

void aead_seal(const struct aead *a, const uint8_t nonce[static AEAD_NONCE], const void *ad,
	       size_t ad_len, const uint8_t *in, size_t len, uint8_t *out)
{
	const struct gcm_message m = { true, nonce, ad, ad_len, in, len, out };

	if (a->alg == AEAD_CHACHA20_POLY1305)
		crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, len, ad, ad_len, NULL,
							  nonce, a->key.chacha20_poly1305);
	else
		gcm_crypt(&a->key.gcm, &m, out + len);
}

static bool gcm_open(const struct gcm_key *k, const struct gcm_message *m, const uint8_t *tag)
{
	uint8_t expected[AEAD_TAG];
	bool ok;

	gcm_crypt(k, m, expected);
	ok = secret_equal(expected, tag, AEAD_TAG);
	if (!ok && m->len > 0)
		memset(m->out, 0, m->len);
	secret_wipe(expected, sizeof(expected));
	return ok;
}

bool aead_open(const struct aead *a, const uint8_t nonce[static AEAD_NONCE], const void *ad,
	       size_t ad_len, const uint8_t *in, size_t len, uint8_t *out)
{
	const struct gcm_message m = { false, nonce, ad, ad_len, in, len - AEAD_TAG, out };

	if (len < AEAD_TAG)
		return false;
	if (a->alg == AEAD_CHACHA20_POLY1305)
		return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, len, ad,
								 ad_len, nonce,
								 a->key.chacha20_poly1305) == 0;
	return gcm_open(&a->key.gcm, &m, in + m.len);
}

void aead_seal_once(enum aead_alg alg, const uint8_t *key, const uint8_t nonce[static AEAD_NONCE],
		    const void *ad, size_t ad_len, const uint8_t *in, size_t len, uint8_t *out)
{
	struct aead a;

	aead_init(&a, alg, key);
	aead_seal(&a, nonce, ad, ad_len, in, len, out);
	aead_wipe(&a);
}

bool aead_open_once(enum aead_alg alg, const uint8_t *key, const uint8_t nonce[static AEAD_NONCE],
		    const void *ad, size_t ad_len, const uint8_t *in, size_t len, uint8_t *out)
{
	struct aead a;
	bool ok;

	aead_init(&a, alg, key);
	ok = aead_open(&a, nonce, ad, ad_len, in, len, out);
	aead_wipe(&a);
	return ok;
}
