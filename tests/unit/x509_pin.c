/* SPDX-License-Identifier: MIT */
/* Pinned public keys, beside anchors and in their place. */
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tests/unit/x509_chain.h"

TEST_HARNESS_MAIN

static void pin_of(const struct cert *cert, uint8_t out[static X509_PIN_LEN])
{
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(cert->pkey, &der);

	ASSERT_GT(len, 0);
	ASSERT_TRUE(EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL));
	OPENSSL_free(der);
}

/* Takes the fixture's trust anew: the key of pinned beside that of a stranger. */
static void trust_with(struct test_self_chain *self, bool anchors, const struct cert *pinned)
{
	struct cert *stranger = cert_ca(CERT_P256, "Stranger");
	uint8_t pins[2][X509_PIN_LEN];
	struct x509_trust_spec spec = { .pins = (const uint8_t(*)[X509_PIN_LEN])pins,
					.pins_len = 2 };

	pin_of(stranger, pins[0]);
	pin_of(pinned, pins[1]);
	if (anchors)
		spec.anchors = (struct ktls_span){ (uint8_t *)self->ca->pem, self->ca->pem_len };
	x509_trust_free(self->trust);
	self->trust = x509_trust_make(&spec, &self->err);
	ASSERT_NOT_NULL(self->trust);
	EXPECT_STREQ("", self->err.text);
	cert_free(stranger);
}

/* Any certificate of the path may be the one, also an anchor that the peer does not send. */
TEST_F(chain, a_path_with_a_pinned_key)
{
	const struct cert_spec spec = good_spec();
	struct cert *leaf = cert_new(&spec, self->middle), *other = cert_new(&spec, self->middle);
	const struct cert *const good[] = { leaf, self->middle, self->ca };

	for (size_t i = 0; i < 3; i++) {
		trust_with(self, true, good[i]);
		EXPECT_EQ(0, check_two(self, leaf, self->middle));
		EXPECT_EQ(i == 0 ? -KTLS_R_CERTIFICATE_NOT_PINNED : 0,
			  check_two(self, other, self->middle));
	}
	cert_free(leaf);
	cert_free(other);
}

/* A certificate that is sent besides is not on the path. */
TEST_F(chain, a_pinned_key_beside_the_path)
{
	const struct cert_spec spec = good_spec();
	struct cert *leaf = cert_new(&spec, self->middle), *other = cert_ca(CERT_P256, "Other");
	struct ktls_span certs[] = { span(leaf), span(self->middle), span(other) };

	trust_with(self, true, other);
	EXPECT_EQ(-KTLS_R_CERTIFICATE_NOT_PINNED, check(self, certs, 3, HOST));
	EXPECT_STREQ("none of 3 certificates has a pinned key", self->err.text);
	cert_free(leaf);
	cert_free(other);
}

/* A pin makes no path. */
TEST_F(chain, a_pinned_key_of_somebody_unknown)
{
	const struct cert_spec spec = good_spec();
	struct cert *root = cert_ca(CERT_P256, "Other"), *leaf = cert_new(&spec, root);

	trust_with(self, true, leaf);
	EXPECT_EQ(-KTLS_R_CERTIFICATE_UNKNOWN_CA, check_two(self, leaf, root));
	cert_free(leaf);
	cert_free(root);
}

/* Without anchors nobody asks who signed it. */
TEST_F(chain, a_key_alone)
{
	const struct cert_spec spec = good_spec();
	struct cert *leaf = cert_new(&spec, self->middle), *own = cert_new(&spec, NULL);
	struct cert *other = cert_new(&spec, NULL);
	struct ktls_span certs[] = { span(leaf), span(self->middle) }, mine = span(own);
	struct ktls_span others = span(other);

	trust_with(self, false, leaf);
	EXPECT_EQ(0, check(self, certs, 2, HOST));
	EXPECT_EQ(0, check(self, certs, 1, HOST));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_NOT_PINNED, check(self, &others, 1, HOST));
	trust_with(self, false, own);
	EXPECT_EQ(0, check(self, &mine, 1, HOST));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_NOT_PINNED, check(self, certs, 2, HOST));
	/* an issuer's key is not the peer's */
	trust_with(self, false, self->middle);
	EXPECT_EQ(-KTLS_R_CERTIFICATE_NOT_PINNED, check(self, certs, 2, HOST));
	cert_free(leaf);
	cert_free(own);
	cert_free(other);
}

/* What the leaf says of itself has to hold, whoever vouches for it. */
TEST_F(chain, a_key_alone_with_a_bad_certificate)
{
	struct cert_spec spec = good_spec();
	struct cert *leaf;
	struct ktls_span sent;
	static const struct {
		const char *san, *eku, *usage;
		long not_after;
		enum cert_key key;
		int want;
	} rows[] = {
		{ "DNS:" HOST, "serverAuth", NULL, 0, CERT_P256, 0 },
		{ "DNS:" HOST, NULL, NULL, 0, CERT_P384, 0 },
		{ "DNS:other.example", "serverAuth", NULL, 0, CERT_P256, -KTLS_R_CERTIFICATE_NAME },
		{ "DNS:" HOST, "clientAuth", NULL, 0, CERT_P256, -KTLS_R_CERTIFICATE_USAGE },
		{ "DNS:" HOST, NULL, "keyAgreement", 0, CERT_P256, -KTLS_R_CERTIFICATE_USAGE },
		{ "DNS:" HOST, NULL, NULL, -3600, CERT_P256, -KTLS_R_CERTIFICATE_EXPIRED },
		{ "DNS:" HOST, NULL, NULL, 0, CERT_RSA1024, -KTLS_R_CERTIFICATE_WEAK },
		{ "DNS:" HOST, NULL, NULL, 0, CERT_P521, -KTLS_R_CERTIFICATE_KEY_TYPE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		spec.san = rows[i].san;
		spec.eku = rows[i].eku;
		spec.key_usage = rows[i].usage;
		spec.not_after = rows[i].not_after;
		spec.key = rows[i].key;
		leaf = cert_new(&spec, NULL);
		sent = span(leaf);
		trust_with(self, false, leaf);
		if (rows[i].want != check(self, &sent, 1, HOST))
			TH_LOG("row %zu", i);
		EXPECT_EQ(rows[i].want, check(self, &sent, 1, HOST));
		cert_free(leaf);
	}
}

TEST_F(chain, neither_anchors_nor_pins)
{
	const struct x509_trust_spec spec = { .pins_len = 0 };

	EXPECT_NULL(x509_trust_make(&spec, &self->err));
	EXPECT_STREQ("neither anchors nor pinned keys", self->err.text);
}

/* Whatever changes who is believed changes the digest. */
TEST_F(chain, digests)
{
	const struct cert *const pinned[] = { self->ca, self->middle };
	uint8_t seen[5][X509_TRUST_DIGEST_LEN];

	memcpy(seen[0], x509_trust_digest(self->trust), X509_TRUST_DIGEST_LEN);
	for (size_t i = 1; i < 5; i++) {
		trust_with(self, i % 2, pinned[i / 3]);
		memcpy(seen[i], x509_trust_digest(self->trust), X509_TRUST_DIGEST_LEN);
		for (size_t j = 0; j < i; j++)
			EXPECT_NE(0, memcmp(seen[i], seen[j], X509_TRUST_DIGEST_LEN));
	}
}
