/* SPDX-License-Identifier: MIT */
/* The inside of struct x509_trust, for those who verify against it. */
#ifndef KTLS_X509_ANCHORS_H
#define KTLS_X509_ANCHORS_H

#include <openssl/x509.h>

#include "lib/x509/cache.h"
#include "lib/x509/trust.h"

struct x509_trust {
	X509_STORE *store;
	uint8_t digest[X509_TRUST_DIGEST_LEN];
	struct x509_cache *cache; /* of peers' certificates that led to one of the anchors */
};

#endif
