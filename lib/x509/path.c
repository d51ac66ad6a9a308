/* SPDX-License-Identifier: MIT */
#include "lib/x509/path.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "lib/x509/anchors.h"
#include "lib/x509/internal.h"
#include "lib/x509/signatures.h"

#define SECURITY_LEVEL 2 /* libcrypto's: 112 bits */
#define RSA_BITS_MIN   2048

/* ---- pins ------------------------------------------------------------------------------------ */

static bool is_pinned(const struct x509_trust *trust, const X509 *x)
{
	uint8_t digest[X509_PIN_LEN];
	uint8_t *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	bool found = false;

	if (len <= 0 || !EVP_Digest(der, (size_t)len, digest, NULL, x509_digest(X509_SHA256), NULL))
		len = 0;
	for (size_t i = 0; i < trust->pins_len && len > 0 && !found; i++)
		found = memcmp(trust->pins[i], digest, X509_PIN_LEN) == 0;
	OPENSSL_free(der);
	return found;
}

/* Whether one of them has a pinned key, or none is needed. */
static int check_pins(const struct x509_check *check, STACK_OF(X509) * certs)
{
	if (check->trust->pins_len == 0)
		return 0;
	for (int i = 0; i < sk_X509_num(certs); i++) {
		if (is_pinned(check->trust, sk_X509_value(certs, i)))
			return 0;
	}
	x509_error_set(check->err, 0, "none of %d certificates has a pinned key",
		       sk_X509_num(certs));
	return -KTLS_R_CERTIFICATE_NOT_PINNED;
}

/* ---- revocation (RFC 5280, 6.3) -------------------------------------------------------------- */

/* Whether the certificate at depth may be without a revocation list. An anchor is not revoked by a
 * list but by taking it out of the trust file. */
static bool excused(const struct x509_check *check, X509_STORE_CTX *ctx)
{
	int depth = X509_STORE_CTX_get_error_depth(ctx);
	bool anchor = depth == sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) - 1;

	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		return anchor || check->trust->crl_check == X509_CRL_KNOWN ||
		       (check->trust->crl_check == X509_CRL_LEAF && depth > 0);
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER: /* of an anchor that is no root */
		return anchor;
	default:
		return false;
	}
}

static int on_error(int ok, X509_STORE_CTX *ctx)
{
	const struct x509_check *check = X509_STORE_CTX_get_app_data(ctx);

	if (ok || !excused(check, ctx))
		return ok;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

/* Lists are looked up for the whole path as soon as there are any, or have to be. */
static bool set_revocation(const struct x509_check *check, X509_STORE_CTX *ctx)
{
	const unsigned long flags = X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;

	if (check->trust->crls == 0 && check->trust->crl_check == X509_CRL_KNOWN)
		return true;
	X509_STORE_CTX_set_verify_cb(ctx, on_error);
	return X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), flags);
}

/* ---- the path ----------------------------------------------------------------------------- */

static bool set_reference(const struct x509_check *check, X509_VERIFY_PARAM *param)
{
	const struct x509_reference *ref = check->ref;

	if (!ref)
		return true;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
						       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (ref->address.len)
		return X509_VERIFY_PARAM_set1_ip(param, ref->address.bytes, ref->address.len);
	return X509_VERIFY_PARAM_set1_host(param, ref->name, strlen(ref->name));
}

static bool set_parameters(const struct x509_check *check, X509_VERIFY_PARAM *param)
{
	bool server = check->role == KTLS_SERVER;

	X509_VERIFY_PARAM_set_time(param, check->now);
	X509_VERIFY_PARAM_set_depth(param, KTLS_ENGINE_CERTS_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
	/* Whatever is in the trust file is an anchor, self-signed or not. */
	return X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) &&
	       X509_VERIFY_PARAM_set_purpose(param, server ? X509_PURPOSE_SSL_SERVER
							   : X509_PURPOSE_SSL_CLIENT) &&
	       X509_VERIFY_PARAM_set_trust(param, server ? X509_TRUST_SSL_SERVER
							 : X509_TRUST_SSL_CLIENT) &&
	       set_reference(check, param);
}

static int path_reason(const struct x509_check *check, X509_STORE_CTX *ctx)
{
	int error = X509_STORE_CTX_get_error(ctx), depth = X509_STORE_CTX_get_error_depth(ctx);
	X509 *x = X509_STORE_CTX_get_current_cert(ctx);

	/* libcrypto calls a key that it does not know too small. */
	if ((error == X509_V_ERR_EE_KEY_TOO_SMALL || error == X509_V_ERR_CA_KEY_TOO_SMALL) && x &&
	    !X509_get0_pubkey(x)) {
		x509_error_set(check->err, 0, "certificate %d: unknown type of key", depth);
		return -KTLS_R_CERTIFICATE_KEY_TYPE;
	}
	x509_error_set(check->err, 0, "certificate %d: %s", depth,
		       X509_verify_cert_error_string(error));
	return -(int)x509_reason(error);
}

/* anchors: instead of those of the trust; NULL: these. */
static int verify(struct x509_check *check, STACK_OF(X509) * anchors)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int ret = -KTLS_R_NO_MEMORY;

	if (ctx && X509_STORE_CTX_init(ctx, check->trust->store, check->leaf,
				       anchors ? NULL : check->sent)) {
		if (anchors)
			X509_STORE_CTX_set0_trusted_stack(ctx, anchors);
		x509_signatures_set_up(ctx);
		if (X509_STORE_CTX_set_app_data(ctx, check) &&
		    set_parameters(check, X509_STORE_CTX_get0_param(ctx)) &&
		    set_revocation(check, ctx))
			ret = X509_verify_cert(ctx) == 1 ? 0 : path_reason(check, ctx);
	}
	if (ret == 0)
		check->path = X509_STORE_CTX_get1_chain(ctx);
	X509_STORE_CTX_free(ctx);
	return ret;
}

/* The key is enough: whoever signed it, the rest of what the leaf says of itself has to hold. */
static int verify_leaf_alone(struct x509_check *check)
{
	STACK_OF(X509) *leaf = sk_X509_new_null();
	int ret = -KTLS_R_NO_MEMORY;

	if (leaf && sk_X509_push(leaf, check->leaf) > 0) {
		ret = check_pins(check, leaf);
		if (ret == 0)
			ret = verify(check, leaf);
	}
	sk_X509_free(leaf);
	return ret;
}

/* libcrypto rounds: its level 2 lets RSA of 2040 bits pass. */
static int check_rsa_sizes(const struct x509_check *check)
{
	const EVP_PKEY *key;
	int i;

	for (i = 0; i < sk_X509_num(check->path); i++) {
		key = X509_get0_pubkey(sk_X509_value(check->path, i));
		if (key && (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")) &&
		    EVP_PKEY_get_bits(key) < RSA_BITS_MIN) {
			x509_error_set(check->err, 0, "certificate %d: RSA key too small", i);
			return -KTLS_R_CERTIFICATE_WEAK;
		}
	}
	return 0;
}

int x509_path_find(struct x509_check *check)
{
	int ret;

	if (!check->trust->store)
		ret = verify_leaf_alone(check);
	else
		ret = verify(check, NULL);
	if (ret == 0)
		ret = check_rsa_sizes(check);
	if (ret == 0)
		ret = check_pins(check, check->path);
	return ret;
}
