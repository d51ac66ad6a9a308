/* SPDX-License-Identifier: MIT */
/*
 * The certificates, keys and trust of a program that performs its handshakes itself, from files or
 * memory: what is split between worker and signer in ktlsd.
 */
#ifndef KTLS_CONN_CREDENTIALS_H
#define KTLS_CONN_CREDENTIALS_H

#include <ktls-handshake.h>
#include <ktls.h>

#include "lib/conn/conn.h"

struct own_tickets;
struct x509_key;

struct credentials {
	struct conn_profile profile; /* points to what is below; sign_arg is the credentials */
	struct x509_identity **identities;
	struct x509_key **keys; /* of the identities, one by one */
	size_t len;
	struct x509_trust *trust; /* NULL: there is none */
	struct own_tickets *tickets;
};

/*
 * Fills *out, which stays where it is; to be wiped. Returns false with *error filled in and nothing
 * left in *out.
 */
bool credentials_load(const struct ktls_embedded_config *config, struct credentials *out,
		      struct ktls_error *error) __attribute__((warn_unused_result));

void credentials_wipe(struct credentials *credentials);

#endif
