/* SPDX-License-Identifier: MIT */
/*
 * Certificates for tests, made on the spot by libcrypto: any of them, good or bad.
 *
 *	struct cert *ca = cert_ca(CERT_P256, "Test CA");
 *	struct cert *leaf = cert_server(CERT_P256, "DNS:example.com,IP:192.0.2.1", ca);
 *	char *chain = cert_chain_pem(leaf, NULL);
 *
 * What cannot be made ends the test program with a message: no function here returns a failure.
 */
#ifndef TESTS_HARNESS_CERTS_H
#define TESTS_HARNESS_CERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cert_key {
	CERT_P256,
	CERT_P384,
	CERT_P521,
	CERT_RSA1024,
	CERT_RSA2048,
	CERT_RSA3072,
	CERT_RSA4096,
	CERT_RSA_PSS,           /* 2048 bits, OID RSASSA-PSS */
	CERT_RSA_PSS_SHA384,    /* the same, for that hash only */
	CERT_RSA_PSS_LONG_SALT, /* the same, for SHA-256 and salts of 100 bytes and more */
	CERT_ED25519,
	CERT_ED448,
	CERT_P256_EXPLICIT, /* the curve by its parameters, not by its name */
};

#define CERT_DAY 86400

/* What a certificate shall be. Zero is a sensible default for each field but cn. */
struct cert_spec {
	enum cert_key key;
	const struct cert *key_of; /* take this one's key rather than a new one */
	const char *cn;            /* subject's common name */
	long not_before;           /* seconds from now; 0: a day ago */
	long not_after;            /* seconds from now; 0: in 30 days */
	bool ca;                   /* basicConstraints CA:TRUE, critical */
	bool path_len_set;
	unsigned path_len;
	bool no_key_ids;    /* neither subject nor authority key identifier */
	bool version_1;     /* X.509 version 1, no extensions */
	const char *digest; /* of the issuer's signature; NULL: "SHA256", none for Edwards curves */
	/* Extensions in the words of openssl's x509v3_config(5); NULL: none */
	const char *san;              /* "DNS:*.example.com,IP:::1" */
	const char *key_usage;        /* "digitalSignature,keyCertSign" */
	const char *eku;              /* "serverAuth,clientAuth" */
	const char *name_constraints; /* "critical,permitted;DNS:example.com" */
	const char *extra_oid;        /* one more, e.g. "1.2.3.4" ... */
	const char *extra_value;      /* ... "critical,DER:0500" */
};

struct cert {
	char *pem; /* the certificate alone */
	size_t pem_len;
	uint8_t *der;
	size_t der_len;
	char *key_pem; /* PKCS#8 */
	size_t key_pem_len;
	struct x509_st *x509;     /* libcrypto's X509 */
	struct evp_pkey_st *pkey; /* and EVP_PKEY */
	const struct cert
		*issuer; /* NULL if self-signed; must outlive this one for cert_chain_pem() */
};

/* A certificate issued by issuer, or self-signed if that is NULL. */
struct cert *cert_new(const struct cert_spec *spec, const struct cert *issuer);
void cert_free(struct cert *cert);

/*
 * Makes n (at most 4) keys of this type now; from then on, certificates of the type take theirs
 * from these in turn. RSA keys take long to make: called before test_harness_main(), it is done
 * once for all tests of a program.
 */
void cert_share_keys(enum cert_key key, size_t n);

/* The usual ones. Server: serverAuth, digitalSignature. Client: clientAuth, digitalSignature. */
struct cert *cert_ca(enum cert_key key, const char *cn);
struct cert *cert_intermediate(enum cert_key key, const char *cn, const struct cert *issuer);
struct cert *cert_server(enum cert_key key, const char *san, const struct cert *issuer);
struct cert *cert_client(enum cert_key key, const char *cn, const struct cert *issuer);

/*
 * PEM of the certificate and its issuers, the self-signed root left out (the certificate itself
 * always in). Written to *len if len is not NULL; to be freed by free().
 */
char *cert_chain_pem(const struct cert *cert, size_t *len);

/*
 * Writes DIR/NAME.pem (chain as cert_chain_pem() has it) and DIR/NAME.key (mode 0600), and makes
 * DIR if it is not there.
 */
void cert_write(const struct cert *cert, const char *dir, const char *name);

#endif
