/* SPDX-License-Identifier: MIT */
/* What peers are held to, as a digest that goes into tickets and sessions. */
#include "lib/conn/conn.h"
#include "lib/crypto/hash.h"
#include "lib/x509/trust.h"

static void add_trust(struct hash *h, const struct x509_trust *trust)
{
	uint8_t there = trust != NULL;

	hash_update(h, &there, 1);
	if (trust)
		hash_update(h, x509_trust_digest(trust), X509_TRUST_DIGEST_LEN);
}

void conn_profile_seal(struct conn_profile *profile)
{
	uint8_t auth = (uint8_t)profile->client_auth;
	struct hash h;

	hash_init(&h, HASH_SHA256);
	hash_update(&h, &auth, 1);
	add_trust(&h, profile->client_trust);
	add_trust(&h, profile->trust);
	hash_final(&h, profile->policy);
}
