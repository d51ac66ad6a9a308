/* SPDX-License-Identifier: MIT */
#include "lib/x509/temporary.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "lib/x509/name.h"

#define HOUR     3600L
#define LIFETIME (7 * 24 * HOUR)

/* A GeneralName of a host name or an address; NULL where it is neither. */
static GENERAL_NAME *general_name(const char *name)
{
	GENERAL_NAME *out = GENERAL_NAME_new();
	ASN1_STRING *value = NULL;
	struct x509_reference ref;
	bool good = out && x509_reference_parse(name, &ref);

	if (good && ref.address.len) {
		value = ASN1_OCTET_STRING_new();
		good = value && ASN1_STRING_set(value, ref.address.bytes, ref.address.len);
		GENERAL_NAME_set0_value(out, GEN_IPADD, value);
	} else if (good) {
		value = ASN1_IA5STRING_new();
		good = value && ASN1_STRING_set(value, ref.name, -1);
		GENERAL_NAME_set0_value(out, GEN_DNS, value);
	}
	if (good)
		return out;
	GENERAL_NAME_free(out);
	return NULL;
}

static bool add_names(X509 *x, const char *const *names, size_t n)
{
	GENERAL_NAMES *list = GENERAL_NAMES_new();
	bool good = list != NULL;

	for (size_t i = 0; good && i < n; i++) {
		GENERAL_NAME *name = general_name(names[i]);

		good = name && sk_GENERAL_NAME_push(list, name) > 0;
	}
	good = good && X509_add1_ext_i2d(x, NID_subject_alt_name, list, 0, 0);
	GENERAL_NAMES_free(list);
	return good;
}

static bool add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool good = extension && X509_add_ext(x, extension, -1);

	X509_EXTENSION_free(extension);
	return good;
}

static bool set_serial(X509 *x)
{
	uint64_t serial;

	return RAND_bytes((unsigned char *)&serial, sizeof(serial)) > 0 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1 | 1);
}

static bool fill_in(X509 *x, EVP_PKEY *key, const char *const *names, size_t n)
{
	static const unsigned char cn[] = "ktlsctl, temporary";
	X509_NAME *name = X509_get_subject_name(x);

	return X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
	       X509_gmtime_adj(X509_getm_notBefore(x), -HOUR) &&
	       X509_gmtime_adj(X509_getm_notAfter(x), LIFETIME) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, cn, -1, -1, 0) &&
	       X509_set_issuer_name(x, name) && X509_set_pubkey(x, key) && add_names(x, names, n) &&
	       add_extension(x, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(x, NID_ext_key_usage, "serverAuth") &&
	       X509_sign(x, key, EVP_sha256()) > 0;
}

/* A copy of what a memory BIO holds; NULL without memory. */
static char *copy_of(BIO *bio, size_t *len)
{
	char *bytes = NULL, *copy;
	long n = BIO_get_mem_data(bio, &bytes);

	copy = n > 0 ? malloc((size_t)n) : NULL;
	if (copy) {
		memcpy(copy, bytes, (size_t)n);
		*len = (size_t)n;
	}
	return copy;
}

static bool write_out(X509 *x, EVP_PKEY *key, struct x509_temporary *out)
{
	BIO *cert = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_secmem());

	if (cert && secret && PEM_write_bio_X509(cert, x) &&
	    PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL)) {
		out->cert = copy_of(cert, &out->cert_len);
		out->key = copy_of(secret, &out->key_len);
	}
	BIO_free(cert);
	BIO_free(secret);
	return out->cert && out->key;
}

bool x509_temporary_make(const char *const *names, size_t n, struct x509_temporary *out)
{
	EVP_PKEY *key;
	X509 *x;
	bool good;

	memset(out, 0, sizeof(*out));
	ERR_set_mark();
	key = EVP_EC_gen("P-256");
	x = X509_new();
	good = key && x && fill_in(x, key, names, n) && write_out(x, key, out);
	X509_free(x);
	EVP_PKEY_free(key);
	ERR_pop_to_mark();
	if (!good)
		x509_temporary_free(out);
	return good;
}

void x509_temporary_free(struct x509_temporary *made)
{
	if (made->key)
		OPENSSL_cleanse(made->key, made->key_len);
	free(made->key);
	free(made->cert);
	memset(made, 0, sizeof(*made));
}
