/* SPDX-License-Identifier: MIT */
/* Signatures and dates along a path: the verdicts are libcrypto's own, and what is kept of good
 * signatures serves the very same certificates only. */
#include <string.h>

#include <openssl/x509_vfy.h>

#include "lib/x509/anchors.h"
#include "lib/x509/internal.h"
#include "lib/x509/path.h"
#include "lib/x509/signatures.h"
#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

FIXTURE(path)
{
	struct cert *root, *middle, *leaf;
	X509 *x[3]; /* leaf first */
	struct x509_cache *cache;
	time_t now;
};

static X509 *parsed(const struct cert *cert)
{
	X509 *x = x509_parse(cert->der, cert->der_len);

	ASSERT_NOT_NULL(x);
	return x;
}

FIXTURE_SETUP(path)
{
	self->root = cert_ca(CERT_P256, "Root");
	self->middle = cert_intermediate(CERT_P256, "Middle", self->root);
	self->leaf = cert_server(CERT_P256, "DNS:example.com", self->middle);
	self->x[0] = parsed(self->leaf);
	self->x[1] = parsed(self->middle);
	self->x[2] = parsed(self->root);
	self->cache = x509_cache_new();
	self->now = time(NULL);
	ASSERT_NOT_NULL(self->cache);
}

FIXTURE_TEARDOWN(path)
{
	x509_cache_free(self->cache);
	for (size_t i = 0; i < 3; i++)
		X509_free(self->x[i]);
	cert_free(self->leaf);
	cert_free(self->middle);
	cert_free(self->root);
}

/* What X509_verify_cert() says: X509_V_OK or its error, and where. */
struct verdict {
	int error, depth;
};

static struct verdict verify(X509 *const x[3], size_t anchor, time_t now, struct x509_cache *cache,
			     bool ours)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509) *sent = sk_X509_new_null();
	const struct x509_trust trust = { .cache = cache };
	struct x509_check check = { .trust = &trust };
	struct verdict verdict;

	ASSERT_EQ(1, X509_STORE_add_cert(store, x[anchor]));
	for (size_t i = 0; i < 2; i++)
		sk_X509_push(sent, x[i]);
	ASSERT_EQ(1, X509_STORE_CTX_init(ctx, store, x[0], sent));
	ASSERT_EQ(1, X509_STORE_CTX_set_app_data(ctx, &check));
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), now);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
	if (ours)
		x509_signatures_set_up(ctx);
	verdict.error = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	verdict.depth = X509_STORE_CTX_get_error_depth(ctx);
	sk_X509_free(sent);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return verdict;
}

static void expect_same(int error, X509 *const x[3], size_t anchor, time_t now,
			struct x509_cache *cache)
{
	struct verdict theirs = verify(x, anchor, now, NULL, false);

	EXPECT_EQ(error, theirs.error);
	for (int i = 0; i < 2; i++) {
		struct verdict ours = verify(x, anchor, now, i ? cache : NULL, true);

		EXPECT_EQ(theirs.error, ours.error);
		if (error != X509_V_OK)
			EXPECT_EQ(theirs.depth, ours.depth);
	}
}

static void keep(struct x509_cache *cache, const struct cert *cert, X509 *x, X509 *issuer)
{
	x509_cache_put(cache, cert->der, cert->der_len, x, issuer);
}

TEST_F(path, a_good_one)
{
	for (size_t anchor = 0; anchor < 3; anchor++)
		expect_same(X509_V_OK, self->x, anchor, self->now, self->cache);
	keep(self->cache, self->leaf, self->x[0], self->x[1]);
	keep(self->cache, self->middle, self->x[1], self->x[2]);
	for (size_t anchor = 0; anchor < 3; anchor++)
		expect_same(X509_V_OK, self->x, anchor, self->now, self->cache);
}

TEST_F(path, dates_count_however_good_the_signatures)
{
	static const struct {
		size_t which;
		long not_before, not_after;
		int error;
	} cases[] = {
		{ 0, 0, -60, X509_V_ERR_CERT_HAS_EXPIRED },
		{ 1, 0, -60, X509_V_ERR_CERT_HAS_EXPIRED },
		{ 2, 0, -60, X509_V_ERR_CERT_HAS_EXPIRED },
		{ 0, 3600, 0, X509_V_ERR_CERT_NOT_YET_VALID },
		{ 1, 3600, 0, X509_V_ERR_CERT_NOT_YET_VALID },
		{ 2, 3600, 0, X509_V_ERR_CERT_NOT_YET_VALID },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cert *cert[3] = { NULL };
		X509 *x[3];

		for (int at = 2; at >= 0; at--) {
			const bool odd = cases[i].which == (size_t)at;
			const struct cert_spec spec = {
				.cn = at == 2   ? "R"
				      : at == 1 ? "M"
						: "L",
				.ca = at > 0,
				.not_before = odd ? cases[i].not_before : 0,
				.not_after = odd ? cases[i].not_after : 0,
			};

			cert[at] = cert_new(&spec, at == 2 ? NULL : cert[at + 1]);
			x[at] = parsed(cert[at]);
		}
		keep(self->cache, cert[0], x[0], x[1]);
		keep(self->cache, cert[1], x[1], x[2]);
		expect_same(cases[i].error, x, 2, self->now, self->cache);
		for (size_t at = 0; at < 3; at++) {
			X509_free(x[at]);
			cert_free(cert[at]);
		}
	}
}

