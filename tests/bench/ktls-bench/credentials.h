/* SPDX-License-Identifier: MIT */
/*
 * Whom the ends of a measurement believe: a server's certificate, made when it starts or given in
 * files, and the root that its client trusts. For the program, and, loaded, for each thread.
 */
#ifndef KTLS_BENCH_CREDENTIALS_H
#define KTLS_BENCH_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/x509/identity.h"
#include "lib/x509/key.h"
#include "lib/x509/trust.h"

#define CREDENTIALS_NAME "ktls-bench.example" /* of certificates made here */
#define CREDENTIALS_PEM  16384                /* bytes of a root or a chain, at most */

/* PEM texts, NULL where there is none; heap. */
struct credentials {
	char *chain, *key; /* a server's */
	char *trust;       /* a client's */
	const char *name;  /* that the server's certificate has */
	bool rsa;          /* the key: suites of TLS 1.2 depend on it */
};

/* ECDSA on P-256, or RSA of 2048 bits: chain, key, and the trust that a client needs. */
void credentials_make(struct credentials *c, bool rsa);

/* From files; NULL and a message on stderr where that fails. */
bool credentials_load(struct credentials *c, const char *chain, const char *key, const char *trust);

void credentials_wipe(struct credentials *c);

/* The same for one thread: lib/x509's objects belong to one. */
struct loaded {
	struct x509_identity *identity; /* NULL without a chain */
	struct x509_key *key;
	struct x509_trust *trust;
};

/* NULL, or what failed. */
const char *loaded_init(struct loaded *loaded, const struct credentials *c);
void loaded_wipe(struct loaded *loaded);

#endif
