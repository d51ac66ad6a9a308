/* SPDX-License-Identifier: MIT */
/* TLS 1.2: master secret (RFC 5246, 8.1; RFC 7627, 4) and key block (RFC 5246, 6.3). */
#include <string.h>

#include "lib/crypto/prf.h"
#include "lib/crypto/util.h"
#include "lib/handshake/schedule.h"

#define BLOCK_MAX (2 * (AEAD_KEY_MAX + AEAD_NONCE))
#define SALT      4 /* bytes of the fixed part of a GCM nonce, RFC 5288 3 */

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
	prf(s->suite->hash, s->secret, PRF_MASTER, "key expansion", seed, sizeof(seed), block,
	    2 * (key + iv));
	memcpy(client->key, block, key);
	memcpy(server->key, block + key, key);
	memcpy(client->iv, block + 2 * key, iv);
	memcpy(server->iv, block + 2 * key + iv, iv);
	secret_wipe(block, sizeof(block));
}

int schedule_1_2_master(struct schedule *s, size_t premaster_len, const struct prf_master *from)
{
	if (s->stage != SCHEDULE_START || !s->suite || premaster_len > sizeof(s->shared))
		return -KTLS_R_INTERNAL;
	prf_master(from, s->shared, premaster_len, s->secret);
	secret_wipe(s->shared, sizeof(s->shared));
	return 0;
}

int schedule_1_2_keys(struct schedule *s, enum ktls_role role, const uint8_t *client_random,
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
	prf(s->suite->hash, s->secret, PRF_MASTER,
	    sender == KTLS_CLIENT ? "client finished" : "server finished", hash,
	    hash_size(s->suite->hash), out, FINISHED_1_2);
}
