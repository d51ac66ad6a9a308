/* SPDX-License-Identifier: MIT */
#include "lib/x509/describe.h"

#include <stdlib.h>
#include <time.h>

#include "lib/x509/identity.h"
#include "lib/x509/key.h"
#include "lib/x509/temporary.h"
#include "tests/unit/x509_chain.h"

static struct x509_description described;

static bool describe(const struct cert *cert)
{
	return x509_describe(cert->der, cert->der_len, &described);
}

TEST_F(chain, leaf)
{
	struct cert_spec spec = good_spec();
	struct cert *cert = cert_new(&spec, self->middle);
	int64_t now = time(NULL);

	ASSERT_TRUE(describe(cert));
	EXPECT_STREQ("CN=leaf", described.subject);
	EXPECT_STREQ("CN=Middle", described.issuer);
	EXPECT_STREQ("ECDSA P-256", described.key);
	EXPECT_STREQ("ecdsa-with-SHA256", described.signature);
	EXPECT_STREQ(HOST ", 192.0.2.7", described.names);
	EXPECT_EQ(2, described.names_len);
	EXPECT_STREQ("digitalSignature, serverAuth", described.usage);
	EXPECT_FALSE(described.ca);
	EXPECT_FALSE(described.self_issued);
	EXPECT_LE(described.not_before, now);
	EXPECT_GT(described.not_before, now - 2 * CERT_DAY);
	EXPECT_GT(described.not_after, now + 29 * CERT_DAY);
	EXPECT_LT(described.not_after, now + 31 * CERT_DAY);
	cert_free(cert);
}

TEST_F(chain, root)
{
	ASSERT_TRUE(describe(self->ca));
	EXPECT_STREQ("CN=Root", described.subject);
	EXPECT_STREQ("", described.names);
	EXPECT_TRUE(described.ca);
	EXPECT_TRUE(described.self_issued);
}

static const struct {
	enum cert_key key;
	const char *text;
} keys[] = {
	{ CERT_P384, "ECDSA P-384" },          { CERT_P521, "ECDSA P-521" },
	{ CERT_RSA1024, "RSA 1024 bits" },     { CERT_RSA_PSS, "RSA-PSS 2048 bits" },
	{ CERT_ED25519, "Ed25519" },           { CERT_ED448, "ED448" },
	{ CERT_P256_EXPLICIT, "ECDSA P-256" },
};

TEST_F(chain, keys)
{
	struct cert_spec spec = good_spec();

	(void)self;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct cert *cert;

		spec.key = keys[i].key;
		cert = cert_new(&spec, NULL);
		ASSERT_TRUE(describe(cert));
		EXPECT_STREQ(keys[i].text, described.key);
		cert_free(cert);
	}
}

/* What is in a certificate may be meant for the terminal of whoever looks at it. */
TEST_F(chain, hostile_text)
{
	struct cert_spec spec = good_spec();
	struct cert *cert;

	(void)self;
	spec.cn = "a\033[2Jb\r\n\xc3\xa9";
	spec.san = "DNS:\033]0;title\007.example.com";
	cert = cert_new(&spec, NULL);
	ASSERT_TRUE(describe(cert));
	for (const char *p = described.subject; *p; p++)
		EXPECT_TRUE(*p >= 0x20 && *p < 0x7f);
	EXPECT_STREQ("\\x1b]0;title\\x07.example.com", described.names);
	cert_free(cert);
}

TEST_F(chain, long_text_is_cut_off)
{
	static char san[8192];
	struct cert_spec spec = good_spec();
	struct cert *cert;

	(void)self;
	for (size_t i = 0, len = 0; i < 300; i++)
		len += (size_t)snprintf(san + len, sizeof(san) - len, "%sDNS:n%zu.example.com",
					i ? "," : "", i);
	spec.san = san;
	cert = cert_new(&spec, NULL);
	ASSERT_TRUE(describe(cert));
	EXPECT_EQ(300, described.names_len);
	EXPECT_LT(strlen(described.names), sizeof(described.names));
	EXPECT_STREQ("...", described.names + strlen(described.names) - 3);
	cert_free(cert);
}

TEST_F(chain, no_certificate)
{
	char name[X509_TEXT_MAX];
	uint8_t *copy;

	for (size_t len = 0; len < self->ca->der_len; len++) {
		copy = malloc(len + 1);
		memcpy(copy, self->ca->der, len);
		EXPECT_FALSE(x509_describe(copy, len, &described));
		free(copy);
	}
	EXPECT_FALSE(x509_describe_name((const uint8_t *)"nonsense", 8, name));
}

TEST_F(chain, a_name)
{
	static const uint8_t der[] = { 0x30, 14,   0x31, 12,   0x30, 10,  0x06, 3,
				       0x55, 0x04, 0x03, 0x0c, 3,    'a', '\n', 'b' };
	char name[X509_TEXT_MAX];

	(void)self;
	ASSERT_TRUE(x509_describe_name(der, sizeof(der), name));
	EXPECT_STREQ("CN=a\\0Ab", name);
}

/* Its key fits, and it can be used as it is. */
TEST_F(chain, temporary)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "::1" };
	struct x509_temporary made;
	struct x509_identity *identity;
	struct x509_key *key;

	(void)self;
	ASSERT_TRUE(x509_temporary_make(names, 3, &made));
	identity = x509_identity_new(made.cert, made.cert_len, &self->err);
	ASSERT_NOT_NULL(identity);
	key = x509_key_new(made.key, made.key_len, &self->err);
	ASSERT_NOT_NULL(key);
	EXPECT_TRUE(x509_key_fits(key, identity));
	EXPECT_EQ(X509_MATCH_EXACT, x509_identity_matches(identity, "localhost"));
	EXPECT_EQ(X509_MATCH_EXACT, x509_identity_matches(identity, "::1"));
	EXPECT_EQ(X509_MATCH_NONE, x509_identity_matches(identity, "192.0.2.1"));
	x509_key_free(key);
	x509_identity_free(identity);
	x509_temporary_free(&made);
}

TEST_F(chain, temporary_for_no_name)
{
	static const char *const names[] = { "not a name" };
	struct x509_temporary made;

	(void)self;
	EXPECT_FALSE(x509_temporary_make(names, 1, &made));
	EXPECT_NULL(made.cert);
}

/* A leaf that nobody would believe still tells what its key signed. */
TEST_F(chain, unchecked_peer)
{
	struct cert_spec spec = good_spec();
	struct x509_peer *peer;
	struct ktls_span leaf;
	struct cert *cert;

	spec.not_after = -1;
	cert = cert_new(&spec, NULL);
	leaf = span(cert);
	EXPECT_EQ(-KTLS_R_CERTIFICATE_SELF_SIGNED,
		  x509_peer_verify_chain(self->trust, &leaf, 1, KTLS_SERVER, HOST, time(NULL),
					 &peer, NULL));
	ASSERT_EQ(0, x509_peer_unchecked(&leaf, &peer));
	EXPECT_EQ(-KTLS_R_SIGNATURE_BAD,
		  x509_peer_verify_signature(peer, KTLS_TLS_1_3, KTLS_SCHEME_ECDSA_SECP256R1_SHA256,
					     (const uint8_t *)"x", 1, (const uint8_t *)"y", 1));
	x509_peer_free(peer);
	leaf.len--;
	EXPECT_EQ(-KTLS_R_CERTIFICATE_MALFORMED, x509_peer_unchecked(&leaf, &peer));
	cert_free(cert);
}

TEST_HARNESS_MAIN
