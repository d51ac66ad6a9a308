/* SPDX-License-Identifier: MIT */
/*
 * Trust anchors (RFC 5280, 6.1.1 d): the certificates at which a peer's chain may end. Each
 * certificate of the trust file is an anchor, a root or not. Any number of connections share one,
 * in one thread: it also keeps the certificates of good peers parsed, 64 at most.
 */
#ifndef KTLS_X509_TRUST_H
#define KTLS_X509_TRUST_H

#include <stddef.h>
#include <stdint.h>

#include "lib/x509/x509.h"

struct x509_trust;

/*
 * The certificates in pem (len bytes; text around the PEM blocks is skipped), a system's bundle
 * say. Duplicates count once; a certificate that is cut off or cannot be parsed is left out, and
 * err, which is "" otherwise, says how many were and why the first. A revocation list is refused,
 * for nothing would heed it; so is a PEM with a private key in it. Returns NULL with err written,
 * also where no certificate is left; to be freed.
 */
struct x509_trust *x509_trust_new(const void *pem, size_t len, struct x509_error *err)
	__attribute__((warn_unused_result));

void x509_trust_free(struct x509_trust *trust);

/* Of all that decides who is believed: two trusts with the same digest believe the same. */
#define X509_TRUST_DIGEST_LEN 32 /* bytes */
const uint8_t *x509_trust_digest(const struct x509_trust *trust);

/* The number of anchors. */
size_t x509_trust_count(const struct x509_trust *trust);

#endif
