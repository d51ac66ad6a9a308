/* SPDX-License-Identifier: MIT */
#include "lib/x509/trust.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/crypto/hash.h"
#include "lib/x509/anchors.h"
#include "lib/x509/internal.h"
#include "lib/x509/pem.h"

/* What is being loaded. */
struct load {
	X509_STORE *store;
	size_t left_out;
	unsigned int first_left_out; /* its line */
	struct x509_error *err;
};

/* OpenSSL's own form, a certificate and for what it is trusted: the latter must not be lost. */
static X509 *parse_trusted(const uint8_t *der, size_t len)
{
	const unsigned char *p = der;

	return len <= LONG_MAX ? d2i_X509_AUX(NULL, &p, (long)len) : NULL;
}

static bool add(struct load *load, const struct pem_block *block, bool trusted_form)
{
	uint8_t *der;
	X509 *x = NULL;
	size_t len;
	bool good;

	der = pem_decode(block, &len);
	if (der)
		x = trusted_form ? parse_trusted(der, len) : x509_parse(der, len);
	pem_free(der, der ? len : 0);
	if (!x) {
		if (load->left_out++ == 0)
			load->first_left_out = block->line;
		return true;
	}
	good = X509_STORE_add_cert(load->store, x) == 1;
	X509_free(x);
	if (!good)
		x509_error_set(load->err, block->line, "out of memory");
	return good;
}

static bool add_block(struct load *load, const struct pem_block *block)
{
	if (pem_is_private_key(block)) {
		x509_error_set(load->err, block->line, "a private key among the certificates");
		return false;
	}
	if (strcmp(block->label, PEM_STRING_X509_CRL) == 0) {
		x509_error_set(load->err, block->line,
			       "a revocation list: revocation is not checked");
		return false;
	}
	if (strcmp(block->label, PEM_STRING_X509_TRUSTED) == 0)
		return add(load, block, true);
	return !pem_is_certificate(block) || add(load, block, false);
}

static bool read_anchors(struct load *load, const void *bytes, size_t len)
{
	struct pem_block block;
	struct pem pem;

	pem_init(&pem, bytes, len);
	while (pem_next(&pem, &block)) {
		if (!add_block(load, &block))
			return false;
	}
	if (load->left_out > 0)
		x509_error_set(load->err, load->first_left_out,
			       "%zu damaged certificate%s left out, the first here", load->left_out,
			       load->left_out == 1 ? "" : "s");
	else
		x509_error_set(load->err, 0, "%s", "");
	if (sk_X509_OBJECT_num(X509_STORE_get0_objects(load->store)) > 0)
		return true;
	if (load->left_out == 0)
		x509_error_set(load->err, 0, "no certificate");
	return false;
}

struct x509_trust *x509_trust_new(const void *pem, size_t len, struct x509_error *err)
{
	struct x509_trust *trust = calloc(1, sizeof(*trust));
	struct load load = { .err = err };
	bool good;

	ERR_set_mark();
	if (trust) {
		trust->store = X509_STORE_new();
		trust->cache = x509_cache_new();
	}
	good = trust && trust->store && trust->cache;
	if (!good) {
		x509_error_set(err, 0, "out of memory");
	} else {
		load.store = trust->store;
		good = read_anchors(&load, pem, len);
		hash_bytes(HASH_SHA256, pem, len, trust->digest);
	}
	if (!good) {
		x509_trust_free(trust);
		trust = NULL;
	}
	ERR_pop_to_mark();
	return trust;
}

void x509_trust_free(struct x509_trust *trust)
{
	if (!trust)
		return;
	X509_STORE_free(trust->store);
	x509_cache_free(trust->cache);
	free(trust);
}

const uint8_t *x509_trust_digest(const struct x509_trust *trust)
{
	return trust->digest;
}

size_t x509_trust_count(const struct x509_trust *trust)
{
	return (size_t)sk_X509_OBJECT_num(X509_STORE_get0_objects(trust->store));
}
