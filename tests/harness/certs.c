/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "tests/harness/certs.h"

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "# certs: %s failed (errno %d)\n", what, errno);
	ERR_print_errors_fp(stderr);
	abort();
}

#define MUST(x) must((x), #x)

/* md: that the key is for, NULL for any; salt: bytes that it demands. */
static EVP_PKEY *rsa_pss_generate(int bits, const char *md, int salt)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *key = NULL;

	MUST(ctx && EVP_PKEY_keygen_init(ctx) > 0);
	MUST(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits) > 0);
	if (md) {
		MUST(EVP_PKEY_CTX_set_rsa_pss_keygen_md_name(ctx, md, NULL) > 0);
		MUST(EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md_name(ctx, md) > 0);
		MUST(EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(ctx, salt) > 0);
	}
	MUST(EVP_PKEY_keygen(ctx, &key) > 0);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *explicit_generate(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	MUST(key && EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING,
						   OSSL_PKEY_EC_ENCODING_EXPLICIT));
	return key;
}

static EVP_PKEY *key_generate(enum cert_key key)
{
	switch (key) {
	case CERT_P256:
		return EVP_EC_gen("P-256");
	case CERT_P384:
		return EVP_EC_gen("P-384");
	case CERT_P521:
		return EVP_EC_gen("P-521");
	case CERT_RSA1024:
		return EVP_RSA_gen(1024);
	case CERT_RSA2048:
		return EVP_RSA_gen(2048);
	case CERT_RSA3072:
		return EVP_RSA_gen(3072);
	case CERT_RSA4096:
		return EVP_RSA_gen(4096);
	case CERT_RSA_PSS:
		return rsa_pss_generate(2048, NULL, 0);
	case CERT_RSA_PSS_SHA384:
		return rsa_pss_generate(2048, "SHA384", 48);
	case CERT_RSA_PSS_LONG_SALT:
		return rsa_pss_generate(2048, "SHA256", 100);
	case CERT_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case CERT_ED448:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
	case CERT_P256_EXPLICIT:
		return explicit_generate();
	}
	return NULL;
}

#define SHARED_MAX 4

static struct {
	EVP_PKEY *keys[SHARED_MAX];
	size_t len, next;
} shared[CERT_P256_EXPLICIT + 1];

void cert_share_keys(enum cert_key key, size_t n)
{
	size_t i;

	MUST(n <= SHARED_MAX);
	for (i = shared[key].len; i < n; i++) {
		shared[key].keys[i] = key_generate(key);
		MUST(shared[key].keys[i] != NULL);
	}
	shared[key].len = n;
}

/* A reference to one that is there, or a new one. */
static EVP_PKEY *key_get(const struct cert_spec *spec)
{
	EVP_PKEY *key;

	if (spec->key_of) {
		key = spec->key_of->pkey;
	} else if (shared[spec->key].len > 0) {
		key = shared[spec->key].keys[shared[spec->key].next++ % shared[spec->key].len];
	} else {
		key = key_generate(spec->key);
		MUST(key != NULL);
		return key;
	}
	MUST(EVP_PKEY_up_ref(key));
	return key;
}

/* What a memory BIO holds, as a string; ends the BIO. */
static char *bio_string(BIO *bio, size_t *len)
{
	char *data;
	long n = BIO_get_mem_data(bio, &data);
	char *copy = malloc((size_t)n + 1);

	MUST(copy != NULL);
	memcpy(copy, data, (size_t)n);
	copy[n] = '\0';
	if (len)
		*len = (size_t)n;
	BIO_free(bio);
	return copy;
}

static void set_names(X509 *x, const struct cert_spec *spec, const struct cert *issuer)
{
	X509_NAME *name = X509_get_subject_name(x);

	MUST(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)spec->cn,
					-1, -1, 0));
	MUST(X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer->x509) : name));
}

static void set_serial_and_dates(X509 *x, const struct cert_spec *spec)
{
	unsigned char serial[8];
	BIGNUM *bn;

	MUST(RAND_bytes(serial, sizeof(serial)) == 1);
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
	bn = BN_bin2bn(serial, sizeof(serial), NULL);
	MUST(bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)));
	BN_free(bn);
	MUST(X509_gmtime_adj(X509_getm_notBefore(x),
			     spec->not_before ? spec->not_before : -CERT_DAY));
	MUST(X509_gmtime_adj(X509_getm_notAfter(x),
			     spec->not_after ? spec->not_after : 30L * CERT_DAY));
}

static void add_extension(X509 *x, X509V3_CTX *ctx, const char *name, const char *value)
{
	X509_EXTENSION *ext;

	if (!value)
		return;
	ext = X509V3_EXT_nconf(NULL, ctx, name, value);
	MUST(ext != NULL);
	MUST(X509_add_ext(x, ext, -1));
	X509_EXTENSION_free(ext);
}

