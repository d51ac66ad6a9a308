/* SPDX-License-Identifier: MIT */
#include "lib/ktls/cipher.h"

#include <string.h>

#include "lib/ktls/uapi.h"

#define SEQ_LEN 8
#define IV_LEN  12

#define ROW(name_, NAME)                                                        \
	{                                                                       \
		.id = TLS_CIPHER_##NAME, .iv_len = TLS_CIPHER_##NAME##_IV_SIZE, \
		.key_len = TLS_CIPHER_##NAME##_KEY_SIZE,                        \
		.salt_len = TLS_CIPHER_##NAME##_SALT_SIZE, .name = (name_)      \
	}

static const struct cipher ciphers[CIPHERS] = {
	ROW("AES-GCM-128", AES_GCM_128),   ROW("AES-GCM-256", AES_GCM_256),
	ROW("AES-CCM-128", AES_CCM_128),   ROW("CHACHA20-POLY1305", CHACHA20_POLY1305),
	ROW("SM4-GCM", SM4_GCM),           ROW("SM4-CCM", SM4_CCM),
	ROW("ARIA-GCM-128", ARIA_GCM_128), ROW("ARIA-GCM-256", ARIA_GCM_256),
};

/* The layout that crypto_info_build() relies on. */
#define LAYOUT(type)                                                                              \
	_Static_assert(offsetof(struct type, iv) == sizeof(struct tls_crypto_info) &&             \
			       offsetof(struct type, key) > offsetof(struct type, iv) &&          \
			       offsetof(struct type, salt) > offsetof(struct type, key) &&        \
			       offsetof(struct type, rec_seq) + SEQ_LEN == sizeof(struct type) && \
			       sizeof(struct type) <= CRYPTO_INFO_MAX,                            \
		       #type)
LAYOUT(tls12_crypto_info_aes_gcm_128);
LAYOUT(tls12_crypto_info_aes_gcm_256);
LAYOUT(tls12_crypto_info_aes_ccm_128);
LAYOUT(tls12_crypto_info_chacha20_poly1305);
LAYOUT(tls12_crypto_info_sm4_gcm);
LAYOUT(tls12_crypto_info_sm4_ccm);
LAYOUT(tls12_crypto_info_aria_gcm_128);
LAYOUT(tls12_crypto_info_aria_gcm_256);

/* IANA's suites, TLS 1.2 from RFC 5288, 5289, 6655, 7251, 7905, TLS 1.3 from RFC 9846, B.4 and RFC
 * 8998. */
static const struct {
	uint16_t version;
	uint16_t suite;
	uint16_t cipher;
} suites[] = {
	{ KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256, TLS_CIPHER_AES_GCM_128 },
	{ KTLS_TLS_1_3, KTLS_AES_256_GCM_SHA384, TLS_CIPHER_AES_GCM_256 },
	{ KTLS_TLS_1_3, KTLS_CHACHA20_POLY1305_SHA256, TLS_CIPHER_CHACHA20_POLY1305 },
	{ KTLS_TLS_1_2, 0xc02b, TLS_CIPHER_AES_GCM_128 },       /* ECDHE_ECDSA */
	{ KTLS_TLS_1_2, 0xc02f, TLS_CIPHER_AES_GCM_128 },       /* ECDHE_RSA */
	{ KTLS_TLS_1_2, 0x009c, TLS_CIPHER_AES_GCM_128 },       /* RSA */
	{ KTLS_TLS_1_2, 0xc02c, TLS_CIPHER_AES_GCM_256 },       /* ECDHE_ECDSA */
	{ KTLS_TLS_1_2, 0xc030, TLS_CIPHER_AES_GCM_256 },       /* ECDHE_RSA */
	{ KTLS_TLS_1_2, 0x009d, TLS_CIPHER_AES_GCM_256 },       /* RSA */
	{ KTLS_TLS_1_2, 0xcca9, TLS_CIPHER_CHACHA20_POLY1305 }, /* ECDHE_ECDSA */
	{ KTLS_TLS_1_2, 0xcca8, TLS_CIPHER_CHACHA20_POLY1305 }, /* ECDHE_RSA */
};

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

const struct cipher *cipher_row(size_t i)
{
	return i < CIPHERS ? &ciphers[i] : NULL;
}

const struct cipher *cipher_find(uint16_t id)
{
	for (size_t i = 0; i < CIPHERS; i++) {
		if (ciphers[i].id == id)
			return &ciphers[i];
	}
	return NULL;
}

const struct cipher *cipher_of_suite(uint16_t version, uint16_t suite)
{
	for (size_t i = 0; i < LEN(suites); i++) {
		if (suites[i].version == version && suites[i].suite == suite)
			return cipher_find(suites[i].cipher);
	}
	return NULL;
}

uint16_t cipher_suite(uint16_t version, const struct cipher *cipher)
{
	for (size_t i = 0; i < LEN(suites); i++) {
		if (suites[i].version == version && suites[i].cipher == cipher->id)
			return suites[i].suite;
	}
	return 0;
}

static bool has_explicit_nonce(uint16_t version, const struct cipher *cipher)
{
	return version == KTLS_TLS_1_2 && cipher->salt_len > 0;
}

size_t crypto_info_len(const struct cipher *cipher)
{
	return sizeof(struct tls_crypto_info) + cipher->iv_len + cipher->key_len +
	       cipher->salt_len + SEQ_LEN;
}

static uint8_t *append(uint8_t *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

void crypto_info_build(const struct cipher *cipher, const struct ktls_traffic_key *key,
		       struct crypto_info *out)
{
	struct tls_crypto_info head = { .version = key->version, .cipher_type = cipher->id };
	const uint8_t *iv = key->iv + cipher->salt_len;
	uint8_t *at = out->bytes;

	/* Sequence numbers never repeat under one key, so they make good nonces (RFC 5288, 3). */
	if (has_explicit_nonce(key->version, cipher))
		iv = key->seq;
	at = append(at, &head, sizeof(head));
	at = append(at, iv, cipher->iv_len);
	at = append(at, key->key, cipher->key_len);
	at = append(at, key->iv, cipher->salt_len);
	append(at, key->seq, SEQ_LEN);
	out->len = crypto_info_len(cipher);
}

bool crypto_info_parse(const struct crypto_info *info, const struct cipher *cipher,
		       struct ktls_traffic_key *out)
{
	struct tls_crypto_info head;
	const uint8_t *at = info->bytes + sizeof(head);

	if (info->len != crypto_info_len(cipher))
		return false;
	memcpy(&head, info->bytes, sizeof(head));
	if (head.cipher_type != cipher->id)
		return false;
	memset(out, 0, sizeof(*out));
	out->version = head.version;
	out->suite = cipher_suite(head.version, cipher);
	if (!has_explicit_nonce(head.version, cipher))
		memcpy(out->iv + cipher->salt_len, at, cipher->iv_len);
	at += cipher->iv_len;
	memcpy(out->key, at, cipher->key_len);
	at += cipher->key_len;
	memcpy(out->iv, at, cipher->salt_len);
	memcpy(out->seq, at + cipher->salt_len, SEQ_LEN);
	return true;
}
