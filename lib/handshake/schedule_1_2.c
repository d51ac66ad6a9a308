/* SPDX-License-Identifier: MIT */
/* TLS 1.2: the PRF (RFC 5246, 5), master secret (RFC 7627, 4) and key block (RFC 5246, 6.3). */
#include <string.h>

#include "lib/crypto/util.h"
#include "lib/handshake/schedule.h"
#include "lib/wire/writer.h"

#define MASTER_SECRET 48
#define SEED_MAX      (24 + 64) /* longest label, two randoms */
#define BLOCK_MAX     (2 * (AEAD_KEY_MAX + AEAD_NONCE))
#define SALT          4 /* bytes of the fixed part of a GCM nonce, RFC 5288 3 */

/* P_hash: A(i) = HMAC(secret, A(i-1)), out = HMAC(secret, A(1) || seed) || HMAC(secret, A(2) ... */
static void p_hash(enum hash_alg alg, const uint8_t *secret, size_t secret_len, const uint8_t *seed,
		   size_t seed_len, uint8_t *out, size_t len)
{
	size_t size = hash_size(alg), n;
	uint8_t a[HASH_MAX], block[HASH_MAX];
	struct hmac m;

	hmac_bytes(alg, secret, secret_len, seed, seed_len, a);
	for (; len > 0; len -= n, out += n) {
		hmac_init(&m, alg, secret, secret_len);
		hmac_update(&m, a, size);
		hmac_update(&m, seed, seed_len);
		hmac_final(&m, block);
		hmac_bytes(alg, secret, secret_len, a, size, a);
		n = len < size ? len : size;
		memcpy(out, block, n);
	}
	secret_wipe(a, sizeof(a));
	secret_wipe(block, sizeof(block));
}

static void prf(const struct schedule *s, const uint8_t *secret, size_t secret_len,
		const char *label, const void *seed, size_t seed_len, uint8_t *out, size_t len)
{
	uint8_t labelled[SEED_MAX];
	struct writer w;

	writer_init(&w, labelled, sizeof(labelled));
	writer_bytes(&w, label, strlen(label));
	writer_bytes(&w, seed, seed_len);
	p_hash(s->suite->hash, secret, secret_len, labelled, w.len, out, len);
}

static size_t iv_size(const struct schedule *s)
{
	return s->suite->aead == AEAD_CHACHA20_POLY1305 ? AEAD_NONCE : SALT;
}

/* The key block's order: client's key, server's key, client's IV, server's IV. */
static void key_block(struct schedule *s, enum ktls_role role, const uint8_t *client_random,
		      const uint8_t *server_random)
{
	struct traffic *client = role == KTLS_CLIENT ? &s->tx : &s->rx;
	struct traffic *server = role == KTLS_CLIENT ? &s->rx : &s->tx;
	size_t key = aead_key_size(s->suite->aead), iv = iv_size(s);
	uint8_t block[BLOCK_MAX], seed[64];

	memcpy(seed, server_random, 32);
	memcpy(seed + 32, client_random, 32);
	prf(s, s->secret, MASTER_SECRET, "key expansion", seed, sizeof(seed), block,
	    2 * (key + iv));
	memcpy(client->key, block, key);
	memcpy(server->key, block + key, key);
	memcpy(client->iv, block + 2 * key, iv);
	memcpy(server->iv, block + 2 * key + iv, iv);
	secret_wipe(block, sizeof(block));
}

int schedule_1_2_derive(struct schedule *s, enum ktls_role role, const uint8_t *hash,
			const uint8_t *client_random, const uint8_t *server_random)
{
	if (s->stage != SCHEDULE_START || !s->suite)
		return -KTLS_R_INTERNAL;
	prf(s, s->shared, sizeof(s->shared), "extended master secret", hash,
	    hash_size(s->suite->hash), s->secret, MASTER_SECRET);
	secret_wipe(s->shared, sizeof(s->shared));
	secret_wipe(s->private_key, sizeof(s->private_key));
	key_block(s, role, client_random, server_random);
	s->stage = SCHEDULE_1_2;
	return 0;
}

int schedule_1_2_resume(struct schedule *s, enum ktls_role role, const uint8_t *client_random,
			const uint8_t *server_random)
{
	if (s->stage != SCHEDULE_START || !s->suite)
		return -KTLS_R_INTERNAL;
	secret_wipe(s->private_key, sizeof(s->private_key));
	key_block(s, role, client_random, server_random);
	s->stage = SCHEDULE_1_2;
	return 0;
}

int schedule_1_2_switch(struct schedule *s, struct traffic *t)
{
	if (s->stage != SCHEDULE_1_2 || t->on)
		return -KTLS_R_INTERNAL;
	t->seq = 0;
	t->on = true;
	return 0;
}

void schedule_1_2_finished(const struct schedule *s, enum ktls_role sender, const uint8_t *hash,
			   uint8_t out[static FINISHED_1_2])
{
	prf(s, s->secret, MASTER_SECRET,
	    sender == KTLS_CLIENT ? "client finished" : "server finished", hash,
	    hash_size(s->suite->hash), out, FINISHED_1_2);
}