/* Whatever is known of the certificate that this one pretends to be. */
TEST_F(path, a_broken_signature)
{
	const struct cert *certs[] = { self->leaf, self->middle };

	keep(self->cache, self->leaf, self->x[0], self->x[1]);
	keep(self->cache, self->middle, self->x[1], self->x[2]);
	for (size_t i = 0; i < 2; i++) {
		uint8_t der[2048];
		X509 *x[3] = { self->x[0], self->x[1], self->x[2] };

		memcpy(der, certs[i]->der, certs[i]->der_len);
		der[certs[i]->der_len - 1] ^= 1;
		x[i] = x509_parse(der, certs[i]->der_len);
		ASSERT_NOT_NULL(x[i]);
		expect_same(X509_V_ERR_CERT_SIGNATURE_FAILURE, x, 2, self->now, self->cache);
		X509_free(x[i]);
	}
}

/* Same name, another key: what one key signed, the other did not. */
TEST_F(path, another_issuer_of_that_name)
{
	const struct cert_spec spec = { .cn = "Middle", .ca = true, .no_key_ids = true };
	const struct cert_spec leaf_spec = { .cn = "Leaf", .no_key_ids = true };
	struct cert *middle = cert_new(&spec, self->root), *other = cert_new(&spec, self->root);
	struct cert *leaf = cert_new(&leaf_spec, middle);
	X509 *good[3] = { parsed(leaf), parsed(middle), self->x[2] };
	X509 *bad[3] = { good[0], parsed(other), self->x[2] };

	keep(self->cache, leaf, good[0], good[1]);
	keep(self->cache, middle, good[1], good[2]);
	keep(self->cache, other, bad[1], bad[2]);
	expect_same(X509_V_OK, good, 2, self->now, self->cache);
	expect_same(X509_V_ERR_CERT_SIGNATURE_FAILURE, bad, 2, self->now, self->cache);
	X509_free(good[0]);
	X509_free(good[1]);
	X509_free(bad[1]);
	cert_free(leaf);
	cert_free(middle);
	cert_free(other);
}

TEST_F(path, an_issuer_that_may_not_sign)
{
	const struct cert_spec spec = { .cn = "Middle", .ca = true, .key_usage = "cRLSign" };
	struct cert *middle = cert_new(&spec, self->root);
	struct cert *leaf = cert_server(CERT_P256, "DNS:example.com", middle);
	X509 *x[3] = { parsed(leaf), parsed(middle), self->x[2] };

	keep(self->cache, leaf, x[0], x[1]);
	keep(self->cache, middle, x[1], x[2]);
	expect_same(X509_V_ERR_INVALID_CA, x, 2, self->now, self->cache);
	X509_free(x[0]);
	X509_free(x[1]);
	cert_free(leaf);
	cert_free(middle);
}

/* ---- what is kept ---------------------------------------------------------------------------- */

TEST_F(path, a_signature_is_kept_for_these_two_objects)
{
	X509 *copy = parsed(self->leaf);

	EXPECT_FALSE(x509_cache_has_signature(NULL, self->x[0], self->x[1]));
	EXPECT_FALSE(x509_cache_has_signature(self->cache, self->x[0], self->x[1]));
	keep(self->cache, self->leaf, self->x[0], self->x[1]);
	EXPECT_TRUE(x509_cache_has_signature(self->cache, self->x[0], self->x[1]));
	EXPECT_FALSE(x509_cache_has_signature(self->cache, copy, self->x[1]));
	EXPECT_FALSE(x509_cache_has_signature(self->cache, self->x[0], self->x[2]));
	EXPECT_FALSE(x509_cache_has_signature(self->cache, self->x[1], self->x[2]));
	/* The issuer that was found last. */
	keep(self->cache, self->leaf, self->x[0], self->x[2]);
	EXPECT_FALSE(x509_cache_has_signature(self->cache, self->x[0], self->x[1]));
	EXPECT_TRUE(x509_cache_has_signature(self->cache, self->x[0], self->x[2]));
	EXPECT_EQ(1, x509_cache_count(self->cache));
	X509_free(copy);
}

TEST_HARNESS_MAIN
