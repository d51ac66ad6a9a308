/* SPDX-License-Identifier: MIT */
/* TLS 1.2's pseudorandom function (RFC 5246, 5) and its master secret (8.1; RFC 7627, 4). */
#ifndef KTLS_CRYPTO_PRF_H
#define KTLS_CRYPTO_PRF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/crypto/hash.h"

#define PRF_MASTER 48 /* bytes of a master secret */
#define PRF_RANDOM 32 /* bytes of a hello's random */

/* Writes len bytes, of which none may be the secret's. In time that depends on lengths only. */
void prf(enum hash_alg alg, const void *secret, size_t secret_len, const char *label,
	 const void *seed, size_t seed_len, uint8_t *out, size_t len);

/* What a master secret is derived from, besides the premaster secret. */
struct prf_master {
	enum hash_alg alg;
	bool extended;               /* from the session hash, else from the randoms */
	const uint8_t *session_hash; /* hash_size() bytes: ClientHello...ClientKeyExchange */
	const uint8_t *client_random;
	const uint8_t *server_random;
};

void prf_master(const struct prf_master *from, const uint8_t *premaster, size_t premaster_len,
		uint8_t master[static PRF_MASTER]);

#endif
