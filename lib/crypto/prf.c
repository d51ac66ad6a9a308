/* SPDX-License-Identifier: MIT */
#include "lib/crypto/prf.h"

#include <string.h>

#include "lib/crypto/util.h"

/* A label and a seed, which the RFC puts one behind the other. */
struct labelled {
	const char *label;
	const void *seed;
	size_t seed_len;
};

static void add(struct hmac *m, const struct labelled *l)
{
	hmac_update(m, l->label, strlen(l->label));
	hmac_update(m, l->seed, l->seed_len);
}

/* A(1) = HMAC(secret, label || seed) */
static void first(enum hash_alg alg, const void *secret, size_t secret_len,
		  const struct labelled *l, uint8_t *a)
{
	struct hmac m;

	hmac_init(&m, alg, secret, secret_len);
	add(&m, l);
	hmac_final(&m, a);
}

/* P_hash: A(i) = HMAC(secret, A(i-1)), out = HMAC(secret, A(1) || seed) || HMAC(secret, A(2) ... */
void prf(enum hash_alg alg, const void *secret, size_t secret_len, const char *label,
	 const void *seed, size_t seed_len, uint8_t *out, size_t len)
{
	const struct labelled l = { label, seed, seed_len };
	size_t size = hash_size(alg), n;
	uint8_t a[HASH_MAX], block[HASH_MAX];
	struct hmac m;

	first(alg, secret, secret_len, &l, a);
	for (; len > 0; len -= n, out += n) {
		hmac_init(&m, alg, secret, secret_len);
		hmac_update(&m, a, size);
		add(&m, &l);
		hmac_final(&m, block);
		hmac_bytes(alg, secret, secret_len, a, size, a);
		n = len < size ? len : size;
		memcpy(out, block, n);
	}
	secret_wipe(a, sizeof(a));
	secret_wipe(block, sizeof(block));
}

void prf_master(const struct prf_master *from, const uint8_t *premaster, size_t premaster_len,
		uint8_t master[static PRF_MASTER])
{
	uint8_t randoms[2 * PRF_RANDOM];

	if (from->extended) {
		prf(from->alg, premaster, premaster_len, "extended master secret",
		    from->session_hash, hash_size(from->alg), master, PRF_MASTER);
		return;
	}
	memcpy(randoms, from->client_random, PRF_RANDOM);
	memcpy(randoms + PRF_RANDOM, from->server_random, PRF_RANDOM);
	prf(from->alg, premaster, premaster_len, "master secret", randoms, sizeof(randoms), master,
	    PRF_MASTER);
}
