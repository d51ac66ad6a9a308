/* SPDX-License-Identifier: MIT */
/* Revocation lists (RFC 5280, 5 and 6.3): which revoke, which are refused, which are missing. */
#include <stdlib.h>

#include "tests/harness/crls.h"
#include "tests/unit/x509_chain.h"

TEST_HARNESS_MAIN

/* Takes the fixture's trust anew, with these lists in PEM, one file each. */
static void trust_with(struct test_self_chain *self, enum x509_crl_check how,
		       const struct crl_spec *lists, size_t n)
{
	struct x509_trust_spec spec = {
		.anchors = { (const uint8_t *)self->ca->pem, self->ca->pem_len },
		.crls_len = n,
		.crl_check = how,
	};
	struct ktls_span spans[4];

	for (size_t i = 0; i < n; i++)
		spans[i].bytes = (uint8_t *)crl_pem(&lists[i], &spans[i].len);
	spec.crls = spans;
	x509_trust_free(self->trust);
	self->trust = x509_trust_make(&spec, &self->err);
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)spans[i].bytes);
}

/* The same; the lists are taken. */
static void expect_trust(struct test_self_chain *self, enum x509_crl_check how,
			 const struct crl_spec *lists, size_t n)
{
	trust_with(self, how, lists, n);
	ASSERT_NOT_NULL(self->trust);
	EXPECT_STREQ("", self->err.text);
}

static void expect_refused(struct test_self_chain *self, const struct crl_spec *list,
			   const char *text)
{
	trust_with(self, X509_CRL_KNOWN, list, 1);
	EXPECT_NULL(self->trust);
	if (!strstr(self->err.text, text))
		TH_LOG("'%s' is not in '%s'", text, self->err.text);
	EXPECT_NOT_NULL(strstr(self->err.text, text));
}

static struct cert *leaf_of(const struct cert *issuer)
{
	const struct cert_spec spec = good_spec();

	return cert_new(&spec, issuer);
}

TEST_F(chain, a_list_revokes_who_is_in_it)
{
	struct cert *bad = leaf_of(self->middle), *good = leaf_of(self->middle);
	const struct crl_spec list = { .issuer = self->middle, .revoked = { bad } };

	EXPECT_EQ(0, check_two(self, bad, self->middle));
	expect_trust(self, X509_CRL_KNOWN, &list, 1);
	EXPECT_EQ(-KTLS_R_CERTIFICATE_REVOKED, check_two(self, bad, self->middle));
	EXPECT_NOT_NULL(strstr(self->err.text, "certificate 0: "));
	EXPECT_EQ(0, check_two(self, good, self->middle));
	cert_free(bad);
	cert_free(good);
}

/* Parsed certificates are kept, verdicts are not. */
TEST_F(chain, a_leaf_that_was_good_before)
{
	struct cert *leaf = leaf_of(self->middle);
	struct ktls_span certs[] = { span(leaf), span(self->middle) };
	const struct crl_spec list = { .issuer = self->middle, .next_update = CERT_DAY };
	time_t now = time(NULL);

	EXPECT_EQ(0, check(self, certs, 2, HOST));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_EXPIRED,
		  check_as(self, certs, 2, KTLS_SERVER, HOST, now + 40 * CERT_DAY));
	expect_trust(self, X509_CRL_KNOWN, &list, 1);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, check(self, certs, 2, HOST));
		EXPECT_EQ(-KTLS_R_CERTIFICATE_CRL_EXPIRED,
			  check_as(self, certs, 2, KTLS_SERVER, HOST, now + 2 * CERT_DAY));
	}
	cert_free(leaf);
}

TEST_F(chain, an_intermediate_is_revoked)
{
	struct cert *leaf = leaf_of(self->middle);
	const struct crl_spec lists[] = {
		{ .issuer = self->middle },
		{ .issuer = self->ca, .revoked = { self->middle } },
	};

	expect_trust(self, X509_CRL_KNOWN, lists, 2);
	EXPECT_EQ(-KTLS_R_CERTIFICATE_REVOKED, check_two(self, leaf, self->middle));
	EXPECT_NOT_NULL(strstr(self->err.text, "certificate 1: "));
	cert_free(leaf);
}

