/* SPDX-License-Identifier: MIT */
#include "lib/x509/verify.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "lib/x509/anchors.h"
#include "lib/x509/internal.h"
#include "lib/x509/name.h"
#include "lib/x509/signatures.h"

#define SECURITY_LEVEL 2 /* libcrypto's: 112 bits */
#define RSA_BITS_MIN   2048
#define RSA_BITS_MAX   8192 /* of a peer's key: what one signature may cost */

struct x509_peer {
	EVP_PKEY *key;
	enum x509_kind kind;
};

/* A check under way. */
struct check {
	const struct x509_trust *trust;
	enum ktls_role role;              /* of the peer */
	const struct x509_reference *ref; /* NULL: any name */
	time_t now;
	STACK_OF(X509) * sent; /* by the peer, leaf first */
	X509 *leaf;
	STACK_OF(X509) * path; /* from the leaf to an anchor; NULL as long as there is none */
	struct x509_error *err;
};

/* ---- what the peer sent ---------------------------------------------------------------------- */

static int check_size(const struct ktls_span *certs, size_t n, enum ktls_role role)
{
	size_t i, total = 0;

	if (n == 0 && role == KTLS_SERVER)
		return -KTLS_R_CERTIFICATE_EMPTY;
	if (n == 0)
		return -KTLS_R_CERTIFICATE_REQUIRED;
	if (n > KTLS_ENGINE_CERTS_MAX)
		return -KTLS_R_CHAIN_TOO_LONG;
	for (i = 0; i < n; i++) {
		if (certs[i].len > KTLS_ENGINE_CHAIN_MAX - total)
			return -KTLS_R_CHAIN_TOO_LONG;
		total += certs[i].len;
	}
	return 0;
}

static int parse_certs(struct check *check, const struct ktls_span *certs, size_t n)
{
	size_t i;
	X509 *x;

	check->sent = sk_X509_new_reserve(NULL, (int)n);
	if (!check->sent)
		return -KTLS_R_NO_MEMORY;
	for (i = 0; i < n; i++) {
		x = x509_cache_get(check->trust->cache, certs[i].bytes, certs[i].len);
		if (!x) {
			x509_error_set(check->err, 0, "certificate %zu cannot be parsed", i);
			return -KTLS_R_CERTIFICATE_MALFORMED;
		}
		sk_X509_push(check->sent, x);
	}
	check->leaf = sk_X509_value(check->sent, 0);
	/* libcrypto would find no issuer for it. */
	if (X509_get_extension_flags(check->leaf) & EXFLAG_INVALID) {
		x509_error_set(check->err, 0, "certificate 0: an extension cannot be parsed");
		return -KTLS_R_CERTIFICATE_MALFORMED;
	}
	return 0;
}

/* By value: an anchor that the peer sent too is on the path as the trust file has it. -1: not. */
static int place_on_path(const struct check *check, const X509 *x)
{
	int i;

	for (i = 0; i < sk_X509_num(check->path); i++) {
		if (X509_cmp(sk_X509_value(check->path, i), x) == 0)
			return i;
	}
	return -1;
}

/* Not what the peer sent besides: that may be anything. The next on the path is the issuer, none
 * (NULL) behind an anchor. */
static void keep_path(const struct check *check, const struct ktls_span *certs, size_t n)
{
	size_t i;
	int place;
	X509 *x;

	for (i = 0; i < n; i++) {
		x = sk_X509_value(check->sent, (int)i);
		place = place_on_path(check, x);
		if (place >= 0)
			x509_cache_put(check->trust->cache, certs[i].bytes, certs[i].len, x,
				       sk_X509_value(check->path, place + 1));
	}
}

/* ---- the path (RFC 5280, 6) ------------------------------------------------------------------ */

static bool set_reference(const struct check *check, X509_VERIFY_PARAM *param)
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

static bool set_up(const struct check *check, X509_STORE_CTX *ctx)
{
	bool server = check->role == KTLS_SERVER;
	X509_VERIFY_PARAM *param;

	if (!X509_STORE_CTX_init(ctx, check->trust->store, check->leaf, check->sent))
		return false;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, check->now);
	X509_VERIFY_PARAM_set_depth(param, KTLS_ENGINE_CERTS_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
	x509_signatures_set_up(ctx, check->trust->cache);
	/* Whatever is in the trust file is an anchor, self-signed or not. */
	return X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) &&
	       X509_VERIFY_PARAM_set_purpose(param, server ? X509_PURPOSE_SSL_SERVER
							   : X509_PURPOSE_SSL_CLIENT) &&
	       X509_VERIFY_PARAM_set_trust(param, server ? X509_TRUST_SSL_SERVER
							 : X509_TRUST_SSL_CLIENT) &&
	       set_reference(check, param);
}

static int path_reason(const struct check *check, X509_STORE_CTX *ctx)
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

static int check_path(struct check *check)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int ret;

	if (!ctx || !set_up(check, ctx))
		ret = -KTLS_R_NO_MEMORY;
	else if (X509_verify_cert(ctx) == 1)
		ret = 0;
	else
		ret = path_reason(check, ctx);
	if (ret == 0)
		check->path = X509_STORE_CTX_get1_chain(ctx);
	X509_STORE_CTX_free(ctx);
	return ret;
}

