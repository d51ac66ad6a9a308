/* SPDX-License-Identifier: MIT */
#include "lib/x509/end_point.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

static const EVP_MD *hash_of(X509 *x)
{
	int nid;

	if (!X509_get_signature_info(x, &nid, NULL, NULL, NULL) || nid == NID_undef)
		return NULL;
	if (nid == NID_md5 || nid == NID_sha1 || nid == NID_md5_sha1)
		return EVP_sha256();
	return EVP_get_digestbynid(nid);
}

size_t x509_end_point(const uint8_t *der, size_t len, uint8_t out[static X509_END_POINT_MAX])
{
	const uint8_t *at = der;
	X509 *x = len > 0 && len < LONG_MAX ? d2i_X509(NULL, &at, (long)len) : NULL;
	const EVP_MD *md = x ? hash_of(x) : NULL;
	unsigned int n = 0;

	if (!md || EVP_MD_get_size(md) > X509_END_POINT_MAX ||
	    !EVP_Digest(der, len, out, &n, md, NULL))
		n = 0;
	X509_free(x);
	return n;
}
