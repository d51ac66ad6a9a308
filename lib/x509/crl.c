/* SPDX-License-Identifier: MIT */
/*
 * Revocation lists (RFC 5280, 5) on their way into a trust. What could be read wrongly later is
 * refused here: a list that is passed over in silence revokes nobody.
 */
#include <limits.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/x509/anchors.h"
#include "lib/x509/internal.h"
#include "lib/x509/pem.h"

static X509_CRL *parse(const uint8_t *der, size_t len)
{
	const unsigned char *end = der;
	X509_CRL *crl;

	if (len > LONG_MAX)
		return NULL;
	crl = d2i_X509_CRL(NULL, &end, (long)len);
	if (crl && (size_t)(end - der) != len) {
		X509_CRL_free(crl);
		return NULL;
	}
	return crl;
}

/* RFC 5280, 5.2.5: lists that are for some of an issuer's revocations only. */
static const char *unsupported_scope(const X509_CRL *crl)
{
	ISSUING_DIST_POINT *idp;
	const char *text = NULL;
	int critical;

	idp = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &critical, NULL);
	if (!idp && critical != -1)
		return "has an issuingDistributionPoint that cannot be parsed";
	if (idp && idp->indirectCRL > 0)
		text = "is an indirect one, which is not supported";
	else if (idp && idp->onlysomereasons)
		text = "is for some reasons only, which is not supported";
	ISSUING_DIST_POINT_free(idp);
	return text;
}

/* What is wrong with a list by itself; NULL: nothing. */
static const char *unsupported(const X509_CRL *crl)
{
	struct tm tm;

	if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0)
		return "is a delta of another list, which is not supported";
	if (!X509_CRL_get0_nextUpdate(crl) || !ASN1_TIME_to_tm(X509_CRL_get0_nextUpdate(crl), &tm))
		return "does not say when the next one is due (nextUpdate)";
	return unsupported_scope(crl);
}

/* Whether one of the anchors of the issuer's name has signed it, or there is none of that name. */
static bool signature_good(const struct x509_trust *trust, X509_CRL *crl)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(trust->store);
	bool found = false, good = false;

	for (int i = 0; i < sk_X509_OBJECT_num(objects) && !good; i++) {
		X509 *x = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
		EVP_PKEY *key = x ? X509_get0_pubkey(x) : NULL;

		if (!x || X509_NAME_cmp(X509_get_subject_name(x), X509_CRL_get_issuer(crl)) != 0)
			continue;
		found = true;
		good = key && X509_CRL_verify(crl, key) == 1;
	}
	return good || !found;
}

static void note_next_update(struct x509_trust *trust, const X509_CRL *crl)
{
	struct tm tm;
	int64_t until;

	if (!ASN1_TIME_to_tm(X509_CRL_get0_nextUpdate(crl), &tm))
		return;
	until = timegm(&tm);
	if (until < trust->crls_until)
		trust->crls_until = until;
}

static bool add(struct x509_trust *trust, const uint8_t *der, size_t len, unsigned int line,
		struct x509_error *err)
{
	X509_CRL *crl = parse(der, len);
	const char *wrong = "cannot be parsed";

	if (crl)
		wrong = unsupported(crl);
	if (!wrong && !signature_good(trust, crl))
		wrong = "is not signed by the certificate of its issuer's name in the trust file";
	if (!wrong && X509_STORE_add_crl(trust->store, crl) != 1)
		wrong = "finds no memory";
	if (wrong) {
		x509_error_set(err, line, "the revocation list %s", wrong);
	} else {
		note_next_update(trust, crl);
		trust->crls++;
	}
	X509_CRL_free(crl);
	return !wrong;
}

static bool add_block(struct x509_trust *trust, const struct pem_block *block,
		      struct x509_error *err)
{
	uint8_t *der;
	size_t len;
	bool good;

	if (pem_is_private_key(block)) {
		x509_error_set(err, block->line, "a private key among the revocation lists");
		return false;
	}
	if (strcmp(block->label, PEM_STRING_X509_CRL) != 0)
		return true;
	der = pem_decode(block, &len);
	if (!der) {
		x509_error_set(err, block->line, "damaged or incomplete PEM block");
		return false;
	}
	good = add(trust, der, len, block->line, err);
	pem_free(der, len);
	return good;
}

bool x509_crls_add(struct x509_trust *trust, struct ktls_span file, struct x509_error *err)
{
	static const uint8_t sequence = 0x30; /* DER, not text */
	size_t before = trust->crls;
	struct pem_block block;
	struct pem pem;

	if (file.len > 0 && file.bytes[0] == sequence)
		return add(trust, file.bytes, file.len, 0, err);
	pem_init(&pem, file.bytes, file.len);
	while (pem_next(&pem, &block)) {
		if (!add_block(trust, &block, err))
			return false;
	}
	if (trust->crls == before)
		x509_error_set(err, 0, "no revocation list");
	return trust->crls > before;
}
