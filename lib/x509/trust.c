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
			       "a revocation list: it belongs into a file of its own");
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

/* ---- all of it ------------------------------------------------------------------------------- */

static size_t count_anchors(X509_STORE *store)
{
	return (size_t)sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
}

static bool take_anchors(struct x509_trust *trust, const struct x509_trust_spec *spec,
			 struct x509_error *err)
{
	struct load load = { .store = trust->store, .err = err };

	if (!trust->store) {
		const char *wrong = spec->crls_len > 0    ? "revocation lists without anchors"
				    : spec->pins_len == 0 ? "neither anchors nor pinned keys"
							  : "";

		x509_error_set(err, 0, "%s", wrong);
		return !*wrong;
	}
	if (!read_anchors(&load, spec->anchors.bytes, spec->anchors.len))
		return false;
	trust->anchors = count_anchors(trust->store);
	return true;
}

static bool take_pins(struct x509_trust *trust, const struct x509_trust_spec *spec,
		      struct x509_error *err)
{
	if (spec->pins_len == 0)
		return true;
	trust->pins = calloc(spec->pins_len, X509_PIN_LEN);
	if (!trust->pins) {
		x509_error_set(err, 0, "out of memory");
		return false;
	}
	memcpy(trust->pins, spec->pins, spec->pins_len * X509_PIN_LEN);
	trust->pins_len = spec->pins_len;
	return true;
}

/* The warning that err may hold stays as it is where nothing fails. */
static bool take_crls(struct x509_trust *trust, const struct x509_trust_spec *spec,
		      struct x509_error *err)
{
	struct x509_error why;

	for (size_t i = 0; i < spec->crls_len; i++) {
		if (!x509_crls_add(trust, spec->crls[i], &why)) {
			*err = why;
			return false;
		}
	}
	return true;
}

static void digest_span(struct hash *h, const void *bytes, size_t len)
{
	uint64_t size = len;

	hash_update(h, &size, sizeof(size)); /* so that no two specs read the same */
	if (len > 0)
		hash_update(h, bytes, len);
}

static void digest(const struct x509_trust_spec *spec, uint8_t out[static X509_TRUST_DIGEST_LEN])
{
	uint8_t check = (uint8_t)spec->crl_check;
	struct hash h;

	hash_init(&h, HASH_SHA256);
	digest_span(&h, spec->anchors.bytes, spec->anchors.len);
	digest_span(&h, &check, sizeof(check));
	digest_span(&h, spec->pins, spec->pins_len * X509_PIN_LEN);
	for (size_t i = 0; i < spec->crls_len; i++)
		digest_span(&h, spec->crls[i].bytes, spec->crls[i].len);
	hash_final(&h, out);
}

struct x509_trust *x509_trust_make(const struct x509_trust_spec *spec, struct x509_error *err)
{
	struct x509_trust *trust = calloc(1, sizeof(*trust));
	struct x509_error ignored;

	if (!err)
		err = &ignored;
	x509_error_set(err, 0, "out of memory");
	if (!trust)
		return NULL;
	ERR_set_mark();
	*trust = (struct x509_trust){ .crls_until = INT64_MAX, .crl_check = spec->crl_check };
	trust->cache = x509_cache_new();
	trust->store = spec->anchors.bytes ? X509_STORE_new() : NULL;
	digest(spec, trust->digest);
	if (!trust->cache || (spec->anchors.bytes && !trust->store) ||
	    !take_anchors(trust, spec, err) || !take_pins(trust, spec, err) ||
	    !take_crls(trust, spec, err)) {
		x509_trust_free(trust);
		trust = NULL;
	}
	ERR_pop_to_mark();
	return trust;
}

struct x509_trust *x509_trust_new(const void *pem, size_t len, struct x509_error *err)
{
	const struct x509_trust_spec spec = { .anchors = { pem, len } };

	return x509_trust_make(&spec, err);
}

void x509_trust_free(struct x509_trust *trust)
{
	if (!trust)
		return;
	X509_STORE_free(trust->store);
	x509_cache_free(trust->cache);
	free(trust->pins);
	free(trust);
}

const uint8_t *x509_trust_digest(const struct x509_trust *trust)
{
	return trust->digest;
}

size_t x509_trust_count(const struct x509_trust *trust)
{
	return trust->anchors;
}

int64_t x509_trust_crls_until(const struct x509_trust *trust)
{
	return trust->crls_until;
}
