/* SPDX-License-Identifier: MIT */
/* Traffic keys of what outlives the handshake: RFC 9846 7.2 and 7.3, RFC 5246 6.3. */
#include <string.h>

#include <ktls-secrets.h>

#include "lib/crypto/util.h"
#include "lib/handshake/schedule.h"

/* Behind the Finished, which is the first record under the keys of TLS 1.2. */
#define FIRST_RECORD_1_2 1

static const struct suite *suite_of(const struct ktls_secrets *secrets)
{
	const struct suite *suite = suite_find(secrets->suite);

	return suite && suite->version == secrets->version ? suite : NULL;
}

static void describe(const struct suite *suite, struct ktls_traffic_key *key)
{
	memset(key, 0, sizeof(*key));
	key->version = suite->version;
	key->suite = suite->number;
}

static void key_1_3(const struct suite *suite, const uint8_t *secret, struct ktls_traffic_key *key)
{
	describe(suite, key);
	schedule_expand_label(suite->hash, secret, "key", NULL, 0, key->key,
			      aead_key_size(suite->aead));
	schedule_expand_label(suite->hash, secret, "iv", NULL, 0, key->iv, sizeof(key->iv));
}

/* From the master secret and the randoms, as in the handshake. */
static int key_1_2(const struct ktls_secrets *secrets, const struct suite *suite,
		   enum ktls_direction direction, struct ktls_traffic_key *key)
{
	struct schedule s = { .suite = suite };
	const struct traffic *t = direction == KTLS_TX ? &s.tx : &s.rx;
	int result;

	memcpy(s.secret, secrets->exporter, KTLS_ENGINE_MASTER_LEN);
	result = schedule_1_2_keys(&s, secrets->role, secrets->client_random,
				   secrets->server_random);
	if (result == 0) {
		describe(suite, key);
		memcpy(key->key, t->key, sizeof(key->key));
		memcpy(key->iv, t->iv, sizeof(key->iv));
		key->seq[sizeof(key->seq) - 1] = FIRST_RECORD_1_2;
	}
	secret_wipe(&s, sizeof(s));
	return result;
}

int ktls_secrets_traffic_key(const struct ktls_secrets *secrets, enum ktls_direction direction,
			     struct ktls_traffic_key *key)
{
	const struct suite *suite = suite_of(secrets);

	if (!suite)
		return -KTLS_R_MISUSE;
	if (suite->version == KTLS_TLS_1_2)
		return key_1_2(secrets, suite, direction, key);
	key_1_3(suite, direction == KTLS_TX ? secrets->tx : secrets->rx, key);
	return 0;
}

int ktls_secrets_key_update(struct ktls_secrets *secrets, enum ktls_direction direction,
			    struct ktls_traffic_key *key)
{
	const struct suite *suite = suite_of(secrets);
	uint8_t *secret = direction == KTLS_TX ? secrets->tx : secrets->rx;
	uint8_t next[HASH_MAX];

	if (!suite || suite->version != KTLS_TLS_1_3)
		return -KTLS_R_MISUSE;
	schedule_expand_label(suite->hash, secret, "traffic upd", NULL, 0, next,
			      hash_size(suite->hash));
	memcpy(secret, next, hash_size(suite->hash));
	secret_wipe(next, sizeof(next));
	key_1_3(suite, secret, key);
	return 0;
}