/* libcrypto rounds: its level 2 lets RSA of 2040 bits pass. */
static int check_rsa_sizes(const struct check *check)
{
	const EVP_PKEY *key;
	int i;

	for (i = 0; i < sk_X509_num(check->path); i++) {
		key = X509_get0_pubkey(sk_X509_value(check->path, i));
		if (key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) < RSA_BITS_MIN) {
			x509_error_set(check->err, 0, "certificate %d: RSA key too small", i);
			return -KTLS_R_CERTIFICATE_WEAK;
		}
	}
	return 0;
}

/* ---- the leaf (RFC 9846, 4.5.1.2) ------------------------------------------------------------ */

/*
 * What libcrypto's purposes leave open: they take any key usage that some version of TLS can use,
 * and an ancient substitute for serverAuth.
 */
static int check_usage(const struct check *check)
{
	uint32_t extended = check->role == KTLS_SERVER ? XKU_SSL_SERVER : XKU_SSL_CLIENT;
	const char *text = NULL;

	if (X509_get_version(check->leaf) != X509_VERSION_3)
		text = "not X.509 version 3";
	else if (!(X509_get_key_usage(check->leaf) & KU_DIGITAL_SIGNATURE))
		text = "key usage without digitalSignature";
	else if (!(X509_get_extended_key_usage(check->leaf) & extended))
		text = "extended key usage for something else";
	if (!text)
		return 0;
	x509_error_set(check->err, 0, "certificate 0: %s", text);
	return -KTLS_R_CERTIFICATE_USAGE;
}

static int take_key(const struct check *check, struct x509_peer **out)
{
	EVP_PKEY *key = X509_get0_pubkey(check->leaf);
	enum x509_kind kind = x509_key_kind(key);
	struct x509_peer *peer;

	if (kind == X509_KIND_NONE ||
	    (kind == X509_KIND_RSA && EVP_PKEY_get_bits(key) > RSA_BITS_MAX)) {
		x509_error_set(check->err, 0, "certificate 0: key of an unsupported type or size");
		return -KTLS_R_CERTIFICATE_KEY_TYPE;
	}
	peer = malloc(sizeof(*peer));
	if (!peer || !EVP_PKEY_up_ref(key)) {
		free(peer);
		return -KTLS_R_NO_MEMORY;
	}
	peer->key = key;
	peer->kind = kind;
	*out = peer;
	return 0;
}

/* ---------------------------------------------------------------------------------------------- */

static int check_chain(struct check *check, const struct ktls_span *certs, size_t n,
		       struct x509_peer **out)
{
	int ret = check_size(certs, n, check->role);

	if (ret == 0)
		ret = parse_certs(check, certs, n);
	if (ret == 0)
		ret = check_path(check);
	if (ret == 0)
		ret = check_rsa_sizes(check);
	if (ret == 0)
		ret = check_usage(check);
	if (ret == 0)
		ret = take_key(check, out);
	if (ret == 0)
		keep_path(check, certs, n);
	sk_X509_pop_free(check->path, X509_free);
	sk_X509_pop_free(check->sent, X509_free);
	return ret;
}

int x509_peer_verify_chain(const struct x509_trust *trust, const struct ktls_span *certs, size_t n,
			   enum ktls_role role, const char *name, time_t now,
			   struct x509_peer **out, struct x509_error *err)
{
	struct check check = { .trust = trust, .role = role, .now = now, .err = err };
	struct x509_reference ref;
	int ret;

	x509_error_set(err, 0, "%s", "");
	if (name) {
		/* An empty name would have libcrypto check none. */
		if (!x509_reference_parse(name, &ref)) {
			x509_error_set(err, 0, "neither a host name nor an IP address to verify");
			return -KTLS_R_MISUSE;
		}
		check.ref = &ref;
	}
	ERR_set_mark();
	ret = check_chain(&check, certs, n, out);
	ERR_pop_to_mark();
	return ret;
}

int x509_peer_unchecked(const struct ktls_span *leaf, struct x509_peer **out)
{
	struct check check = { .err = NULL };
	int ret = -KTLS_R_CERTIFICATE_MALFORMED;

	ERR_set_mark();
	check.leaf = x509_parse(leaf->bytes, leaf->len);
	if (check.leaf)
		ret = take_key(&check, out);
	X509_free(check.leaf);
	ERR_pop_to_mark();
	return ret;
}

int x509_peer_verify_signature(const struct x509_peer *peer, uint16_t version, uint16_t scheme,
			       const uint8_t *content, size_t len, const uint8_t *sig,
			       size_t sig_len)
{
	const struct x509_scheme *row = x509_scheme_find(scheme);
	bool good;

	if (!row || !x509_scheme_fits(row, peer->kind, version))
		return -KTLS_R_SCHEME_INVALID;
	ERR_set_mark();
	good = x509_signature_good(peer->key, row, content, len, sig, sig_len);
	ERR_pop_to_mark();
	return good ? 0 : -KTLS_R_SIGNATURE_BAD;
}

void x509_peer_free(struct x509_peer *peer)
{
	if (!peer)
		return;
	EVP_PKEY_free(peer->key);
	free(peer);
}
