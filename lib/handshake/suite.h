/* SPDX-License-Identifier: MIT */
/* What the numbers on the wire stand for: cipher suites (RFC 9846, B.4), groups, schemes (B.3.1).
 */
#ifndef KTLS_HANDSHAKE_SUITE_H
#define KTLS_HANDSHAKE_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/crypto/aead.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/kex.h"

/*
 * What kind of key the server proves itself with, and how: a suite of TLS 1.2 says so. By
 * signatures; or by decrypting the premaster secret.
 */
enum suite_auth { SUITE_ANY, SUITE_ECDSA, SUITE_RSA, SUITE_RSA_ENCRYPTION };

struct suite {
	uint16_t number;  /* IANA */
	uint16_t version; /* of TLS, which it is for */
	enum suite_auth auth;
	enum aead_alg aead;
	enum hash_alg hash; /* of HKDF, or of TLS 1.2's PRF */
};

struct group {
	uint16_t number; /* IANA */
	enum kex_group kex;
};

#define SUITES_ALL  9  /* that are used where nobody says which */
#define SUITES_MAX  11 /* with RSA key exchange, which has to be asked for */
#define GROUPS_MAX  2
#define SCHEMES_MAX 12

/* NULL where the engine has no such suite or group. */
const struct suite *suite_find(uint16_t number);
const struct group *group_find(uint16_t number);

/* In order of preference; the suites without those of RSA key exchange. */
extern const uint16_t suites_all[SUITES_ALL];
extern const uint16_t groups_all[GROUPS_MAX];

/* Signature schemes that we verify, in order of preference; rsa_pkcs1 in certificates only. */
extern const uint16_t schemes_all[SCHEMES_MAX];

/* The kind of key that makes signatures of the scheme; Ed25519 counts as ECDSA (RFC 8422, 5.10). */
enum suite_auth scheme_auth(uint16_t scheme);

/* Whether a CertificateVerify may use the scheme (RFC 9846, 4.3.3). */
bool scheme_signs_handshake(uint16_t scheme);

#endif
