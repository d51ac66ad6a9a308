/* SPDX-License-Identifier: MIT */
/*
 * The path from a peer's leaf to what we believe (RFC 5280, 6): to an anchor, past revocation lists
 * and pins, or to the leaf itself where its key alone is believed.
 */
#ifndef KTLS_X509_PATH_H
#define KTLS_X509_PATH_H

#include <time.h>

#include <openssl/x509.h>

#include "lib/x509/name.h"
#include "lib/x509/trust.h"
#include "lib/x509/x509.h"

/* A check under way. */
struct x509_check {
	const struct x509_trust *trust;
	enum ktls_role role;              /* of the peer */
	const struct x509_reference *ref; /* NULL: any name */
	time_t now;
	STACK_OF(X509) * sent; /* by the peer, leaf first */
	X509 *leaf;
	STACK_OF(X509) * path; /* from the leaf to an anchor; NULL as long as there is none */
	struct x509_error *err;
};

/* Finds check->path. 0, or a negative reason with check->err written. */
int x509_path_find(struct x509_check *check) __attribute__((warn_unused_result));

#endif
