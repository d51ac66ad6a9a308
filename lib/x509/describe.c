/* SPDX-License-Identifier: MIT */
#include "lib/x509/describe.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "lib/x509/internal.h"

/* ---- text ------------------------------------------------------------------------------------ */

struct text {
	char *out;
	size_t cap, len;
	bool full;
};

static void text_add(struct text *t, const char *bytes, size_t len)
{
	size_t room = t->cap - t->len - sizeof("...");

	if (t->full)
		return;
	if (len > room) {
		t->full = true;
		bytes = "...";
		len = 3;
	}
	memcpy(t->out + t->len, bytes, len);
	t->len += len;
	t->out[t->len] = '\0';
}

static void text_put(struct text *t, const char *string)
{
	text_add(t, string, strlen(string));
}

/* Bytes of a certificate, which may be anything. */
static void text_escaped(struct text *t, const unsigned char *bytes, size_t len)
{
	char hex[8];

	for (size_t i = 0; i < len; i++) {
		if (bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '\\')
			text_add(t, (const char *)bytes + i, 1);
		else
			text_add(t, hex, (size_t)snprintf(hex, sizeof(hex), "\\x%02x", bytes[i]));
	}
}

static struct text text_into(char *out, size_t cap)
{
	out[0] = '\0';
	return (struct text){ .out = out, .cap = cap };
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Non-ASCII characters come out as \XX, by libcrypto. */
#define NAME_FLAGS ((XN_FLAG_RFC2253 & ~(unsigned long)XN_FLAG_SEP_MASK) | XN_FLAG_SEP_CPLUS_SPC)

static void describe_name(const X509_NAME *name, char out[static X509_TEXT_MAX])
{
	struct text t = text_into(out, X509_TEXT_MAX);
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes = NULL;
	long len = 0;

	if (bio && X509_NAME_print_ex(bio, name, 0, NAME_FLAGS) >= 0)
		len = BIO_get_mem_data(bio, &bytes);
	for (long i = 0; i < len; i++) {
		bool plain = bytes[i] >= 0x20 && bytes[i] < 0x7f;

		text_add(&t, plain ? bytes + i : "?", 1);
	}
	BIO_free(bio);
}

bool x509_describe_name(const uint8_t *der, size_t len, char out[static X509_TEXT_MAX])
{
	const unsigned char *end = der;
	X509_NAME *name;

	if (len > LONG_MAX)
		return false;
	ERR_set_mark();
	name = d2i_X509_NAME(NULL, &end, (long)len);
	if (name)
		describe_name(name, out);
	X509_NAME_free(name);
	ERR_pop_to_mark();
	return name != NULL;
}

static void describe_address(struct text *t, const ASN1_OCTET_STRING *ip)
{
	int len = ASN1_STRING_length(ip), family = len == 4 ? AF_INET : AF_INET6;
	char shown[INET6_ADDRSTRLEN];

	if ((len == 4 || len == 16) &&
	    inet_ntop(family, ASN1_STRING_get0_data(ip), shown, sizeof(shown)))
		text_put(t, shown);
	else
		text_put(t, "an address of a wrong length");
}

static void describe_general_name(struct text *t, const GENERAL_NAME *name)
{
	const ASN1_STRING *string = name->d.ia5;

	switch (name->type) {
	case GEN_DNS:
	case GEN_EMAIL:
	case GEN_URI:
		text_escaped(t, ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
		break;
	case GEN_IPADD:
		describe_address(t, name->d.ip);
		break;
	default:
		text_put(t, "a name of another kind");
		break;
	}
}

static void describe_names(const X509 *x, struct x509_description *out)
{
	struct text t = text_into(out->names, sizeof(out->names));
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int n = sk_GENERAL_NAME_num(names); /* -1 for NULL */

	for (int i = 0; i < n; i++) {
		if (i > 0)
			text_put(&t, ", ");
		describe_general_name(&t, sk_GENERAL_NAME_value(names, i));
	}
	out->names_len = n > 0 ? (size_t)n : 0;
	GENERAL_NAMES_free(names);
}

/* ---- keys and usages ------------------------------------------------------------------------- */

static void describe_key(const X509 *x, char out[static X509_TEXT_MAX])
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	char curve[64] = "";

	if (!key) {
		snprintf(out, X509_TEXT_MAX, "of an unknown type");
	} else if (EVP_PKEY_is_a(key, "EC")) {
		EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL);
		if (EVP_PKEY_get_bits(key) == 256 && strcmp(curve, "prime256v1") == 0)
			snprintf(curve, sizeof(curve), "P-256");
		else if (strncmp(curve, "secp", 4) == 0 && strstr(curve, "r1"))
			snprintf(curve, sizeof(curve), "P-%d", EVP_PKEY_get_bits(key));
		snprintf(out, X509_TEXT_MAX, "ECDSA %s", curve);
	} else if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")) {
		snprintf(out, X509_TEXT_MAX, "%s %d bits", EVP_PKEY_get0_type_name(key),
			 EVP_PKEY_get_bits(key));
	} else if (EVP_PKEY_is_a(key, "ED25519")) {
		snprintf(out, X509_TEXT_MAX, "Ed25519");
	} else {
		snprintf(out, X509_TEXT_MAX, "%s", EVP_PKEY_get0_type_name(key));
	}
}

