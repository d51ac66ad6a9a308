/* SPDX-License-Identifier: MIT */
/*
 * Whom we believe: trust anchors (RFC 5280, 6.1.1 d), at which a peer's chain may end, revocation
 * lists of their issuers (RFC 5280, 5), and pinned public keys. Each certificate of the anchors'
 * file is an anchor, a root or not. Any number of connections share one, in one thread: it also
 * keeps the certificates of good peers parsed, 64 at most.
 */
#ifndef KTLS_X509_TRUST_H
#define KTLS_X509_TRUST_H

#include <stddef.h>
#include <stdint.h>

#include <ktls-handshake.h>

#include "lib/x509/x509.h"

struct x509_trust;

#define X509_PIN_LEN          32 /* bytes: SHA-256 of a SubjectPublicKeyInfo in DER */
#define X509_TRUST_DIGEST_LEN 32 /* bytes */

/* Which certificates of a path need a revocation list of their issuer. An anchor never does. */
enum x509_crl_check {
	X509_CRL_KNOWN, /* none: those of whose issuer there is a list are looked up in it */
	X509_CRL_LEAF,  /* the leaf; others as above */
	X509_CRL_CHAIN, /* all */
};

/*
 * Without anchors there have to be pins: then a peer's leaf is believed for its key alone. With
 * both, a path to an anchor is needed and one of its certificates, the anchor included, has a
 * pinned key.
 */
struct x509_trust_spec {
	struct ktls_span anchors;     /* PEM, as for x509_trust_new(); no bytes: none */
	const struct ktls_span *crls; /* each PEM with any number of lists, or one in DER */
	size_t crls_len;
	enum x509_crl_check crl_check;
	const uint8_t (*pins)[X509_PIN_LEN];
	size_t pins_len;
};

/*
 * The certificates in pem (len bytes; text around the PEM blocks is skipped), a system's bundle
 * say. Duplicates count once; a certificate that is cut off or cannot be parsed is left out, and
 * err, which is "" otherwise, says how many were and why the first. A revocation list is refused,
 * for it belongs into a file of its own; so is a PEM with a private key in it. Returns NULL with
 * err written, also where no certificate is left; to be freed.
 */
struct x509_trust *x509_trust_new(const void *pem, size_t len, struct x509_error *err)
	__attribute__((warn_unused_result));

/*
 * The same with lists and pins. A list that is damaged, or of a kind that is not supported (delta,
 * indirect, for some reasons only, without nextUpdate), or not signed by the anchor of its issuer's
 * name where there is one, is an error; dates are not looked at.
 */
struct x509_trust *x509_trust_make(const struct x509_trust_spec *spec, struct x509_error *err)
	__attribute__((warn_unused_result));

void x509_trust_free(struct x509_trust *trust);

/* Of all that decides who is believed: two trusts with the same digest believe the same. */
const uint8_t *x509_trust_digest(const struct x509_trust *trust);

/* The number of anchors. */
size_t x509_trust_count(const struct x509_trust *trust);

/*
 * When the first of the revocation lists is to be replaced by a newer one (nextUpdate), seconds
 * since 1970; INT64_MAX where there is none. From then on what it is for is refused.
 */
int64_t x509_trust_crls_until(const struct x509_trust *trust);

#endif
