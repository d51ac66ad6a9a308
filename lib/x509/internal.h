/* SPDX-License-Identifier: MIT */
/* What the parts of lib/x509 share, and nobody else sees. */
#ifndef KTLS_X509_INTERNAL_H
#define KTLS_X509_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <ktls-handshake.h>

#include "lib/x509/x509.h"

/* Writes err, which may be NULL. */
void x509_error_set(struct x509_error *err, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The certificate that these bytes are, to the last; NULL if they are none. The only parser. */
X509 *x509_parse(const uint8_t *der, size_t len);

/* Keys that TLS signs with and that we can handle (RFC 9846, 4.3.3). */
enum x509_kind {
	X509_KIND_NONE,
	X509_KIND_P256,
	X509_KIND_P384,
	X509_KIND_RSA,     /* rsaEncryption, of any size */
	X509_KIND_RSA_PSS, /* id-RSASSA-PSS, of any size and with any parameters */
	X509_KIND_ED25519,
};

/* NONE for a curve given by its parameters too: RFC 5480, 2.1.1 forbids it. */
enum x509_kind x509_key_kind(const EVP_PKEY *key);

/* The group that an ECDSA key is on; 0 for others. */
uint16_t x509_kind_curve(enum x509_kind kind);

struct x509_key;
struct x509_peer;

/* The key itself, which stays its owner's. */
EVP_PKEY *x509_key_pkey(const struct x509_key *key);

/* The leaf's key where it is RSA and its key usage allows encryption to it, else NULL. */
EVP_PKEY *x509_peer_encryption_key(const struct x509_peer *peer);

/* Why a key of our own is refused, in words that follow "the key"; NULL for a good one. */
const char *x509_key_refused(const EVP_PKEY *key);

enum x509_digest {
	X509_SHA256,
	X509_SHA384,
	X509_SHA512,
	X509_DIGEST_NONE, /* the signature algorithm hashes by itself */
};

/* A scheme of handshake signatures. Schemes of a kind follow each other, best first. */
struct x509_scheme {
	uint16_t scheme;
	enum x509_kind kind; /* in TLS 1.2, any ECDSA key for ECDSA */
	enum x509_digest digest;
	bool pkcs1; /* RSASSA-PKCS1-v1_5 instead of PSS: in TLS 1.2 only */
};

/* NULL for a number that is none of them. */
const struct x509_scheme *x509_scheme_find(uint16_t scheme);

/* Whether keys of that kind may make the row's signatures in that version of TLS. */
bool x509_scheme_fits(const struct x509_scheme *row, enum x509_kind kind, uint16_t version);

/*
 * The same with what the key itself demands: an RSASSA-PSS key may be for one hash and for salts of
 * some length and more (RFC 4055, 3.1).
 */
bool x509_scheme_suits(const struct x509_scheme *row, EVP_PKEY *key, enum x509_kind kind,
		       uint16_t version);

/* Whether the row is one of those that the key signs with in the version that knows it best. */
bool x509_scheme_own(const struct x509_scheme *row, EVP_PKEY *key);

/* Row i of the table, NULL past its end. */
const struct x509_scheme *x509_scheme_row(size_t i);

/* libcrypto's digest, fetched once a process; NULL where libcrypto has none. */
const EVP_MD *x509_digest(enum x509_digest digest);

/* Sets a context that is initialised for signing or verifying to the scheme (not Ed25519). */
bool x509_scheme_setup(const struct x509_scheme *row, EVP_PKEY_CTX *ctx);

/* Whether sig is the key's signature of the content by the row's scheme. Any key, any row. */
bool x509_signature_good(EVP_PKEY *key, const struct x509_scheme *row, const uint8_t *content,
			 size_t len, const uint8_t *sig, size_t sig_len);

/* The reason that an X509_V_ERR_* of libcrypto stands for. */
enum ktls_reason x509_reason(int error);

#endif
