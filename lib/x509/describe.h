/* SPDX-License-Identifier: MIT */
/*
 * What a certificate says (RFC 5280, 4.1 and 4.2), for people. All text is one line of printable
 * ASCII: other bytes of the certificate are written as \xNN.
 */
#ifndef KTLS_X509_DESCRIBE_H
#define KTLS_X509_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define X509_TEXT_MAX   256 /* bytes with the 0; what is longer ends with "..." */
#define X509_NAMES_TEXT 1024

struct x509_description {
	char subject[X509_TEXT_MAX]; /* RFC 4514: most specific first */
	char issuer[X509_TEXT_MAX];
	char serial[X509_TEXT_MAX];    /* hexadecimal */
	char key[X509_TEXT_MAX];       /* "ECDSA P-256", "RSA 2048 bits" */
	char signature[X509_TEXT_MAX]; /* by the issuer: "ecdsa-with-SHA256" */
	char names[X509_NAMES_TEXT];   /* subjectAltName: "example.com, 192.0.2.1"; "" for none */
	size_t names_len;              /* how many there are, shown or not */
	char usage[X509_TEXT_MAX]; /* keyUsage and extendedKeyUsage; "" where neither is there */
	int64_t not_before;        /* seconds since 1970; 0 where it cannot be read */
	int64_t not_after;
	bool ca;            /* basicConstraints */
	bool self_issued;   /* subject and issuer are the same */
	uint8_t sha256[32]; /* of the DER */
};

/* False where the bytes are no certificate; out is unchanged then. */
bool x509_describe(const uint8_t *der, size_t len, struct x509_description *out)
	__attribute__((warn_unused_result));

/* A distinguished name in DER, as a CertificateRequest lists issuers. False where it is none. */
bool x509_describe_name(const uint8_t *der, size_t len, char out[static X509_TEXT_MAX])
	__attribute__((warn_unused_result));

#endif