static void text_listed(struct text *t, const char *item)
{
	if (t->len > 0)
		text_put(t, ", ");
	text_put(t, item);
}

/* RFC 5280, 4.2.1.3 and 4.2.1.12. */
static void describe_usage(X509 *x, char out[static X509_TEXT_MAX])
{
	static const struct {
		uint32_t bit;
		const char *name;
	} usages[] = {
		{ KU_DIGITAL_SIGNATURE, "digitalSignature" },
		{ KU_NON_REPUDIATION, "nonRepudiation" },
		{ KU_KEY_ENCIPHERMENT, "keyEncipherment" },
		{ KU_DATA_ENCIPHERMENT, "dataEncipherment" },
		{ KU_KEY_AGREEMENT, "keyAgreement" },
		{ KU_KEY_CERT_SIGN, "keyCertSign" },
		{ KU_CRL_SIGN, "cRLSign" },
	}, extended[] = {
		{ XKU_SSL_SERVER, "serverAuth" },   { XKU_SSL_CLIENT, "clientAuth" },
		{ XKU_CODE_SIGN, "codeSigning" },   { XKU_SMIME, "emailProtection" },
		{ XKU_TIMESTAMP, "timeStamping" },  { XKU_OCSP_SIGN, "OCSPSigning" },
		{ XKU_ANYEKU, "any" },
	};
	uint32_t flags = X509_get_extension_flags(x);
	struct text t = text_into(out, X509_TEXT_MAX);

	for (size_t i = 0; flags & EXFLAG_KUSAGE && i < sizeof(usages) / sizeof(usages[0]); i++)
		if (X509_get_key_usage(x) & usages[i].bit)
			text_listed(&t, usages[i].name);
	for (size_t i = 0; flags & EXFLAG_XKUSAGE && i < sizeof(extended) / sizeof(extended[0]);
	     i++)
		if (X509_get_extended_key_usage(x) & extended[i].bit)
			text_listed(&t, extended[i].name);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int64_t seconds(const ASN1_TIME *time)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days, rest;
	bool good = epoch && ASN1_TIME_diff(&days, &rest, epoch, time);

	ASN1_TIME_free(epoch);
	return good ? (int64_t)days * 86400 + rest : 0;
}

static void describe_serial(const X509 *x, char out[static X509_TEXT_MAX])
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char *hex = number ? BN_bn2hex(number) : NULL;

	snprintf(out, X509_TEXT_MAX, "%.64s", hex ? hex : "?");
	OPENSSL_free(hex);
	BN_free(number);
}

static void describe(X509 *x, struct x509_description *out)
{
	const char *algorithm = OBJ_nid2ln(X509_get_signature_nid(x));

	memset(out, 0, sizeof(*out));
	describe_name(X509_get_subject_name(x), out->subject);
	describe_name(X509_get_issuer_name(x), out->issuer);
	describe_serial(x, out->serial);
	describe_key(x, out->key);
	describe_names(x, out);
	describe_usage(x, out->usage);
	snprintf(out->signature, sizeof(out->signature), "%s", algorithm ? algorithm : "unknown");
	out->not_before = seconds(X509_get0_notBefore(x));
	out->not_after = seconds(X509_get0_notAfter(x));
	out->ca = (X509_get_extension_flags(x) & EXFLAG_CA) != 0;
	out->self_issued = X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
}

bool x509_describe(const uint8_t *der, size_t len, struct x509_description *out)
{
	unsigned int size = sizeof(out->sha256);
	X509 *x;

	ERR_set_mark();
	x = x509_parse(der, len);
	if (x) {
		describe(x, out);
		if (!EVP_Digest(der, len, out->sha256, &size, EVP_sha256(), NULL))
			memset(out->sha256, 0, sizeof(out->sha256));
	}
	X509_free(x);
	ERR_pop_to_mark();
	return x != NULL;
}
