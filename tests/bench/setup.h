/* SPDX-License-Identifier: MIT */
/* What is made once and used by all handshakes of a configuration, for our stack and for libssl. */
#ifndef KTLS_TESTS_BENCH_SETUP_H
#define KTLS_TESTS_BENCH_SETUP_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/x509/identity.h"
#include "lib/x509/key.h"
#include "lib/x509/trust.h"
#include "tests/harness/certs.h"

#define HOST "bench.example"

enum side { SERVER, CLIENT, SIDES };

/* What both stacks use. */
struct setup {
	const char *name;
	struct x509_identity *identity;
	struct x509_key *key;
	struct x509_trust *trust;
	struct cert *root, *intermediate, *leaf;
	SSL_CTX *ssl[SIDES];
};

static inline void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static inline SSL_CTX *ssl_context(enum side side, const struct cert *leaf)
{
	SSL_CTX *ctx = SSL_CTX_new(side == SERVER ? TLS_server_method() : TLS_client_method());

	require(ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
			SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
			SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") == 1 &&
			SSL_CTX_set1_groups_list(ctx, "X25519") == 1,
		"SSL_CTX failed");
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (side == SERVER) {
		require(SSL_CTX_use_certificate(ctx, leaf->x509) == 1 &&
				SSL_CTX_use_PrivateKey(ctx, leaf->pkey) == 1 &&
				SSL_CTX_add1_chain_cert(ctx, leaf->issuer->x509) == 1 &&
				SSL_CTX_set_num_tickets(ctx, 0) == 1,
			"SSL_CTX of the server failed");
		return ctx;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	require(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), leaf->issuer->issuer->x509) == 1,
		"SSL_CTX of the client failed");
	return ctx;
}

static inline void setup_init(struct setup *setup, const char *name, enum cert_key type)
{
	size_t len;
	char *pem;

	setup->name = name;
	setup->root = cert_ca(type, "Bench Root");
	setup->intermediate = cert_intermediate(type, "Bench Intermediate", setup->root);
	setup->leaf = cert_server(type, "DNS:" HOST, setup->intermediate);
	pem = cert_chain_pem(setup->leaf, &len);
	setup->identity = x509_identity_new(pem, len, NULL);
	setup->key = x509_key_new(setup->leaf->key_pem, setup->leaf->key_pem_len, NULL);
	setup->trust = x509_trust_new(setup->root->pem, setup->root->pem_len, NULL);
	require(setup->identity && setup->key && setup->trust, "our set-up failed");
	require(setup->identity->chain_len == 2, "the chain is not leaf and intermediate");
	for (enum side side = SERVER; side < SIDES; side++)
		setup->ssl[side] = ssl_context(side, setup->leaf);
	free(pem);
}

static inline void setup_free(struct setup *setup)
{
	for (enum side side = SERVER; side < SIDES; side++)
		SSL_CTX_free(setup->ssl[side]);
	x509_trust_free(setup->trust);
	x509_key_free(setup->key);
	x509_identity_free(setup->identity);
	cert_free(setup->leaf);
	cert_free(setup->intermediate);
	cert_free(setup->root);
}

#endif
