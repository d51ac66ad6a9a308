/* SPDX-License-Identifier: MIT */
/* The channel binding tls-server-end-point, RFC 5929 4: a hash of the server's certificate. */
#ifndef KTLS_X509_END_POINT_H
#define KTLS_X509_END_POINT_H

#include <stddef.h>
#include <stdint.h>

#define X509_END_POINT_MAX 64

/*
 * Of a certificate in DER: by the hash of its signature, by SHA-256 where that is MD5 or SHA-1.
 * Returns the length, 0 where the signature has no hash of its own or there is no certificate.
 */
size_t x509_end_point(const uint8_t *der, size_t len, uint8_t out[static X509_END_POINT_MAX]);

#endif
