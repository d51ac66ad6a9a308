/* SPDX-License-Identifier: MIT */
/*
 * The signatures and dates along a path (RFC 5280, 6.1.3 a): what libcrypto's own last step does,
 * but a signature that was good once is not computed again. Whether one is good depends on bytes
 * only, those of the certificate and of the issuer's key, and both are the same objects as before:
 * all else, dates, names, constraints, trust, is checked each time.
 */
#ifndef KTLS_X509_SIGNATURES_H
#define KTLS_X509_SIGNATURES_H

#include <openssl/x509_vfy.h>

/*
 * Has the context's X509_verify_cert() check signatures so; to be called after its init. Its
 * application data is the struct x509_check, whose trust has the cache. For paths that may end at
 * any anchor (X509_V_FLAG_PARTIAL_CHAIN), at a time that the context's parameters say.
 */
void x509_signatures_set_up(X509_STORE_CTX *ctx);

#endif
