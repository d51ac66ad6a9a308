/* SPDX-License-Identifier: MIT */
#include "lib/x509/signatures.h"

#include <stdbool.h>

#include <openssl/x509v3.h>

#include "lib/x509/anchors.h"
#include "lib/x509/path.h"

static bool refuse(X509_STORE_CTX *ctx, X509 *x, int depth, int error)
{
	X509_STORE_CTX_set_current_cert(ctx, x);
	X509_STORE_CTX_set_error_depth(ctx, depth);
	X509_STORE_CTX_set_error(ctx, error);
	return false;
}

static bool check_dates(X509_STORE_CTX *ctx, X509 *x, int depth)
{
	time_t now = X509_VERIFY_PARAM_get_time(X509_STORE_CTX_get0_param(ctx));
	int before = X509_cmp_time(X509_get0_notBefore(x), &now);
	int after = X509_cmp_time(X509_get0_notAfter(x), &now);

	if (before == 0)
		return refuse(ctx, x, depth, X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD);
	if (before > 0)
		return refuse(ctx, x, depth, X509_V_ERR_CERT_NOT_YET_VALID);
	if (after == 0)
		return refuse(ctx, x, depth, X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD);
	if (after < 0)
		return refuse(ctx, x, depth, X509_V_ERR_CERT_HAS_EXPIRED);
	return true;
}

/* Names and key identifiers, and that the issuer's key may sign certificates (RFC 5280, 6.1.4 n).
 */
static bool check_signature(X509_STORE_CTX *ctx, X509 *x, X509 *issuer, int depth)
{
	const struct x509_check *check = X509_STORE_CTX_get_app_data(ctx);
	int error = X509_check_issued(issuer, x);
	EVP_PKEY *key;

	if (error != X509_V_OK)
		return refuse(ctx, issuer, depth + 1, error);
	if (x509_cache_has_signature(check->trust->cache, x, issuer))
		return true;
	key = X509_get0_pubkey(issuer);
	if (!key)
		return refuse(ctx, issuer, depth + 1,
			      X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY);
	if (X509_verify(x, key) != 1)
		return refuse(ctx, x, depth, X509_V_ERR_CERT_SIGNATURE_FAILURE);
	return true;
}

/* The anchor's own signature says nothing: who trusts it has it from elsewhere. */
static int check_path(X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(ctx);
	int depth = sk_X509_num(path) - 1;
	X509 *x, *issuer = NULL;

	if (depth < 0)
		return 0;
	for (; depth >= 0; depth--, issuer = x) {
		x = sk_X509_value(path, depth);
		if (issuer && !check_signature(ctx, x, issuer, depth))
			return 0;
		if (!check_dates(ctx, x, depth))
			return 0;
	}
	return 1;
}

void x509_signatures_set_up(X509_STORE_CTX *ctx)
{
	X509_STORE_CTX_set_verify(ctx, check_path);
}
