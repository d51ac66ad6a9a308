/* SPDX-License-Identifier: MIT */
/* Real certificates for the engines of engines.h: keys and checks by lib/x509. */
#ifndef KTLS_TESTS_AUTH_H
#define KTLS_TESTS_AUTH_H

#include "lib/x509/identity.h"
#include "lib/x509/key.h"
#include "lib/x509/verify.h"
#include "tests/harness/certs.h"
#include "tests/harness/engines.h"

#define AUTH_IDENTITIES 8

struct auth {
	struct x509_identity *identities[AUTH_IDENTITIES];
	struct x509_key *keys[AUTH_IDENTITIES];
	size_t n;
	bool strict; /* no certificate but for a name that matches */
	struct x509_trust *trust;
	const char *name;          /* to be verified; NULL: any */
	struct x509_peer *peer;    /* whose leaf was seen last */
	struct sessions *sessions; /* of sessions.h; NULL: no resumption */
};

/* Adds a certificate with its issuers and key; the test ends if they do not load. */
void auth_add(struct auth *auth, const struct cert *cert);

/* Trusts ca. */
void auth_trust(struct auth *auth, const struct cert *ca);

/* Makes the engine use auth instead of make-believe. auth stays the caller's. */
void auth_attach(struct auth *auth, struct engine_end *end);

void auth_wipe(struct auth *auth);

#endif