static void add_extensions(X509 *x, const struct cert_spec *spec, const struct cert *issuer)
{
	char constraints[64] = "critical,CA:TRUE";
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer ? issuer->x509 : x, x, NULL, NULL, 0);
	if (spec->path_len_set)
		snprintf(constraints, sizeof(constraints), "critical,CA:TRUE,pathlen:%u",
			 spec->path_len);
	if (spec->ca)
		add_extension(x, &ctx, "basicConstraints", constraints);
	if (!spec->no_key_ids)
		add_extension(x, &ctx, "subjectKeyIdentifier", "hash");
	if (!spec->no_key_ids && issuer && X509_get0_subject_key_id(issuer->x509))
		add_extension(x, &ctx, "authorityKeyIdentifier", "keyid");
	add_extension(x, &ctx, "subjectAltName", spec->san);
	add_extension(x, &ctx, "keyUsage", spec->key_usage);
	add_extension(x, &ctx, "extendedKeyUsage", spec->eku);
	add_extension(x, &ctx, "nameConstraints", spec->name_constraints);
	if (spec->extra_oid)
		add_extension(x, &ctx, spec->extra_oid, spec->extra_value);
}

static const EVP_MD *sign_digest(const struct cert_spec *spec, EVP_PKEY *signer)
{
	if (EVP_PKEY_is_a(signer, "ED25519") || EVP_PKEY_is_a(signer, "ED448"))
		return NULL;
	return EVP_get_digestbyname(spec->digest ? spec->digest : "SHA256");
}

static void encode(struct cert *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len;

	MUST(bio && PEM_write_bio_X509(bio, cert->x509));
	cert->pem = bio_string(bio, &cert->pem_len);

	bio = BIO_new(BIO_s_mem());
	MUST(bio && PEM_write_bio_PKCS8PrivateKey(bio, cert->pkey, NULL, NULL, 0, NULL, NULL));
	cert->key_pem = bio_string(bio, &cert->key_pem_len);

	len = i2d_X509(cert->x509, &cert->der);
	MUST(len > 0);
	cert->der_len = (size_t)len;
}

struct cert *cert_new(const struct cert_spec *spec, const struct cert *issuer)
{
	struct cert *cert = calloc(1, sizeof(*cert));
	EVP_PKEY *signer;

	MUST(cert != NULL);
	cert->issuer = issuer;
	cert->pkey = key_get(spec);
	cert->x509 = X509_new();
	MUST(cert->x509 != NULL);
	MUST(X509_set_version(cert->x509, spec->version_1 ? X509_VERSION_1 : X509_VERSION_3));
	MUST(X509_set_pubkey(cert->x509, cert->pkey));
	set_names(cert->x509, spec, issuer);
	set_serial_and_dates(cert->x509, spec);
	if (!spec->version_1)
		add_extensions(cert->x509, spec, issuer);
	signer = issuer ? issuer->pkey : cert->pkey;
	MUST(X509_sign(cert->x509, signer, sign_digest(spec, signer)) > 0);
	encode(cert);
	return cert;
}

void cert_free(struct cert *cert)
{
	if (!cert)
		return;
	X509_free(cert->x509);
	EVP_PKEY_free(cert->pkey);
	OPENSSL_free(cert->der);
	free(cert->pem);
	free(cert->key_pem);
	free(cert);
}

struct cert *cert_ca(enum cert_key key, const char *cn)
{
	struct cert_spec spec = {
		.key = key,
		.cn = cn,
		.ca = true,
		.key_usage = "critical,keyCertSign,cRLSign",
	};

	return cert_new(&spec, NULL);
}

struct cert *cert_intermediate(enum cert_key key, const char *cn, const struct cert *issuer)
{
	struct cert_spec spec = {
		.key = key,
		.cn = cn,
		.ca = true,
		.path_len_set = true,
		.key_usage = "critical,keyCertSign,cRLSign",
	};

	return cert_new(&spec, issuer);
}

struct cert *cert_server(enum cert_key key, const char *san, const struct cert *issuer)
{
	struct cert_spec spec = {
		.key = key,
		.cn = "server",
		.san = san,
		.key_usage = "critical,digitalSignature",
		.eku = "serverAuth",
	};

	return cert_new(&spec, issuer);
}

struct cert *cert_client(enum cert_key key, const char *cn, const struct cert *issuer)
{
	struct cert_spec spec = {
		.key = key,
		.cn = cn,
		.key_usage = "critical,digitalSignature",
		.eku = "clientAuth",
	};

	return cert_new(&spec, issuer);
}

char *cert_chain_pem(const struct cert *cert, size_t *len)
{
	const struct cert *c = cert;
	BIO *bio = BIO_new(BIO_s_mem());

	MUST(bio != NULL);
	do {
		MUST(BIO_write(bio, c->pem, (int)c->pem_len) == (int)c->pem_len);
		c = c->issuer;
	} while (c && c->issuer);
	return bio_string(bio, len);
}

static void write_file(const char *dir, const char *name, const char *suffix, mode_t mode,
		       const char *text)
{
	char path[4096];
	int fd;

	MUST((size_t)snprintf(path, sizeof(path), "%s/%s.%s", dir, name, suffix) < sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	MUST(fd >= 0);
	MUST(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	MUST(close(fd) == 0);
}

void cert_write(const struct cert *cert, const char *dir, const char *name)
{
	char *chain = cert_chain_pem(cert, NULL);

	MUST(mkdir(dir, 0755) == 0 || errno == EEXIST);
	write_file(dir, name, "pem", 0644, chain);
	write_file(dir, name, "key", 0600, cert->key_pem);
	free(chain);
}
