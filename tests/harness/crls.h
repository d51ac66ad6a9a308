/* SPDX-License-Identifier: MIT */
/* Revocation lists for tests, as certs.h makes certificates: good ones and bad ones. */
#ifndef TESTS_HARNESS_CRLS_H
#define TESTS_HARNESS_CRLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/harness/certs.h"

#define CRL_REVOKED_MAX 4

/* Zero is a sensible default for each field but issuer. */
struct crl_spec {
	const struct cert *issuer;
	const struct cert *signer; /* NULL: the issuer */
	const struct cert *revoked[CRL_REVOKED_MAX];
	long last_update; /* seconds from now; 0: a day ago */
	long next_update; /* seconds from now; 0: in 30 days */
	bool no_next_update;
	bool no_key_id;        /* no authority key identifier */
	const char *idp;       /* issuingDistributionPoint, a section's lines: "indirectCRL=TRUE" */
	const char *delta;     /* base number: it is a delta of that list */
	const char *extra_oid; /* an extension, e.g. "1.2.3.4" ... */
	const char *extra_value; /* ... "critical,DER:0500" */
};

/* Both to be freed by free(). */
char *crl_pem(const struct crl_spec *spec, size_t *len);
uint8_t *crl_der(const struct crl_spec *spec, size_t *len);

/* Writes DIR/NAME.crl (PEM). */
void crl_write(const struct crl_spec *spec, const char *dir, const char *name);

#endif
