/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/harness/crls.h"

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "# crls: %s failed\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

#define MUST(x) must((x), #x)

static void set_dates(X509_CRL *crl, const struct crl_spec *spec)
{
	ASN1_TIME *t = ASN1_TIME_new();

	MUST(t && X509_gmtime_adj(t, spec->last_update ? spec->last_update : -CERT_DAY));
	MUST(X509_CRL_set1_lastUpdate(crl, t));
	MUST(X509_gmtime_adj(t, spec->next_update ? spec->next_update : 30L * CERT_DAY) != NULL);
	if (!spec->no_next_update)
		MUST(X509_CRL_set1_nextUpdate(crl, t));
	ASN1_TIME_free(t);
}

static void revoke(X509_CRL *crl, const struct cert *cert)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_TIME *t = X509_gmtime_adj(NULL, -CERT_DAY);

	MUST(revoked && t);
	MUST(X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(cert->x509)));
	MUST(X509_REVOKED_set_revocationDate(revoked, t));
	MUST(X509_CRL_add0_revoked(crl, revoked));
	ASN1_TIME_free(t);
}

static void add_extension(X509_CRL *crl, X509V3_CTX *ctx, const char *name, const char *value)
{
	X509_EXTENSION *ext;

	if (!value)
		return;
	ext = X509V3_EXT_nconf(ctx->db ? ctx->db : NULL, ctx, name, value);
	MUST(ext != NULL);
	MUST(X509_CRL_add_ext(crl, ext, -1));
	X509_EXTENSION_free(ext);
}

/* An extension whose value is a section of a configuration. */
static void add_section(X509_CRL *crl, X509V3_CTX *ctx, const char *name, const char *lines)
{
	BIO *bio = BIO_new(BIO_s_mem());
	CONF *conf = NCONF_new(NULL);
	X509_EXTENSION *ext;
	long line;

	if (lines) {
		MUST(bio && conf && BIO_printf(bio, "[section]\n%s\n", lines) > 0);
		MUST(NCONF_load_bio(conf, bio, &line) > 0);
		X509V3_set_nconf(ctx, conf);
		ext = X509V3_EXT_nconf(conf, ctx, name, "critical,@section");
		MUST(ext && X509_CRL_add_ext(crl, ext, -1));
		X509_EXTENSION_free(ext);
		X509V3_set_ctx_nodb(ctx);
	}
	NCONF_free(conf);
	BIO_free(bio);
}

static void add_delta(X509_CRL *crl, const char *base)
{
	ASN1_INTEGER *number;

	if (!base)
		return;
	number = s2i_ASN1_INTEGER(NULL, base);
	MUST(number && X509_CRL_add1_ext_i2d(crl, NID_delta_crl, number, 1, 0) == 1);
	ASN1_INTEGER_free(number);
}

static X509_CRL *make(const struct crl_spec *spec)
{
	const struct cert *signer = spec->signer ? spec->signer : spec->issuer;
	bool edwards = EVP_PKEY_is_a(signer->pkey, "ED25519");
	X509_CRL *crl = X509_CRL_new();
	X509V3_CTX ctx;

	MUST(crl && X509_CRL_set_version(crl, X509_CRL_VERSION_2));
	MUST(X509_CRL_set_issuer_name(crl, X509_get_subject_name(spec->issuer->x509)));
	set_dates(crl, spec);
	for (size_t i = 0; i < CRL_REVOKED_MAX && spec->revoked[i]; i++)
		revoke(crl, spec->revoked[i]);
	MUST(X509_CRL_sort(crl));
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, spec->issuer->x509, NULL, NULL, crl, 0);
	if (!spec->no_key_id && X509_get0_subject_key_id(spec->issuer->x509))
		add_extension(crl, &ctx, "authorityKeyIdentifier", "keyid");
	add_section(crl, &ctx, "issuingDistributionPoint", spec->idp);
	add_delta(crl, spec->delta);
	if (spec->extra_oid)
		add_extension(crl, &ctx, spec->extra_oid, spec->extra_value);
	MUST(X509_CRL_sign(crl, signer->pkey, edwards ? NULL : EVP_sha256()) > 0);
	return crl;
}

char *crl_pem(const struct crl_spec *spec, size_t *len)
{
	X509_CRL *crl = make(spec);
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *copy;
	long n;

	MUST(bio && PEM_write_bio_X509_CRL(bio, crl));
	n = BIO_get_mem_data(bio, &data);
	copy = malloc((size_t)n + 1);
	MUST(copy != NULL);
	memcpy(copy, data, (size_t)n);
	copy[n] = '\0';
	if (len)
		*len = (size_t)n;
	BIO_free(bio);
	X509_CRL_free(crl);
	return copy;
}

uint8_t *crl_der(const struct crl_spec *spec, size_t *len)
{
	X509_CRL *crl = make(spec);
	int n = i2d_X509_CRL(crl, NULL);
	uint8_t *der = malloc((size_t)n), *at = der;

	MUST(der != NULL);
	*len = (size_t)i2d_X509_CRL(crl, &at);
	X509_CRL_free(crl);
	return der;
}

void crl_write(const struct crl_spec *spec, const char *dir, const char *name)
{
	char *pem = crl_pem(spec, NULL);
	char path[4096];
	FILE *f;

	MUST((size_t)snprintf(path, sizeof(path), "%s/%s.crl", dir, name) < sizeof(path));
	f = fopen(path, "we");
	MUST(f && fputs(pem, f) >= 0 && fclose(f) == 0);
	free(pem);
}
