/* SPDX-License-Identifier: MIT */
/* tls-server-end-point (RFC 5929, 4.1): which hash goes with which signature. */
#include <string.h>

#include <openssl/sha.h>

#include "lib/x509/end_point.h"
#include "lib/x509/x509.h"
#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

FIXTURE(end_point)
{
	uint8_t got[X509_END_POINT_MAX];
};

FIXTURE_VARIANT(end_point)
{
	enum cert_key issuer;
	const char *digest; /* of its signature */
	size_t len;         /* of the hash; 0: there is none */
};

FIXTURE_VARIANT_ADD(end_point, sha256){ CERT_P256, "SHA256", 32 };
FIXTURE_VARIANT_ADD(end_point, sha384){ CERT_P384, "SHA384", 48 };
FIXTURE_VARIANT_ADD(end_point, sha512){ CERT_RSA2048, "SHA512", 64 };
FIXTURE_VARIANT_ADD(end_point, sha1){ CERT_RSA2048, "SHA1", 32 };
FIXTURE_VARIANT_ADD(end_point, ed25519){ CERT_ED25519, NULL, 0 };

FIXTURE_SETUP(end_point)
{
	(void)self;
	(void)variant;
	ASSERT_EQ(0, x509_init());
}

FIXTURE_TEARDOWN(end_point)
{
	(void)self;
	(void)variant;
}

TEST_F(end_point, hash_of_the_signature)
{
	struct cert *ca = cert_ca(variant->issuer, "CA");
	struct cert *leaf = cert_new(
		&(struct cert_spec){ .key = CERT_P256, .cn = "leaf", .digest = variant->digest },
		ca);
	uint8_t expected[X509_END_POINT_MAX];
	size_t len = x509_end_point(leaf->der, leaf->der_len, self->got);

	if (len == SHA384_DIGEST_LENGTH)
		SHA384(leaf->der, leaf->der_len, expected);
	else if (len == SHA512_DIGEST_LENGTH)
		SHA512(leaf->der, leaf->der_len, expected);
	else
		SHA256(leaf->der, leaf->der_len, expected);
	EXPECT_EQ(variant->len, len);
	EXPECT_MEMEQ(expected, self->got, variant->len);
	cert_free(leaf);
	cert_free(ca);
}

TEST_F(end_point, no_certificate)
{
	(void)variant;
	EXPECT_EQ(0, x509_end_point((const uint8_t *)"", 0, self->got));
	EXPECT_EQ(0, x509_end_point((const uint8_t *)"0", 1, self->got));
}

TEST_HARNESS_MAIN
