/* SPDX-License-Identifier: MIT */
/* A peer's chain: what its certificates may be used for, their strength and their constraints. */
#include "tests/unit/x509_chain.h"

TEST_HARNESS_MAIN

/* ---- usage ----------------------------------------------------------------------------------- */

TEST_F(chain, extended_usage_is_that_of_the_role)
{
	struct cert *server = cert_server(CERT_P256, "DNS:" HOST, self->middle);
	struct cert *client = cert_client(CERT_P256, "client", self->middle);
	struct ktls_span servers[] = { span(server), span(self->middle) };
	struct ktls_span clients[] = { span(client), span(self->middle) };
	time_t now = time(NULL);

	EXPECT_EQ(0, check_as(self, servers, 2, KTLS_SERVER, HOST, now));
	EXPECT_EQ(0, check_as(self, clients, 2, KTLS_CLIENT, NULL, now));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_USAGE, check_as(self, servers, 2, KTLS_CLIENT, NULL, now));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_USAGE, check_as(self, clients, 2, KTLS_SERVER, NULL, now));
	cert_free(client);
	cert_free(server);
}

TEST_F(chain, usage_without_digital_signature)
{
	struct cert_spec spec = good_spec();

	spec.key_usage = "critical,keyEncipherment,keyAgreement";
	EXPECT_EQ(-KTLS_R_CERTIFICATE_USAGE, check_spec(self, &spec));
	EXPECT_STREQ("certificate 0: key usage without digitalSignature", self->err.text);
}

/* Server Gated Crypto, which libcrypto takes for serverAuth. */
TEST_F(chain, extended_usage_of_the_last_century)
{
	struct cert_spec spec = good_spec();

	spec.eku = "nsSGC";
	EXPECT_EQ(-KTLS_R_CERTIFICATE_USAGE, check_spec(self, &spec));
}

TEST_F(chain, version_1_leaf)
{
	struct cert *leaf =
		cert_new(&(struct cert_spec){ .cn = "old", .version_1 = true }, self->ca);
	struct ktls_span certs[] = { span(leaf) };

	EXPECT_EQ(-KTLS_R_CERTIFICATE_USAGE, check(self, certs, 1, NULL));
	cert_free(leaf);
}

TEST_F(chain, issuer_that_is_no_ca)
{
	static const struct cert_spec issuers[] = {
		{ .cn = "Leaf", .key_usage = "digitalSignature" },
		{ .cn = "No keyCertSign", .ca = true, .key_usage = "digitalSignature" },
		{ .cn = "For clients only", .ca = true, .eku = "clientAuth" },
	};
	struct cert_spec spec = good_spec();
	struct cert *issuer, *leaf;
	size_t i;

	for (i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++) {
		issuer = cert_new(&issuers[i], self->ca);
		leaf = cert_new(&spec, issuer);
		EXPECT_EQ(-KTLS_R_CERTIFICATE_USAGE, check_two(self, leaf, issuer));
		cert_free(leaf);
		cert_free(issuer);
	}
}

/* ---- strength -------------------------------------------------------------------------------- */

TEST_F(chain, weak_signature)
{
	static const char *const digests[] = { "SHA1", "MD5" };
	struct cert *middle = cert_intermediate(CERT_RSA2048, "RSA", self->ca), *leaf;
	struct cert_spec spec = good_spec();
	size_t i;

	for (i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
		spec.digest = digests[i];
		leaf = cert_new(&spec, middle);
		EXPECT_EQ(-KTLS_R_CERTIFICATE_WEAK, check_two(self, leaf, middle));
		cert_free(leaf);
	}
	cert_free(middle);
}

TEST_F(chain, weak_signature_of_an_anchor_is_nothing)
{
	struct cert_spec spec = good_spec();
	struct cert *root = cert_new(&(struct cert_spec){ .cn = "Root 1999",
							  .digest = "SHA1",
							  .ca = true,
							  .key_usage = "keyCertSign" },
				     NULL);
	struct cert *leaf = cert_new(&spec, root);

	x509_trust_free(self->trust);
	self->trust = x509_trust_new(root->pem, root->pem_len, &self->err);
	ASSERT_NOT_NULL(self->trust);
	EXPECT_EQ(0, check_two(self, leaf, root));
	cert_free(leaf);
	cert_free(root);
}

TEST_F(chain, weak_key)
{
	struct cert_spec spec = good_spec();
	struct cert *middle = cert_intermediate(CERT_RSA1024, "Weak", self->ca);
	struct cert *leaf = cert_new(&spec, middle);

	EXPECT_EQ(-KTLS_R_CERTIFICATE_WEAK, check_two(self, leaf, middle));
	cert_free(leaf);
	cert_free(middle);
	spec.key = CERT_RSA1024;
	EXPECT_EQ(-KTLS_R_CERTIFICATE_WEAK, check_spec(self, &spec));
}

TEST_F(chain, key_of_an_unsupported_type)
{
	static const enum cert_key types[] = { CERT_P521, CERT_ED448, CERT_P256_EXPLICIT };
	struct cert_spec spec = good_spec();
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		spec.key = types[i];
		EXPECT_EQ(-KTLS_R_CERTIFICATE_KEY_TYPE, check_spec(self, &spec));
	}
}

/* ---- constraints ----------------------------------------------------------------------------- */

TEST_F(chain, path_length)
{
	struct cert_spec spec = good_spec();
	struct cert *low = cert_intermediate(CERT_P256, "Below one that allows none", self->middle);
	struct cert *leaf = cert_new(&spec, low);
	struct ktls_span certs[] = { span(leaf), span(low), span(self->middle) };

	EXPECT_EQ(-KTLS_R_CERTIFICATE_CONSTRAINT, check(self, certs, 3, HOST));
	cert_free(leaf);
	cert_free(low);
}

TEST_F(chain, name_constraints)
{
	static const struct {
		const char *constraints;
		int ret;
	} rows[] = {
		{ "critical,permitted;DNS:example.com", 0 },
		{ "critical,permitted;DNS:example.org", -KTLS_R_CERTIFICATE_CONSTRAINT },
		{ "critical,excluded;DNS:www.example.com", -KTLS_R_CERTIFICATE_CONSTRAINT },
		{ "critical,excluded;IP:192.0.2.0/255.255.255.0", -KTLS_R_CERTIFICATE_CONSTRAINT },
	};
	struct cert_spec spec = good_spec();
	struct cert *middle, *leaf;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		middle = cert_new(&(struct cert_spec){ .cn = "Narrow",
						       .ca = true,
						       .key_usage = "keyCertSign",
						       .name_constraints = rows[i].constraints },
				  self->ca);
		leaf = cert_new(&spec, middle);
		EXPECT_EQ(rows[i].ret, check_two(self, leaf, middle));
		cert_free(leaf);
		cert_free(middle);
	}
}

/* RFC 5280, 4.2. */
TEST_F(chain, critical_extension_that_nobody_knows)
{
	struct cert_spec spec = good_spec();

	spec.extra_oid = "1.2.3.4.5";
	spec.extra_value = "DER:0500";
	EXPECT_EQ(0, check_spec(self, &spec));
	spec.extra_value = "critical,DER:0500";
	EXPECT_EQ(-KTLS_R_CERTIFICATE_OTHER, check_spec(self, &spec));
}

TEST_F(chain, extension_that_cannot_be_parsed)
{
	struct cert_spec spec = good_spec();

	spec.key_usage = NULL;
	spec.extra_oid = "2.5.29.15";
	spec.extra_value = "critical,DER:0500";
	EXPECT_EQ(-KTLS_R_CERTIFICATE_MALFORMED, check_spec(self, &spec));
}
