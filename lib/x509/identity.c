/* SPDX-License-Identifier: MIT */
#include "lib/x509/identity.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/x509/internal.h"
#include "lib/x509/name.h"
#include "lib/x509/pem.h"

#define SECURITY_BITS    112 /* level 2 of libcrypto */
#define MESSAGE_OVERHEAD 8   /* bytes of a Certificate message besides its entries */
#define ENTRY_OVERHEAD   5   /* length before each certificate, and no extensions behind it */

/* What is being loaded. */
struct load {
	struct x509_identity *identity;
	X509 *certs[KTLS_ENGINE_CERTS_MAX]; /* the chain, parsed */
	unsigned int lines[KTLS_ENGINE_CERTS_MAX];
	size_t message_len; /* bytes of the Certificate message */
	struct x509_error *err;
};

static bool fail(struct load *load, size_t i, const char *text)
{
	x509_error_set(load->err, load->lines[i], "certificate %zu %s", i + 1, text);
	return false;
}

/* ---- the chain ------------------------------------------------------------------------------- */

static bool append(struct load *load, unsigned int line, const uint8_t *der, size_t len)
{
	struct x509_identity *identity = load->identity;
	size_t i = identity->chain_len;
	uint8_t *copy;

	if (i == KTLS_ENGINE_CERTS_MAX) {
		x509_error_set(load->err, line, "more than %d certificates", KTLS_ENGINE_CERTS_MAX);
		return false;
	}
	load->lines[i] = line;
	load->message_len += len + ENTRY_OVERHEAD;
	if (load->message_len > KTLS_ENGINE_CHAIN_MAX)
		return fail(load, i, "makes the chain too long for one Certificate message");
	load->certs[i] = x509_parse(der, len);
	if (!load->certs[i])
		return fail(load, i, "cannot be parsed");
	copy = malloc(len);
	if (!copy) {
		X509_free(load->certs[i]);
		load->certs[i] = NULL;
		return fail(load, i, "finds no memory");
	}
	memcpy(copy, der, len);
	identity->chain[i].bytes = copy;
	identity->chain[i].len = len;
	identity->chain_len = i + 1;
	return true;
}

static bool read_block(struct load *load, const struct pem_block *block)
{
	uint8_t *der;
	size_t len;
	bool good;

	if (pem_is_private_key(block)) {
		x509_error_set(
			load->err, block->line,
			"a private key among the certificates: it belongs into its own file");
		return false;
	}
	if (!pem_is_certificate(block))
		return true;
	der = pem_decode(block, &len);
	if (!der) {
		x509_error_set(load->err, block->line, "damaged or incomplete PEM block");
		return false;
	}
	good = append(load, block->line, der, len);
	pem_free(der, len);
	return good;
}

static bool read_chain(struct load *load, const void *bytes, size_t len)
{
	struct pem_block block;
	struct pem pem;

	pem_init(&pem, bytes, len);
	while (pem_next(&pem, &block)) {
		if (!read_block(load, &block))
			return false;
	}
	if (load->identity->chain_len == 0)
		x509_error_set(load->err, 0, "no certificate");
	return load->identity->chain_len > 0;
}

/* An anchor's signature, known by its being self-signed, is for nobody to check. */
static bool check_strength(struct load *load, size_t i)
{
	int bits = 0;

	if (X509_get_extension_flags(load->certs[i]) & EXFLAG_SS)
		return true;
	if (!X509_get_signature_info(load->certs[i], NULL, NULL, &bits, NULL))
		return fail(load, i, "is signed with an unknown algorithm");
	if (bits < SECURITY_BITS)
		return fail(load, i, "is signed with an algorithm that is too weak");
	return true;
}

static bool issued_by(X509 *cert, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return X509_check_issued(issuer, cert) == X509_V_OK && key && X509_verify(cert, key) == 1;
}

static bool check_chain(struct load *load)
{
	size_t i, n = load->identity->chain_len;

	for (i = 0; i < n; i++) {
		if (!check_strength(load, i))
			return false;
		if (i + 1 < n && !issued_by(load->certs[i], load->certs[i + 1]))
			return fail(load, i,
				    "is not issued by the next one: the order is leaf, its issuer, "
				    "the issuer's issuer");
	}
	return true;
}

/* ---- the leaf -------------------------------------------------------------------------------- */

static bool take_key(struct load *load)
{
	EVP_PKEY *key = X509_get0_pubkey(load->certs[0]);
	struct x509_identity *identity = load->identity;
	const char *refused = x509_key_refused(key);
	enum x509_kind kind = x509_key_kind(key);
	const struct x509_scheme *row;
	size_t i;

	if (refused) {
		x509_error_set(load->err, load->lines[0], "certificate 1 has a key that %s",
			       refused);
		return false;
	}
	identity->curve = x509_kind_curve(kind);
	identity->decrypts = kind == X509_KIND_RSA &&
			     (X509_get_key_usage(load->certs[0]) & KU_KEY_ENCIPHERMENT) != 0;
	for (i = 0; (row = x509_scheme_row(i)) != NULL; i++) {
		if (x509_scheme_own(row, key))
			identity->schemes[identity->schemes_len++] = row->scheme;
	}
	/* Those of another curve, for TLS 1.2. */
	for (i = 0; (row = x509_scheme_row(i)) != NULL; i++) {
		if (row->kind != kind && x509_scheme_fits(row, kind, KTLS_TLS_1_2))
			identity->schemes[identity->schemes_len++] = row->scheme;
	}
	if (identity->schemes_len > 0)
		return true;
	return fail(load, 0, "has a key for RSASSA-PSS with parameters that TLS has no scheme for");
}

