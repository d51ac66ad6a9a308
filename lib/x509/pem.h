/* SPDX-License-Identifier: MIT */
/*
 * PEM (RFC 7468) in memory, block by block. A block that was cut off ends where the next begins, so
 * that it spoils no other.
 */
#ifndef KTLS_X509_PEM_H
#define KTLS_X509_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pem {
	const char *at; /* what is still to be read */
	size_t left;    /* bytes */
	unsigned int line;
};

struct pem_block {
	const char *text; /* from its BEGIN line on */
	size_t len;       /* bytes, up to the next BEGIN line or the end */
	unsigned int line;
	char label[32]; /* "CERTIFICATE"; cut off if longer */
};

void pem_init(struct pem *pem, const void *bytes, size_t len);

/* The next block; false where there is none. */
bool pem_next(struct pem *pem, struct pem_block *block);

bool pem_is_certificate(const struct pem_block *block);
bool pem_is_private_key(const struct pem_block *block);

/* Encrypted as PKCS#8 has it or as RFC 1421 has it. */
bool pem_is_encrypted(const struct pem_block *block);

/* The block's bytes, len of them; NULL where it is damaged. To be ended with pem_free(). */
uint8_t *pem_decode(const struct pem_block *block, size_t *len);

/* Wipes and frees. */
void pem_free(uint8_t *bytes, size_t len);

#endif
