/* SPDX-License-Identifier: MIT */
/*
 * The certificates, keys and trust that the flags name, as operations of the engine: everything is
 * done by lib/x509, as ktlsd does it.
 */
#ifndef KTLS_TESTS_BOGO_CREDENTIALS_H
#define KTLS_TESTS_BOGO_CREDENTIALS_H

#include <ktls-handshake.h>

#include "lib/x509/identity.h"
#include "lib/x509/key.h"
#include "lib/x509/trust.h"
#include "lib/x509/verify.h"
#include "tests/bogo/flags.h"

struct credentials {
	const struct flags *flags;
	struct x509_identity *identities[1 + CREDENTIALS_MAX]; /* as in the flags; NULL: none */
	struct x509_key *keys[1 + CREDENTIALS_MAX];
	size_t chosen; /* which was used last */
	struct x509_trust *trust;
	struct x509_identity *expected_chain;
	bool chain_seen, chain_differs;
	struct x509_peer *peer; /* whose leaf was seen last */
};

/* Loads what the flags name. Ends the process where something cannot be loaded. */
void credentials_load(struct credentials *c, const struct flags *flags);

void credentials_free(struct credentials *c);

/* As struct ktls_engine_ops describes them. */
int credentials_choose(struct credentials *c, const struct ktls_engine_hello *hello,
		       struct ktls_engine_choice *choice);
int credentials_sign(const struct ktls_engine_sign *request, uint8_t *signature,
		     size_t *signature_len);
int credentials_verify_chain(struct credentials *c, const struct ktls_span *certs, size_t n);
int credentials_verify_signature(struct credentials *c, uint16_t version, uint16_t scheme,
				 const uint8_t *content, size_t content_len,
				 const uint8_t *signature, size_t signature_len);

#endif
