/* SPDX-License-Identifier: MIT */
/* The inside of struct x509_trust, for those who verify against it. */
#ifndef KTLS_X509_ANCHORS_H
#define KTLS_X509_ANCHORS_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "lib/x509/cache.h"
#include "lib/x509/trust.h"

struct x509_trust {
	X509_STORE *store; /* anchors and revocation lists; NULL: there are pins only */
	size_t anchors;
	size_t crls;
	int64_t crls_until; /* seconds since 1970 */
	enum x509_crl_check crl_check;
	uint8_t (*pins)[X509_PIN_LEN];
	size_t pins_len;
	uint8_t digest[X509_TRUST_DIGEST_LEN];
	struct x509_cache *cache; /* of peers' certificates that were believed */
};

/* Adds the lists in a file (crl.c). False with err written. */
bool x509_crls_add(struct x509_trust *trust, struct ktls_span file, struct x509_error *err)
	__attribute__((warn_unused_result));

#endif
