/* SPDX-License-Identifier: MIT */
/*
 * SHA-2's compression functions out of libsodium, which exports only whole hashes: a state that
 * has taken no bytes yet and is given whole blocks compresses just these, and keeps the
 * chaining value where we can read it.
 */
#include <sodium.h>
#include <string.h>

#include "lib/crypto/sha2.h"
#include "lib/crypto/util.h"

void sha256_blocks_portable(uint32_t state[8], const uint8_t *blocks, size_t n)
{
	crypto_hash_sha256_state s = { .count = 0 };

	_Static_assert(sizeof(s.state) == 32, "libsodium's SHA-256 state");
	memcpy(s.state, state, sizeof(s.state));
	crypto_hash_sha256_update(&s, blocks, 64 * (unsigned long long)n);
	memcpy(state, s.state, sizeof(s.state));
	secret_wipe(&s, sizeof(s));
}

void sha512_blocks_portable(uint64_t state[8], const uint8_t *blocks, size_t n)
{
	crypto_hash_sha512_state s = { .count = { 0 } };

	_Static_assert(sizeof(s.state) == 64, "libsodium's SHA-512 state");
	memcpy(s.state, state, sizeof(s.state));
	crypto_hash_sha512_update(&s, blocks, 128 * (unsigned long long)n);
	memcpy(state, s.state, sizeof(s.state));
	secret_wipe(&s, sizeof(s));
}
