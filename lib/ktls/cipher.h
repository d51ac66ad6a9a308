/* SPDX-License-Identifier: MIT */
/*
 * The kernel's ciphers, and the crypto_info that installs a key of each.
 *
 * Linux has one struct tls12_crypto_info_... a cipher. All are laid out alike: version and cipher
 * as native 16-bit numbers, then iv, key, salt and the sequence number of the next record, without
 * padding. So one builder serves every cipher, both directions, and both versions of TLS, which
 * differ in one thing: where records have an explicit nonce (TLS 1.2, but for ChaCha20: RFC 5288, 3
 * and RFC 7905, 2) the iv is that nonce of the next record, else it is what follows the salt in the
 * write_iv (RFC 9846, 5.3).
 */
#ifndef KTLS_KTLS_CIPHER_H
#define KTLS_KTLS_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls-tls.h>

#define CIPHERS         8
#define CRYPTO_INFO_MAX 56

struct cipher {
	uint16_t id; /* TLS_CIPHER_... */
	uint8_t iv_len, key_len, salt_len;
	const char *name;
};

/* Key material: whoever has one wipes it with explicit_bzero(). */
struct crypto_info {
	uint8_t bytes[CRYPTO_INFO_MAX];
	size_t len;
};

/* Row i, or NULL past the end. */
const struct cipher *cipher_row(size_t i);

/* The cipher of a TLS version's suite, NULL where the kernel has none for it. */
const struct cipher *cipher_of_suite(uint16_t version, uint16_t suite);

/* The row of a TLS_CIPHER_... number, or NULL. */
const struct cipher *cipher_find(uint16_t id);

/* The first suite of a version that has the cipher, 0 where there is none. */
uint16_t cipher_suite(uint16_t version, const struct cipher *cipher);

/* What key->suite says does not matter. */
void crypto_info_build(const struct cipher *cipher, const struct ktls_traffic_key *key,
		       struct crypto_info *out);

/* The bytes that crypto_info_build() makes. */
size_t crypto_info_len(const struct cipher *cipher);

/*
 * The way back, suite included. In TLS 1.2 with an explicit nonce the last 8 bytes of iv are 0.
 * False where info is not one of the cipher.
 */
bool crypto_info_parse(const struct crypto_info *info, const struct cipher *cipher,
		       struct ktls_traffic_key *out) __attribute__((warn_unused_result));

#endif