/* Of whose issuer there is a list is looked up; what has to have one is a matter of choice. */
TEST_F(chain, lists_that_are_missing)
{
	struct cert *leaf = leaf_of(self->middle);
	const struct crl_spec lists[] = { { .issuer = self->middle }, { .issuer = self->ca } };
	const struct {
		enum x509_crl_check how;
		size_t first, n;
		int want;
	} rows[] = {
		{ X509_CRL_KNOWN, 0, 0, 0 },
		{ X509_CRL_KNOWN, 0, 1, 0 },
		{ X509_CRL_KNOWN, 1, 1, 0 },
		{ X509_CRL_LEAF, 0, 0, -KTLS_R_CERTIFICATE_CRL_MISSING },
		{ X509_CRL_LEAF, 0, 1, 0 },
		{ X509_CRL_LEAF, 1, 1, -KTLS_R_CERTIFICATE_CRL_MISSING },
		{ X509_CRL_CHAIN, 0, 1, -KTLS_R_CERTIFICATE_CRL_MISSING },
		{ X509_CRL_CHAIN, 1, 1, -KTLS_R_CERTIFICATE_CRL_MISSING },
		{ X509_CRL_CHAIN, 0, 2, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect_trust(self, rows[i].how, lists + rows[i].first, rows[i].n);
		if (rows[i].want != check_two(self, leaf, self->middle))
			TH_LOG("row %zu", i);
		EXPECT_EQ(rows[i].want, check_two(self, leaf, self->middle));
	}
	cert_free(leaf);
}

/* An anchor below a root needs no list, for whom to believe is the administrator's word. */
TEST_F(chain, an_anchor_needs_none)
{
	struct cert *leaf = leaf_of(self->middle), *root = self->ca;
	const struct crl_spec list = { .issuer = self->middle };

	self->ca = self->middle; /* the anchor */
	expect_trust(self, X509_CRL_CHAIN, &list, 1);
	EXPECT_EQ(0, check_two(self, leaf, self->middle));
	self->ca = root;
	cert_free(leaf);
}

TEST_F(chain, dates_of_lists)
{
	struct cert *leaf = leaf_of(self->middle);
	const struct crl_spec old = { .issuer = self->middle,
				      .last_update = -10 * CERT_DAY,
				      .next_update = -CERT_DAY };
	const struct crl_spec early = { .issuer = self->middle, .last_update = CERT_DAY };
	const struct crl_spec both[] = { old, { .issuer = self->middle } };

	expect_trust(self, X509_CRL_KNOWN, &old, 1);
	EXPECT_LT(x509_trust_crls_until(self->trust), time(NULL));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_CRL_EXPIRED, check_two(self, leaf, self->middle));
	expect_trust(self, X509_CRL_KNOWN, &early, 1);
	EXPECT_EQ(-KTLS_R_CERTIFICATE_CRL_INVALID, check_two(self, leaf, self->middle));
	/* the newer of two counts */
	expect_trust(self, X509_CRL_KNOWN, both, 2);
	EXPECT_EQ(0, check_two(self, leaf, self->middle));
	cert_free(leaf);
}

TEST_F(chain, lists_of_impostors)
{
	struct cert *leaf = leaf_of(self->middle), *other = cert_ca(CERT_P256, "Other");
	const struct crl_spec root = { .issuer = self->ca, .signer = other };
	const struct crl_spec middle = { .issuer = self->middle, .signer = other };

	/* the anchor's key is known when the list is loaded, the intermediate's is not */
	expect_refused(self, &root, "is not signed by the certificate of its issuer's name");
	expect_trust(self, X509_CRL_KNOWN, &middle, 1);
	EXPECT_EQ(-KTLS_R_CERTIFICATE_CRL_INVALID, check_two(self, leaf, self->middle));
	cert_free(leaf);
	cert_free(other);
}

/* An issuer without cRLSign may not sign lists (RFC 5280, 6.3.3 f). */
TEST_F(chain, lists_of_those_who_may_not)
{
	const struct cert_spec spec = { .cn = "No lists",
					.ca = true,
					.key_usage = "critical,keyCertSign" };
	struct cert *issuer = cert_new(&spec, self->ca), *leaf = leaf_of(issuer);
	const struct crl_spec list = { .issuer = issuer };

	expect_trust(self, X509_CRL_KNOWN, &list, 1);
	EXPECT_EQ(-KTLS_R_CERTIFICATE_CRL_INVALID, check_two(self, leaf, issuer));
	cert_free(leaf);
	cert_free(issuer);
}

TEST_F(chain, an_extension_that_nobody_knows)
{
	struct cert *leaf = leaf_of(self->middle);
	const struct crl_spec list = { .issuer = self->middle,
				       .extra_oid = "1.2.3.4",
				       .extra_value = "critical,DER:0500" };

	expect_trust(self, X509_CRL_KNOWN, &list, 1);
	EXPECT_EQ(-KTLS_R_CERTIFICATE_CRL_INVALID, check_two(self, leaf, self->middle));
	cert_free(leaf);
}

