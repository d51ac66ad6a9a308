/* SPDX-License-Identifier: MIT */
/* A peer's chain: path, dates, trust, signatures, names (RFC 5280, 6; RFC 9846, 4.5.1; RFC 6125).
 */
#include "tests/unit/x509_chain.h"

TEST_HARNESS_MAIN

/* ---- what is accepted ------------------------------------------------------------------------ */

TEST_F(chain, each_type_of_key_is_accepted)
{
	static const enum cert_key types[] = { CERT_P256, CERT_P384, CERT_RSA2048, CERT_ED25519 };
	struct cert_spec spec = good_spec();
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		spec.key = types[i];
		EXPECT_EQ(0, check_spec(self, &spec));
	}
}

TEST_F(chain, issuer_of_another_type_is_accepted)
{
	static const enum cert_key types[] = { CERT_RSA2048, CERT_P384, CERT_ED25519,
					       CERT_RSA_PSS };
	struct cert_spec spec = good_spec();
	struct cert *middle, *leaf;
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		middle = cert_intermediate(types[i], "Other", self->ca);
		leaf = cert_new(&spec, middle);
		EXPECT_EQ(0, check_two(self, leaf, middle));
		cert_free(leaf);
		cert_free(middle);
	}
}

TEST_F(chain, no_extended_usage_and_no_usage_are_accepted)
{
	struct cert_spec spec = good_spec();

	spec.eku = NULL;
	spec.key_usage = NULL;
	EXPECT_EQ(0, check_spec(self, &spec));
}

/* RFC 9846, 4.5.1: extraneous certificates and arbitrary orderings, the leaf excepted. */
TEST_F(chain, order_and_extra_certificates_do_not_matter)
{
	struct cert_spec spec = good_spec();
	struct cert *low =
		cert_new(&(struct cert_spec){ .cn = "Low", .ca = true, .key_usage = "keyCertSign" },
			 self->middle);
	struct cert *middle = cert_new(&(struct cert_spec){ .cn = "Middle",
							    .key_of = self->middle,
							    .ca = true,
							    .key_usage = "keyCertSign" },
				       self->ca);
	struct cert *stranger = cert_ca(CERT_P256, "Stranger");
	struct cert *leaf = cert_new(&spec, low);
	struct ktls_span in_order[] = { span(leaf), span(low), span(middle) };
	struct ktls_span with_root[] = { span(leaf), span(low), span(middle), span(self->ca) };
	struct ktls_span reversed[] = { span(leaf), span(self->ca), span(middle), span(low) };
	struct ktls_span extra[] = { span(leaf),   span(stranger), span(low),     span(leaf),
				     span(middle), span(low),      span(stranger) };
	struct ktls_span leaf_last[] = { span(low), span(middle), span(leaf) };
	struct ktls_span missing[] = { span(leaf), span(middle) };

	EXPECT_EQ(0, check(self, in_order, 3, HOST));
	EXPECT_EQ(0, check(self, with_root, 4, HOST));
	EXPECT_EQ(0, check(self, reversed, 4, HOST));
	EXPECT_EQ(0, check(self, extra, 7, HOST));
	EXPECT_NE(0, check(self, leaf_last, 3, HOST));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_UNKNOWN_CA, check(self, missing, 2, HOST));
	EXPECT_STREQ("certificate 0: unable to get local issuer certificate", self->err.text);
	cert_free(leaf);
	cert_free(stranger);
	cert_free(middle);
	cert_free(low);
}

TEST_F(chain, any_certificate_of_the_trust_file_is_an_anchor)
{
	struct cert_spec spec = good_spec();
	struct cert *leaf = cert_new(&spec, self->middle);
	struct ktls_span certs[] = { span(leaf) };

	EXPECT_EQ(-KTLS_R_CERTIFICATE_UNKNOWN_CA, check(self, certs, 1, HOST));
	x509_trust_free(self->trust);
	self->trust = x509_trust_new(self->middle->pem, self->middle->pem_len, &self->err);
	ASSERT_NOT_NULL(self->trust);
	EXPECT_EQ(0, check(self, certs, 1, HOST));
	x509_trust_free(self->trust);
	self->trust = x509_trust_new(leaf->pem, leaf->pem_len, &self->err);
	ASSERT_NOT_NULL(self->trust);
	EXPECT_EQ(0, check(self, certs, 1, HOST));
	cert_free(leaf);
}

/* ---- dates ----------------------------------------------------------------------------------- */

TEST_F(chain, dates_are_those_of_now)
{
	struct cert_spec spec = good_spec();
	struct cert *leaf = cert_new(&spec, self->middle);
	struct ktls_span certs[] = { span(leaf), span(self->middle) };
	time_t now = time(NULL);

	EXPECT_EQ(0, check_as(self, certs, 2, KTLS_SERVER, HOST, now));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_EXPIRED,
		  check_as(self, certs, 2, KTLS_SERVER, HOST, now + 31L * CERT_DAY));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_NOT_YET_VALID,
		  check_as(self, certs, 2, KTLS_SERVER, HOST, now - 2L * CERT_DAY));
	cert_free(leaf);
}

TEST_F(chain, expired_leaf)
{
	struct cert_spec spec = good_spec();

	spec.not_before = -9L * CERT_DAY;
	spec.not_after = -60;
	EXPECT_EQ(-KTLS_R_CERTIFICATE_EXPIRED, check_spec(self, &spec));
	EXPECT_STREQ("certificate 0: certificate has expired", self->err.text);
}

TEST_F(chain, leaf_not_yet_valid)
{
	struct cert_spec spec = good_spec();

	spec.not_before = 60;
	EXPECT_EQ(-KTLS_R_CERTIFICATE_NOT_YET_VALID, check_spec(self, &spec));
}

