/* SPDX-License-Identifier: MIT */
/*
 * A peer's certificates and the signature that its CertificateVerify carries (RFC 9846, 4.5.1 and
 * 4.5.2; RFC 5280, 6; RFC 6125, 6).
 *
 * What is required: a path to an anchor, found among what the peer sent, in whatever order and with
 * whatever else beside it, the leaf being first; all dates, an anchor's too; basic constraints,
 * path lengths, name constraints and key usage of issuers; extended key usage for the peer's role
 * where there is any; digitalSignature in the leaf's key usage where there is any; X.509 version 3;
 * the name in the leaf's subjectAltName, never in its common name; keys and signatures of 112 bits,
 * an anchor's own signature excepted. So SHA-1 and RSA below 2048 bits are refused; and what the
 * trust demands beyond that: no certificate in its issuer's revocation list, which has to be in
 * date; a pinned key. Where there are pins and no anchors, the path is the leaf alone, of whose
 * issuer nothing is asked; what the leaf says about itself has to hold all the same.
 *
 * Nothing of a verdict is kept: dates, lists and pins are looked at each time.
 */
#ifndef KTLS_X509_VERIFY_H
#define KTLS_X509_VERIFY_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <ktls-handshake.h>

#include "lib/x509/trust.h"
#include "lib/x509/x509.h"

/* A peer whose chain was good: its leaf's public key, its names, and how it came to be believed. */
struct x509_peer;

/*
 * The most that a path has: what a peer may send, and an anchor. Longer ones are refused with
 * CHAIN_TOO_LONG.
 */
#define X509_PATH_MAX     (KTLS_ENGINE_CERTS_MAX + 1)
#define X509_PATH_LEN_MAX 40960 /* bytes of DER */

/* The most names that are told of a leaf, and bytes of all of them, their ends included. */
#define X509_NAMES_MAX     128
#define X509_NAMES_LEN_MAX 8192

/*
 * Checks the peer's chain: n certificates in DER. role is the peer's; name is the host name or IP
 * literal (IPv4, or IPv6 without brackets) that the leaf must be for, without regard to case and to
 * one trailing dot, or NULL if any will do; now is in seconds since 1970. Returns 0 with *out to be
 * freed; or a negative reason, and then err (NULL if not wanted) says which certificate, counted
 * from 0, and what libcrypto found: -KTLS_R_CERTIFICATE_EMPTY or _REQUIRED where n is 0,
 * -KTLS_R_CHAIN_TOO_LONG, the -KTLS_R_CERTIFICATE_* of the table, -KTLS_R_MISUSE for a name that is
 * none (empty, too long, labels as no host name has them), -KTLS_R_NO_MEMORY.
 */
int x509_peer_verify_chain(const struct x509_trust *trust, const struct ktls_span *certs, size_t n,
			   enum ktls_role role, const char *name, time_t now,
			   struct x509_peer **out, struct x509_error *err)
	__attribute__((warn_unused_result));

/*
 * The peer whose leaf this is (DER), unchecked: for tools that show a certificate whatever it is
 * worth. 0 with *out to be freed, -KTLS_R_CERTIFICATE_MALFORMED, -KTLS_R_CERTIFICATE_KEY_TYPE or
 * -KTLS_R_NO_MEMORY.
 */
int x509_peer_unchecked(const struct ktls_span *leaf, struct x509_peer **out)
	__attribute__((warn_unused_result));

/*
 * Checks a signature of the content by the leaf's key, made in a version of TLS: 1.3 has no
 * rsa_pkcs1 and binds ECDSA's schemes to a curve (RFC 9846, 4.3.3), 1.2 does neither. Returns 0;
 * -KTLS_R_SCHEME_INVALID for a scheme that the version does not sign handshakes with or that does
 * not fit the key; -KTLS_R_SIGNATURE_BAD; -KTLS_R_NO_MEMORY.
 */
int x509_peer_verify_signature(const struct x509_peer *peer, uint16_t version, uint16_t scheme,
			       const uint8_t *content, size_t len, const uint8_t *sig,
			       size_t sig_len) __attribute__((warn_unused_result));

/*
 * The path by which the peer is believed: certificates in DER, the leaf as it was sent, up to the
 * anchor and with it. The peer's, as the names are.
 */
const struct ktls_span *x509_peer_path(const struct x509_peer *peer, size_t *len);

/* What the leaf says of who it is (names.h); *left_out, unless NULL, counts what is not in it. */
const struct ktls_name *x509_peer_names(const struct x509_peer *peer, size_t *len,
					size_t *left_out);

/* When the first certificate of the path expires, or the first revocation list is due: seconds
 * since 1970. */
int64_t x509_peer_until(const struct x509_peer *peer);

/*
 * Encrypts a premaster secret to the leaf's key (RFC 5246, 7.4.7.1). Returns 0;
 * -KTLS_R_CERTIFICATE_USAGE where that is not RSA, or longer than 4096 bits, or its key usage does
 * not allow it (7.4.2); -KTLS_R_INTERNAL.
 */
int x509_peer_encrypt(const struct x509_peer *peer, const uint8_t *plain, size_t plain_len,
		      uint8_t encrypted[static KTLS_ENGINE_SIGNATURE_MAX], size_t *encrypted_len)
	__attribute__((warn_unused_result));

void x509_peer_free(struct x509_peer *peer);

#endif