TEST_F(chain, kinds_of_lists_that_are_refused)
{
	struct crl_spec list = { .issuer = self->middle, .no_next_update = true };

	expect_refused(self, &list, "does not say when the next one is due");
	list = (struct crl_spec){ .issuer = self->middle, .delta = "1" };
	expect_refused(self, &list, "is a delta of another list");
	list = (struct crl_spec){ .issuer = self->middle, .idp = "indirectCRL=TRUE" };
	expect_refused(self, &list, "is an indirect one");
	list = (struct crl_spec){ .issuer = self->middle, .idp = "onlysomereasons=keyCompromise" };
	expect_refused(self, &list, "is for some reasons only");
}

/* A list for users' certificates is none for those of CAs (RFC 5280, 5.2.5). */
TEST_F(chain, lists_of_a_narrower_scope)
{
	struct cert *leaf = leaf_of(self->middle);
	struct crl_spec list = { .issuer = self->middle, .idp = "onlyCA=TRUE" };

	expect_trust(self, X509_CRL_LEAF, &list, 1);
	EXPECT_EQ(-KTLS_R_CERTIFICATE_CRL_INVALID, check_two(self, leaf, self->middle));
	list.idp = "onlyuser=TRUE";
	expect_trust(self, X509_CRL_LEAF, &list, 1);
	EXPECT_EQ(0, check_two(self, leaf, self->middle));
	cert_free(leaf);
}

/* PEM with several in a file, text around, and DER; not what is cut off, at whatever byte. */
TEST_F(chain, files_of_lists)
{
	const struct crl_spec lists[] = { { .issuer = self->middle }, { .issuer = self->ca } };
	struct x509_trust_spec spec = {
		.anchors = { (const uint8_t *)self->ca->pem, self->ca->pem_len }, .crls_len = 1
	};
	char *first = crl_pem(&lists[0], NULL), *second = crl_pem(&lists[1], NULL);
	char both[8192];
	uint8_t *der;
	size_t len;
	struct ktls_span file = { (uint8_t *)both,
				  (size_t)snprintf(both, sizeof(both), "# one\n%stwo\n%s", first,
						   second) };

	spec.crls = &file;
	x509_trust_free(self->trust);
	self->trust = x509_trust_make(&spec, &self->err);
	ASSERT_NOT_NULL(self->trust);
	x509_trust_free(self->trust);
	der = crl_der(&lists[0], &len);
	for (size_t n = 0; n <= len; n++) {
		file = (struct ktls_span){ der, n };
		self->trust = x509_trust_make(&spec, &self->err);
		ASSERT_EQ(n == len, self->trust != NULL);
		if (n < len)
			EXPECT_NE('\0', self->err.text[0]);
	}
	x509_trust_free(self->trust);
	file = (struct ktls_span){ (uint8_t *)first, strlen(first) - 40 };
	self->trust = x509_trust_make(&spec, &self->err);
	EXPECT_NULL(self->trust);
	file = (struct ktls_span){ (uint8_t *)self->ca->pem, self->ca->pem_len };
	self->trust = x509_trust_make(&spec, &self->err);
	EXPECT_NULL(self->trust);
	EXPECT_STREQ("no revocation list", self->err.text);
	spec.anchors = (struct ktls_span){ NULL, 0 };
	EXPECT_NULL(x509_trust_make(&spec, &self->err));
	EXPECT_STREQ("revocation lists without anchors", self->err.text);
	free(first);
	free(second);
	free(der);
}

TEST_F(chain, how_long_a_verdict_holds)
{
	struct cert *leaf = leaf_of(self->middle);
	struct ktls_span certs[] = { span(leaf), span(self->middle) };
	const struct crl_spec list = { .issuer = self->middle, .next_update = 5 * CERT_DAY };
	struct x509_peer *peer;

	ASSERT_EQ(0, x509_peer_verify_chain(self->trust, certs, 2, KTLS_SERVER, HOST, time(NULL),
					    &peer, NULL));
	EXPECT_GT(x509_peer_until(peer), time(NULL) + 29 * CERT_DAY);
	x509_peer_free(peer);
	expect_trust(self, X509_CRL_KNOWN, &list, 1);
	ASSERT_EQ(0, x509_peer_verify_chain(self->trust, certs, 2, KTLS_SERVER, HOST, time(NULL),
					    &peer, NULL));
	EXPECT_LE(x509_peer_until(peer), time(NULL) + 5 * CERT_DAY);
	EXPECT_GT(x509_peer_until(peer), time(NULL) + 4 * CERT_DAY);
	x509_peer_free(peer);
	cert_free(leaf);
}
