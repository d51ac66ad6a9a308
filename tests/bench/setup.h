/* SPDX-License-Identifier: MIT */
/* What is made once and used by all handshakes with keys of a type, for our stack and for libssl.
 */
#ifndef KTLS_TESTS_BENCH_SETUP_H
#define KTLS_TESTS_BENCH_SETUP_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/x509/cache.h"
#include "lib/x509/identity.h"
#include "lib/x509/key.h"
#include "lib/x509/trust.h"
#include "tests/bench/account.h"
#include "tests/harness/certs.h"

#define HOST "bench.example"

/* Shown in turns, each is new to a client that remembers the most recent ones. */
#define LEAVES (X509_CACHE_ENTRIES + 16)

/* A side's certificates: leaves of one key under one intermediate, and whom the peer believes. */
struct credentials {
	struct cert *root, *intermediate, *leaves[LEAVES];
	struct x509_identity *identities[LEAVES];
	struct x509_key *key;
	struct x509_trust *trust; /* the root, for the peer */
};

struct setup {
	enum cert_key type;
	struct credentials of[SIDES];
};

static inline void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static inline struct x509_trust *new_trust(const struct credentials *c)
{
	struct x509_trust *trust = x509_trust_new(c->root->pem, c->root->pem_len, NULL);

	require(trust, "no trust");
	return trust;
}

static inline struct cert *new_leaf(struct credentials *c, enum cert_key type, enum side side)
{
	const struct cert_spec spec = {
		.key = type,
		.key_of = c->leaves[0],
		.cn = HOST,
		.san = "DNS:" HOST,
		.key_usage = "digitalSignature,keyEncipherment",
		.eku = side == SERVER ? "serverAuth" : "clientAuth",
	};

	return cert_new(&spec, c->intermediate);
}

static inline void credentials_init(struct credentials *c, enum cert_key type, enum side side)
{
	c->root = cert_ca(type, "Bench Root");
	c->intermediate = cert_intermediate(type, "Bench Intermediate", c->root);
	c->trust = new_trust(c);
	for (size_t i = 0; i < LEAVES; i++) {
		size_t len;
		char *pem;

		c->leaves[i] = new_leaf(c, type, side);
		pem = cert_chain_pem(c->leaves[i], &len);
		c->identities[i] = x509_identity_new(pem, len, NULL);
		require(c->identities[i] && c->identities[i]->chain_len == 2,
			"the chain is not leaf and intermediate");
		free(pem);
	}
	c->key = x509_key_new(c->leaves[0]->key_pem, c->leaves[0]->key_pem_len, NULL);
	require(c->key, "no key");
}

static inline void credentials_free(struct credentials *c)
{
	for (size_t i = 0; i < LEAVES; i++) {
		x509_identity_free(c->identities[i]);
		cert_free(c->leaves[LEAVES - 1 - i]);
	}
	x509_trust_free(c->trust);
	x509_key_free(c->key);
	cert_free(c->intermediate);
	cert_free(c->root);
}

static inline void setup_init(struct setup *setup, enum cert_key type)
{
	setup->type = type;
	for (enum side side = SERVER; side < SIDES; side++)
		credentials_init(&setup->of[side], type, side);
}

static inline void setup_free(struct setup *setup)
{
	for (enum side side = SERVER; side < SIDES; side++)
		credentials_free(&setup->of[side]);
}

/* How a row's handshakes are. */
enum memory {
	KNOWN,     /* the same peer again and again */
	NEW_LEAF,  /* certificates never seen, by an intermediate that is known */
	NEW_CHAIN, /* nothing seen before */
};

struct scenario {
	const char *name;
	uint16_t version;
	enum cert_key type;
	bool mutual; /* both sides have certificates */
	enum memory memory;
	uint8_t tickets; /* that the server gives */
	bool resumed;
	double aim[SIDES]; /* ours as a share of libssl's CPU time; 0: none, and no row */
};

#define NO_AIM (-1) /* a row without an aim */

#endif
