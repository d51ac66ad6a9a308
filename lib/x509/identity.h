/* SPDX-License-Identifier: MIT */
/*
 * The public half of a credential: a certificate chain of our own, the names that it is for and the
 * signature schemes that its key can make; and the choice among several (RFC 9846, 4.5.1.2).
 *
 * Names are those of the leaf's subjectAltName only. The subject's common name is never looked at
 * (RFC 6125, 6.4.4 allows it as a last resort; RFC 9525, 2 no longer does).
 */
#ifndef KTLS_X509_IDENTITY_H
#define KTLS_X509_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls-handshake.h>

#include "lib/x509/x509.h"

#define X509_IDENTITY_SCHEMES_MAX 6

/* An iPAddress of a subjectAltName (RFC 5280, 4.2.1.6), network byte order. */
struct x509_address {
	uint8_t len; /* 4 or 16 */
	uint8_t bytes[16];
};

/* Filled by x509_identity_new() and read-only from then on. */
struct x509_identity {
	struct ktls_span chain[KTLS_ENGINE_CERTS_MAX]; /* DER, leaf first */
	size_t chain_len;                              /* at least 1 */
	uint16_t schemes[X509_IDENTITY_SCHEMES_MAX];   /* that the key can make, best first */
	size_t schemes_len;                            /* at least 1 */
	uint16_t curve;                                /* group of an ECDSA key; else 0 */
	bool decrypts;                                 /* RSA, and its key usage allows it */
	bool for_client;                               /* its extended key usage allows it */
	int64_t not_after;                             /* of the leaf: seconds since 1970 */
	const char **names;                            /* dNSNames in lower case, sorted */
	size_t names_len;
	struct x509_address *addresses;
	size_t addresses_len;
};

/* How a name fits. Greater is better. */
enum x509_match {
	X509_MATCH_NONE = 0,
	X509_MATCH_WILDCARD = 1,
	X509_MATCH_EXACT = 2,
};

/*
 * An identity of the certificates in pem (len bytes; text around the PEM blocks is skipped), leaf
 * first, each issued by the next, the root left out or not. Refused are: what is not so ordered;
 * more than KTLS_ENGINE_CERTS_MAX certificates or a Certificate message longer than
 * KTLS_ENGINE_CHAIN_MAX; a leaf that is no X.509 version 3 or may not sign (RFC 9846, 4.5.1.2); a
 * leaf's key that is not ECDSA on P-256 or P-384, RSA of 2048 to 4096 bits (for anything or for
 * RSASSA-PSS, there with parameters that TLS has a scheme for) or Ed25519; a signature
 * weaker than 112 bits (SHA-1); a PEM with a private key in it, which has no business there.
 * Dates are not looked at. Returns NULL with err written; to be freed.
 */
struct x509_identity *x509_identity_new(const void *pem, size_t len, struct x509_error *err)
	__attribute__((warn_unused_result));

void x509_identity_free(struct x509_identity *identity);

/*
 * Whether the leaf is for this host name or IP literal (RFC 6125, 6.4; RFC 9525, 6.3): without
 * regard to case and to one trailing dot. A wildcard stands for exactly one whole left-most label
 * and needs at least two labels behind it. Work is logarithmic in the number of names.
 */
enum x509_match x509_identity_matches(const struct x509_identity *identity, const char *name);

/*
 * Of TLS 1.2, schemes name no curve (RFC 9846, 4.3.3), but the hello may have a list of curves; and
 * one for encryption gets the first of the fitting ones that decrypt, with scheme 0.
 *
 * The identity for a hello, out of n in the order of our preference: the first that has the name
 * exactly and whose key can make one of the hello's schemes; else the first with a wildcard for it;
 * where none is for that name, or no name was sent, the first that can make a scheme. scheme is the
 * first of the hello's, in the peer's order, that the key can make: rsa_pkcs1 too, which is for the
 * engine not to offer in TLS 1.3.
 *
 * strict: a name that was sent and that none is for gets -KTLS_R_SERVER_NAME_UNKNOWN.
 * Otherwise 0; -KTLS_R_SCHEMES_NONE_SHARED; -KTLS_R_MISUSE where n is 0.
 */
int x509_identity_choose(const struct x509_identity *const *list, size_t n,
			 const struct ktls_engine_hello *hello, bool strict,
			 const struct x509_identity **out, uint16_t *scheme)
	__attribute__((warn_unused_result));

#endif
