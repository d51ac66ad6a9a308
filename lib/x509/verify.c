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
#include "lib/x509/names.h"
#include "lib/x509/path.h"

#define RSA_BITS_MAX 8192 /* of a peer's key: what one signature may cost */

struct x509_peer {
	EVP_PKEY *key;
	enum x509_kind kind;
	bool encrypts; /* its key usage allows keyEncipherment */
	struct x509_names names;
	struct ktls_span path[X509_PATH_MAX]; /* their bytes are one block, that of the first */
	size_t path_len;
	int64_t until; /* seconds since 1970 */
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

static int parse_certs(struct x509_check *check, const struct ktls_span *certs, size_t n)
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
static int place_on_path(const struct x509_check *check, const X509 *x)
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
static void keep_path(const struct x509_check *check, const struct ktls_span *certs, size_t n)
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

/* ---- the leaf (RFC 9846, 4.5.1.2) ------------------------------------------------------------ */

/*
 * What libcrypto's purposes leave open: they take any key usage that some version of TLS can use,
 * and an ancient substitute for serverAuth.
 */
static int check_usage(const struct x509_check *check)
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

static int check_key(const struct x509_check *check)
{
	EVP_PKEY *key = X509_get0_pubkey(check->leaf);
	enum x509_kind kind = x509_key_kind(key);

	if (kind == X509_KIND_NONE || ((kind == X509_KIND_RSA || kind == X509_KIND_RSA_PSS) &&
				       EVP_PKEY_get_bits(key) > RSA_BITS_MAX)) {
		x509_error_set(check->err, 0, "certificate 0: key of an unsupported type or size");
		return -KTLS_R_CERTIFICATE_KEY_TYPE;
	}
	return 0;
}

/* ---- what is told of it ---------------------------------------------------------------------- */

/* Bytes of the path's certificates; 0 where they are too many or too long. */
static size_t path_size(const struct x509_check *check, size_t leaf_len)
{
	size_t size = leaf_len;

	if (sk_X509_num(check->path) > X509_PATH_MAX)
		return 0;
	for (int i = 1; i < sk_X509_num(check->path); i++) {
		int len = i2d_X509(sk_X509_value(check->path, i), NULL);

		if (len <= 0)
			return 0;
		size += (size_t)len;
	}
	return size <= X509_PATH_LEN_MAX ? size : 0;
}

/* The leaf as it came, for its digest is what channel bindings are made of. */
static int take_path(const struct x509_check *check, const struct ktls_span *leaf,
		     struct x509_peer *peer)
{
	size_t size = path_size(check, leaf->len);
	uint8_t *bytes, *at;

	if (size == 0)
		return -KTLS_R_CHAIN_TOO_LONG;
	bytes = malloc(size);
	if (!bytes)
		return -KTLS_R_NO_MEMORY;
	memcpy(bytes, leaf->bytes, leaf->len);
	peer->path[0] = (struct ktls_span){ bytes, leaf->len };
	peer->path_len = (size_t)sk_X509_num(check->path);
	at = bytes + leaf->len;
	for (size_t i = 1; i < peer->path_len; i++) {
		peer->path[i].bytes = at;
		peer->path[i].len = (size_t)i2d_X509(sk_X509_value(check->path, (int)i), &at);
	}
	return 0;
}

static int64_t path_until(const struct x509_check *check)
{
	int64_t until = x509_trust_crls_until(check->trust);
	struct tm tm;

	for (int i = 0; i < sk_X509_num(check->path); i++) {
		const ASN1_TIME *end = X509_get0_notAfter(sk_X509_value(check->path, i));

		if (ASN1_TIME_to_tm(end, &tm) && timegm(&tm) < until)
			until = timegm(&tm);
	}
	return until;
}

static struct x509_peer *peer_new(const X509 *leaf)
{
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	struct x509_peer *peer = calloc(1, sizeof(*peer));

	if (!peer || !EVP_PKEY_up_ref(key)) {
		free(peer);
		return NULL;
	}
	peer->key = key;
	peer->kind = x509_key_kind(key);
	return peer;
}

static int take_peer(const struct x509_check *check, const struct ktls_span *leaf,
		     struct x509_peer **out)
{
	struct x509_peer *peer = peer_new(check->leaf);
	int ret;

	if (!peer)
		return -KTLS_R_NO_MEMORY;
	peer->until = path_until(check);
	peer->encrypts = (X509_get_key_usage(check->leaf) & KU_KEY_ENCIPHERMENT) != 0;
	ret = take_path(check, leaf, peer);
	if (ret == 0 && !x509_names_read(check->leaf, &peer->names))
		ret = -KTLS_R_CERTIFICATE_MALFORMED;
	if (ret == 0)
		*out = peer;
	else
		x509_peer_free(peer);
	return ret;
}

/* ---------------------------------------------------------------------------------------------- */

static int check_chain(struct x509_check *check, const struct ktls_span *certs, size_t n,
		       struct x509_peer **out)
{
	int ret = check_size(certs, n, check->role);

	if (ret == 0)
		ret = parse_certs(check, certs, n);
	if (ret == 0)
		ret = x509_path_find(check);
	if (ret == 0)
		ret = check_usage(check);
	if (ret == 0)
		ret = check_key(check);
	if (ret == 0)
		ret = take_peer(check, &certs[0], out);
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
	struct x509_check check = { .trust = trust, .role = role, .now = now, .err = err };
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
	struct x509_check check = { .err = NULL };
	struct x509_peer *peer = NULL;
	int ret = -KTLS_R_CERTIFICATE_MALFORMED;

	ERR_set_mark();
	check.leaf = x509_parse(leaf->bytes, leaf->len);
	if (check.leaf)
		ret = check_key(&check);
	if (ret == 0) {
		peer = peer_new(check.leaf);
		ret = peer ? 0 : -KTLS_R_NO_MEMORY;
	}
	if (ret == 0)
		*out = peer;
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

	if (!row || !x509_scheme_suits(row, peer->key, peer->kind, version))
		return -KTLS_R_SCHEME_INVALID;
	ERR_set_mark();
	good = x509_signature_good(peer->key, row, content, len, sig, sig_len);
	ERR_pop_to_mark();
	return good ? 0 : -KTLS_R_SIGNATURE_BAD;
}

const struct ktls_span *x509_peer_path(const struct x509_peer *peer, size_t *len)
{
	*len = peer->path_len;
	return peer->path;
}

const struct ktls_name *x509_peer_names(const struct x509_peer *peer, size_t *len, size_t *left_out)
{
	*len = peer->names.len;
	if (left_out)
		*left_out = peer->names.left_out;
	return peer->names.list;
}

int64_t x509_peer_until(const struct x509_peer *peer)
{
	return peer->until;
}

EVP_PKEY *x509_peer_encryption_key(const struct x509_peer *peer)
{
	return peer->kind == X509_KIND_RSA && peer->encrypts ? peer->key : NULL;
}

void x509_peer_free(struct x509_peer *peer)
{
	if (!peer)
		return;
	EVP_PKEY_free(peer->key);
	x509_names_wipe(&peer->names);
	free((void *)(uintptr_t)peer->path[0].bytes);
	free(peer);
}