/* RFC 9846, 4.5.1.2. */
static bool check_usage(struct load *load)
{
	if (X509_get_version(load->certs[0]) != X509_VERSION_3)
		return fail(load, 0, "is not X.509 version 3, as TLS 1.3 demands");
	if (X509_get_extension_flags(load->certs[0]) & EXFLAG_INVALID)
		return fail(load, 0, "has an extension that cannot be parsed");
	if (!(X509_get_key_usage(load->certs[0]) & KU_DIGITAL_SIGNATURE))
		return fail(load, 0, "has a key usage without digitalSignature");
	load->identity->for_client =
		(X509_get_extended_key_usage(load->certs[0]) & (XKU_SSL_CLIENT | XKU_ANYEKU)) != 0;
	return true;
}

static bool take_dates(struct load *load)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(X509_get0_notAfter(load->certs[0]), &tm))
		return fail(load, 0, "has an end of validity that is no date");
	load->identity->not_after = timegm(&tm);
	return true;
}

/*
 * A dNSName as x509_identity_matches() looks for it, to be freed; NULL for one that can match
 * nothing: a malformed name, a wildcard elsewhere than alone in the left-most label, or with a
 * single label behind it.
 */
static char *take_name(const ASN1_STRING *presented)
{
	const char *text = (const char *)ASN1_STRING_get0_data(presented);
	size_t len = (size_t)ASN1_STRING_length(presented);
	char lower[X509_NAME_MAX + 1], *name;
	bool wildcard = len > 2 && text[0] == '*' && text[1] == '.';
	size_t star = wildcard ? 2 : 0;

	if (!x509_name_lower(text + star, len - star, lower))
		return NULL;
	if (wildcard && (!strchr(lower, '.') || len > X509_NAME_MAX))
		return NULL;
	name = malloc(len + 1);
	if (!name)
		return NULL;
	memcpy(name, "*.", star);
	memcpy(name + star, lower, len - star + 1);
	return name;
}

static void take_address(struct x509_identity *identity, const ASN1_STRING *presented)
{
	struct x509_address *address = &identity->addresses[identity->addresses_len];
	size_t len = (size_t)ASN1_STRING_length(presented);

	if (len != 4 && len != 16)
		return;
	address->len = (uint8_t)len;
	memcpy(address->bytes, ASN1_STRING_get0_data(presented), len);
	identity->addresses_len++;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool copy_names(struct x509_identity *identity, const GENERAL_NAMES *names)
{
	int i, n = sk_GENERAL_NAME_num(names);
	const GENERAL_NAME *name;
	char *copy;

	identity->names = calloc((size_t)n, sizeof(*identity->names));
	identity->addresses = calloc((size_t)n, sizeof(*identity->addresses));
	if (!identity->names || !identity->addresses)
		return false;
	for (i = 0; i < n; i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_IPADD)
			take_address(identity, name->d.iPAddress);
		copy = name->type == GEN_DNS ? take_name(name->d.dNSName) : NULL;
		if (copy)
			identity->names[identity->names_len++] = copy;
	}
	qsort(identity->names, identity->names_len, sizeof(*identity->names), compare_names);
	return true;
}

static bool take_names(struct load *load)
{
	GENERAL_NAMES *names;
	int critical;
	bool good;

	names = X509_get_ext_d2i(load->certs[0], NID_subject_alt_name, &critical, NULL);
	if (!names && critical != -1)
		return fail(load, 0, "has a subjectAltName that cannot be parsed");
	if (!names || sk_GENERAL_NAME_num(names) == 0) {
		GENERAL_NAMES_free(names);
		return true;
	}
	good = copy_names(load->identity, names);
	GENERAL_NAMES_free(names);
	return good || fail(load, 0, "finds no memory");
}

/* ---------------------------------------------------------------------------------------------- */

struct x509_identity *x509_identity_new(const void *pem, size_t len, struct x509_error *err)
{
	struct load load = { .message_len = MESSAGE_OVERHEAD, .err = err };
	bool good;
	size_t i;

	load.identity = calloc(1, sizeof(*load.identity));
	if (!load.identity) {
		x509_error_set(err, 0, "out of memory");
		return NULL;
	}
	ERR_set_mark();
	good = read_chain(&load, pem, len) && check_usage(&load) && take_key(&load) &&
	       check_chain(&load) && take_dates(&load) && take_names(&load);
	for (i = 0; i < load.identity->chain_len; i++)
		X509_free(load.certs[i]);
	ERR_pop_to_mark();
	if (!good) {
		x509_identity_free(load.identity);
		return NULL;
	}
	return load.identity;
}

void x509_identity_free(struct x509_identity *identity)
{
	size_t i;

	if (!identity)
		return;
	for (i = 0; i < identity->chain_len; i++)
		free((void *)identity->chain[i].bytes);
	for (i = 0; i < identity->names_len; i++)
		free((void *)identity->names[i]);
	free(identity->names);
	free(identity->addresses);
	free(identity);
}
