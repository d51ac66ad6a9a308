/* SPDX-License-Identifier: MIT */
#include "lib/x509/names.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/x509v3.h>

/* What is being written. */
struct list {
	struct ktls_name names[X509_NAMES_MAX];
	char text[X509_NAMES_LEN_MAX];
	size_t len, used, left_out;
};

/* Programs compare these strings: what is not plain text is no name. */
static bool printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return len > 0;
}

static void add(struct list *list, enum ktls_name_kind kind, const char *text, size_t len)
{
	char *at = list->text + list->used;

	if (!printable(text, len) || list->len == X509_NAMES_MAX ||
	    len >= sizeof(list->text) - list->used) {
		list->left_out++;
		return;
	}
	memcpy(at, text, len);
	at[len] = '\0';
	list->names[list->len++] = (struct ktls_name){ .kind = kind, .text = at };
	list->used += len + 1;
}

static bool add_subject(struct list *list, const X509 *x)
{
	const X509_NAME *subject = X509_get_subject_name(x);
	BIO *bio;
	char *text;
	long len;

	if (X509_NAME_entry_count(subject) == 0)
		return true;
	bio = BIO_new(BIO_s_mem());
	if (!bio)
		return false;
	if (X509_NAME_print_ex(bio, subject, 0, XN_FLAG_RFC2253) < 0) {
		list->left_out++;
	} else {
		len = BIO_get_mem_data(bio, &text);
		add(list, KTLS_NAME_SUBJECT, text, (size_t)len);
	}
	BIO_free(bio);
	return true;
}

static void add_address(struct list *list, const ASN1_STRING *address)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(address);
	int len = ASN1_STRING_length(address);
	char text[INET6_ADDRSTRLEN];

	if ((len == 4 && inet_ntop(AF_INET, bytes, text, sizeof(text))) ||
	    (len == 16 && inet_ntop(AF_INET6, bytes, text, sizeof(text))))
		add(list, KTLS_NAME_IP, text, strlen(text));
	else
		list->left_out++;
}

static void add_string(struct list *list, enum ktls_name_kind kind, const ASN1_STRING *string)
{
	add(list, kind, (const char *)ASN1_STRING_get0_data(string),
	    (size_t)ASN1_STRING_length(string));
}

static void add_general(struct list *list, const GENERAL_NAME *name)
{
	switch (name->type) {
	case GEN_DNS:
		add_string(list, KTLS_NAME_DNS, name->d.dNSName);
		break;
	case GEN_EMAIL:
		add_string(list, KTLS_NAME_EMAIL, name->d.rfc822Name);
		break;
	case GEN_URI:
		add_string(list, KTLS_NAME_URI, name->d.uniformResourceIdentifier);
		break;
	case GEN_IPADD:
		add_address(list, name->d.iPAddress);
		break;
	default:
		list->left_out++;
	}
}

static bool add_alternatives(struct list *list, const X509 *x)
{
	GENERAL_NAMES *names;
	int critical;

	names = X509_get_ext_d2i(x, NID_subject_alt_name, &critical, NULL);
	if (!names)
		return critical == -1;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		add_general(list, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	return true;
}

/* A copy of the right size, names first and texts behind them. */
static bool keep(const struct list *list, struct x509_names *out)
{
	size_t size = list->len * sizeof(*list->names);
	struct ktls_name *copy = malloc(size + list->used + 1);
	char *text;

	if (!copy)
		return false;
	text = (char *)copy + size;
	memcpy(text, list->text, list->used);
	for (size_t i = 0; i < list->len; i++) {
		copy[i].kind = list->names[i].kind;
		copy[i].text = text + (list->names[i].text - list->text);
	}
	*out = (struct x509_names){ .list = copy, .len = list->len, .left_out = list->left_out };
	return true;
}

bool x509_names_read(const X509 *x, struct x509_names *out)
{
	struct list *list = malloc(sizeof(*list));
	bool good;

	if (!list)
		return false;
	list->len = list->used = list->left_out = 0;
	good = add_subject(list, x) && add_alternatives(list, x) && keep(list, out);
	free(list);
	return good;
}

void x509_names_wipe(struct x509_names *names)
{
	free(names->list);
	*names = (struct x509_names){ 0 };
}
