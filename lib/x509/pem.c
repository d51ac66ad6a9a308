/* SPDX-License-Identifier: MIT */
#include "lib/x509/pem.h"

#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>

static const char begin[] = "-----BEGIN ";
static const char dashes[] = "-----";

void pem_init(struct pem *pem, const void *bytes, size_t len)
{
	pem->at = bytes;
	pem->left = len;
	pem->line = 1;
}

/* Moves on by n bytes, counting lines. */
static void skip(struct pem *pem, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		pem->line += pem->at[i] == '\n';
	pem->at += n;
	pem->left -= n;
}

/* Bytes before the next BEGIN line, counted from `from`; all that is left where there is none. */
static size_t to_begin(const struct pem *pem, size_t from)
{
	const char *found;

	if (pem->left <= from)
		return pem->left;
	found = memmem(pem->at + from, pem->left - from, begin, sizeof(begin) - 1);
	return found ? (size_t)(found - pem->at) : pem->left;
}

static void take_label(struct pem_block *block)
{
	const char *label = block->text + sizeof(begin) - 1;
	size_t left = block->len - (sizeof(begin) - 1), len;
	const char *end = memmem(label, left, dashes, sizeof(dashes) - 1);

	len = end ? (size_t)(end - label) : 0;
	if (len >= sizeof(block->label))
		len = sizeof(block->label) - 1;
	memcpy(block->label, label, len);
	block->label[len] = '\0';
}

bool pem_next(struct pem *pem, struct pem_block *block)
{
	skip(pem, to_begin(pem, 0));
	if (pem->left == 0)
		return false;
	block->text = pem->at;
	block->len = to_begin(pem, sizeof(begin) - 1);
	block->line = pem->line;
	take_label(block);
	skip(pem, block->len);
	return true;
}

bool pem_is_certificate(const struct pem_block *block)
{
	return strcmp(block->label, PEM_STRING_X509) == 0 ||
	       strcmp(block->label, PEM_STRING_X509_OLD) == 0;
}

bool pem_is_private_key(const struct pem_block *block)
{
	return strstr(block->label, "PRIVATE KEY") != NULL;
}

bool pem_is_encrypted(const struct pem_block *block)
{
	static const char header[] = "\nProc-Type:";

	return strcmp(block->label, PEM_STRING_PKCS8) == 0 ||
	       memmem(block->text, block->len, header, sizeof(header) - 1) != NULL;
}

uint8_t *pem_decode(const struct pem_block *block, size_t *len)
{
	unsigned char *data = NULL;
	char *name = NULL, *header = NULL;
	long n = 0;
	BIO *bio;

	if (block->len > INT_MAX)
		return NULL;
	bio = BIO_new_mem_buf(block->text, (int)block->len);
	if (!bio)
		return NULL;
	/* SECURE has libcrypto wipe its own copies. */
	if (PEM_read_bio_ex(bio, &name, &header, &data, &n, PEM_FLAG_SECURE))
		*len = (size_t)n;
	else
		data = NULL;
	OPENSSL_secure_free(name);
	OPENSSL_secure_free(header);
	BIO_free(bio);
	return data;
}

void pem_free(uint8_t *bytes, size_t len)
{
	OPENSSL_secure_clear_free(bytes, len);
}
