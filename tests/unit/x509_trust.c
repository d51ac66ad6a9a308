/* SPDX-License-Identifier: MIT */
/* Trust files: bundles with whatever is in them. */
#include <stdlib.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/x509/trust.h"
#include "lib/x509/verify.h"
#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

TEST_HARNESS_MAIN

FIXTURE(trust)
{
	struct cert *a, *b;
	struct x509_error err;
};

FIXTURE_SETUP(trust)
{
	self->a = cert_ca(CERT_P256, "A");
	self->b = cert_ca(CERT_ED25519, "B");
}

FIXTURE_TEARDOWN(trust)
{
	EXPECT_EQ(0, ERR_peek_error());
	cert_free(self->a);
	cert_free(self->b);
}

/* Loads these texts, one after another. */
static struct x509_trust *load(struct test_self_trust *self, const char *const *texts)
{
	char all[65536];
	size_t len = 0;

	for (; *texts; texts++) {
		ASSERT_LT(len + strlen(*texts), sizeof(all));
		memcpy(all + len, *texts, strlen(*texts));
		len += strlen(*texts);
	}
	return x509_trust_new(all, len, &self->err);
}

static int check(const struct x509_trust *trust, const struct cert *leaf, enum ktls_role role)
{
	struct ktls_span span = { leaf->der, leaf->der_len };
	struct x509_peer *peer = NULL;
	int ret = x509_peer_verify_chain(trust, &span, 1, role, NULL, time(NULL), &peer, NULL);

	x509_peer_free(peer);
	return ret;
}

/* Whether servers of this CA are trusted. */
static int check_issuer(const struct x509_trust *trust, const struct cert *ca)
{
	struct cert *leaf = cert_server(CERT_P256, "DNS:a.example", ca);
	int ret = check(trust, leaf, KTLS_SERVER);

	cert_free(leaf);
	return ret;
}

TEST_F(trust, several_and_duplicates)
{
	const char *const texts[] = { "# A\n",      self->a->pem, "\r\nB\r\n", self->b->pem,
				      self->a->pem, self->a->pem, NULL };
	const char *const one[] = { self->a->pem, NULL };
	struct x509_trust *trust = load(self, texts);

	ASSERT_NOT_NULL(trust);
	EXPECT_STREQ("", self->err.text);
	EXPECT_EQ(2, x509_trust_count(trust));
	EXPECT_EQ(0, check_issuer(trust, self->a));
	EXPECT_EQ(0, check_issuer(trust, self->b));
	x509_trust_free(trust);
	trust = load(self, one);
	ASSERT_NOT_NULL(trust);
	EXPECT_EQ(1, x509_trust_count(trust));
	EXPECT_EQ(0, check_issuer(trust, self->a));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_UNKNOWN_CA, check_issuer(trust, self->b));
	x509_trust_free(trust);
}

TEST_F(trust, damaged_certificates_are_left_out)
{
	const char *const texts[] = { self->a->pem, "-----BEGIN CERTIFICATE-----\nMIIBcut off\n",
				      self->b->pem,
				      "-----BEGIN CERTIFICATE-----\nMAA=\n"
				      "-----END CERTIFICATE-----\n-----BEGIN CERT",
				      NULL };
	const char *const nothing_else[] = { texts[3], NULL };
	struct x509_trust *trust = load(self, texts);
	unsigned int line = 1;
	const char *p;

	for (p = self->a->pem; *p; p++)
		line += *p == '\n';
	ASSERT_NOT_NULL(trust);
	EXPECT_STREQ("2 damaged certificates left out, the first here", self->err.text);
	EXPECT_EQ(line, self->err.line);
	EXPECT_EQ(2, x509_trust_count(trust));
	EXPECT_EQ(0, check_issuer(trust, self->b));
	x509_trust_free(trust);
	EXPECT_NULL(load(self, nothing_else));
	EXPECT_STREQ("1 damaged certificate left out, the first here", self->err.text);
}

TEST_F(trust, truncated_at_every_byte)
{
	char both[8192];
	size_t n, len = (size_t)snprintf(both, sizeof(both), "%s%s", self->a->pem, self->b->pem);
	struct x509_trust *trust;

	for (n = 0; n < len; n++) {
		trust = x509_trust_new(both, n, &self->err);
		if (n < self->a->pem_len - 1)
			ASSERT_NULL(trust);
		else
			ASSERT_NOT_NULL(trust);
		if (trust)
			ASSERT_EQ(n + 1 < len ? 1 : 2, x509_trust_count(trust));
		x509_trust_free(trust);
	}
}

TEST_F(trust, texts_that_are_refused)
{
	const char *const empty[] = { "", NULL };
	const char *const prose[] = { "nothing\n", NULL };
	const char *const key[] = { self->a->pem, self->a->key_pem, NULL };
	const char *const crl[] = { self->a->pem, "-----BEGIN X509 CRL-----\n", NULL };

	EXPECT_NULL(load(self, empty));
	EXPECT_STREQ("no certificate", self->err.text);
	EXPECT_NULL(load(self, prose));
	EXPECT_STREQ("no certificate", self->err.text);
	EXPECT_NULL(load(self, key));
	EXPECT_STREQ("a private key among the certificates", self->err.text);
	EXPECT_NULL(load(self, crl));
	EXPECT_STREQ("a revocation list: it belongs into a file of its own", self->err.text);
}

/* OpenSSL's TRUSTED CERTIFICATE says for what it is trusted. */
TEST_F(trust, what_an_anchor_is_trusted_for)
{
	struct cert *server = cert_server(CERT_P256, "DNS:a.example", self->a);
	struct cert *client = cert_client(CERT_P256, "client", self->a);
	X509 *x = X509_dup(self->a->x509);
	BIO *bio = BIO_new(BIO_s_mem());
	struct x509_trust *trust;
	char *text;
	long len;

	ASSERT_EQ(1, X509_add1_trust_object(x, OBJ_nid2obj(NID_client_auth)));
	ASSERT_EQ(1, X509_add1_reject_object(x, OBJ_nid2obj(NID_server_auth)));
	ASSERT_EQ(1, PEM_write_bio_X509_AUX(bio, x));
	len = BIO_get_mem_data(bio, &text);
	trust = x509_trust_new(text, (size_t)len, &self->err);
	ASSERT_NOT_NULL(trust);
	EXPECT_EQ(0, check(trust, client, KTLS_CLIENT));
	EXPECT_EQ(-KTLS_R_CERTIFICATE_UNKNOWN_CA, check(trust, server, KTLS_SERVER));
	x509_trust_free(trust);
	BIO_free(bio);
	X509_free(x);
	cert_free(client);
	cert_free(server);
}

TEST_F(trust, bundle_of_the_system)
{
	FILE *file = fopen(SYSTEM_BUNDLE, "re");
	struct x509_trust *trust;
	size_t len, cap = 4 << 20;
	char *text;

	if (!file)
		SKIP(return, "no " SYSTEM_BUNDLE);
	text = malloc(cap);
	ASSERT_NOT_NULL(text);
	len = fread(text, 1, cap, file);
	fclose(file);
	trust = x509_trust_new(text, len, &self->err);
	ASSERT_NOT_NULL(trust);
	EXPECT_STREQ("", self->err.text);
	EXPECT_GT(x509_trust_count(trust), 50);
	EXPECT_EQ(-KTLS_R_CERTIFICATE_UNKNOWN_CA, check_issuer(trust, self->a));
	x509_trust_free(trust);
	free(text);
}