TEST_F(chain, expired_issuer)
{
	struct cert_spec spec = good_spec();
	struct cert *middle = cert_new(&(struct cert_spec){ .cn = "Old",
							    .ca = true,
							    .key_usage = "keyCertSign",
							    .not_before = -9L * CERT_DAY,
							    .not_after = -60 },
				       self->ca);
	struct cert *leaf = cert_new(&spec, middle);

	EXPECT_EQ(-KTLS_R_CERTIFICATE_EXPIRED, check_two(self, leaf, middle));
	EXPECT_STREQ("certificate 1: certificate has expired", self->err.text);
	cert_free(leaf);
	cert_free(middle);
}

/* ---- trust ----------------------------------------------------------------------------------- */

TEST_F(chain, unknown_issuer)
{
	struct cert_spec spec = good_spec();
	struct cert *other = cert_ca(CERT_P256, "Somebody Else");
	struct cert *leaf = cert_new(&spec, other);
	struct ktls_span certs[] = { span(leaf) };

	EXPECT_EQ(-KTLS_R_CERTIFICATE_UNKNOWN_CA, check(self, certs, 1, HOST));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_UNKNOWN_CA, check_two(self, leaf, other));
	cert_free(leaf);
	cert_free(other);
}

TEST_F(chain, self_signed_leaf)
{
	struct cert_spec spec = good_spec();
	struct cert *leaf = cert_new(&spec, NULL);
	struct ktls_span certs[] = { span(leaf) };

	EXPECT_EQ(-KTLS_R_CERTIFICATE_SELF_SIGNED, check(self, certs, 1, HOST));
	cert_free(leaf);
}

/* ---- signatures ------------------------------------------------------------------------------ */

TEST_F(chain, issuer_of_the_same_name_with_another_key)
{
	struct cert_spec root = {
		.cn = "Root", .ca = true, .key_usage = "keyCertSign", .no_key_ids = true
	};
	struct cert_spec spec = good_spec();
	struct cert *real = cert_new(&root, NULL), *impostor = cert_new(&root, NULL);
	struct cert *leaf = cert_new(&spec, impostor);
	struct ktls_span certs[] = { span(leaf) };

	x509_trust_free(self->trust);
	self->trust = x509_trust_new(real->pem, real->pem_len, &self->err);
	ASSERT_NOT_NULL(self->trust);
	EXPECT_EQ(-KTLS_R_CERTIFICATE_SIGNATURE, check(self, certs, 1, HOST));
	cert_free(leaf);
	cert_free(impostor);
	cert_free(real);
}

/* ---- names ----------------------------------------------------------------------------------- */

TEST_F(chain, names_of_the_leaf)
{
	static const struct {
		const char *name;
		int ret;
	} rows[] = {
		{ NULL, 0 },
		{ "www.example.com", 0 },
		{ "WWW.Example.COM", 0 },
		{ "www.example.com.", 0 },
		{ "192.0.2.7", 0 },
		{ "2001:db8::7", 0 },
		{ "2001:0DB8:0:0:0:0:0:7", 0 },
		{ "example.com", -KTLS_R_CERTIFICATE_NAME },
		{ "ww.example.com", -KTLS_R_CERTIFICATE_NAME },
		{ "www.example.com.example.com", -KTLS_R_CERTIFICATE_NAME },
		{ "common-name.example.com", -KTLS_R_CERTIFICATE_NAME },
		{ "192.0.2.8", -KTLS_R_CERTIFICATE_NAME },
		{ "2001:db8::8", -KTLS_R_CERTIFICATE_NAME },
		{ "203.0.113.1", -KTLS_R_CERTIFICATE_NAME }, /* there as a dNSName */
		{ "", -KTLS_R_MISUSE },
		{ ".", -KTLS_R_MISUSE },
		{ ".example.com", -KTLS_R_MISUSE },
		{ "www.example.com..", -KTLS_R_MISUSE },
		{ "www..example.com", -KTLS_R_MISUSE },
		{ "*.example.com", -KTLS_R_MISUSE },
		{ "www.example.com:443", -KTLS_R_MISUSE },
		{ "[2001:db8::7]", -KTLS_R_MISUSE },
		{ "b\xc3\xbc"
		  "cher.example",
		  -KTLS_R_MISUSE },
	};
	struct cert_spec spec = good_spec();
	struct cert *leaf;
	size_t i;

	spec.cn = "common-name.example.com";
	spec.san = "DNS:www.example.com,DNS:203.0.113.1,IP:192.0.2.7,IP:2001:db8::7";
	leaf = cert_new(&spec, self->middle);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ktls_span certs[] = { span(leaf), span(self->middle) };
		int ret = check(self, certs, 2, rows[i].name);

		EXPECT_EQ(rows[i].ret, ret);
		if (ret != rows[i].ret)
			TH_LOG("name %s", rows[i].name ? rows[i].name : "(none)");
	}
	cert_free(leaf);
}

TEST_F(chain, common_name_is_never_looked_at)
{
	struct cert_spec spec = good_spec();

	spec.cn = HOST;
	spec.san = NULL;
	EXPECT_EQ(-KTLS_R_CERTIFICATE_NAME, check_spec(self, &spec));
}

/* "www.example.com\0.evil.net": the name does not end at the zero. */
TEST_F(chain, name_with_a_zero_in_it)
{
	struct cert_spec spec = good_spec();

	spec.san = NULL;
	spec.extra_oid = "2.5.29.17";
	spec.extra_value = "DER:301b8219"
			   "7777772e6578616d706c652e636f6d002e6576696c2e6e6574";
	EXPECT_EQ(-KTLS_R_CERTIFICATE_NAME, check_spec(self, &spec));
}
