/* SPDX-License-Identifier: MIT */
/* For tests of a peer's chain: a root that is trusted, an intermediate, and leaves to be spoilt. */
#ifndef TESTS_UNIT_X509_CHAIN_H
#define TESTS_UNIT_X509_CHAIN_H

#include <time.h>

#include <openssl/err.h>

#include "lib/x509/trust.h"
#include "lib/x509/verify.h"
#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

#define HOST "www.example.com"

FIXTURE(chain)
{
	struct cert *ca, *middle;
	struct x509_trust *trust;
	struct x509_error err;
};

FIXTURE_SETUP(chain)
{
	self->ca = cert_ca(CERT_P256, "Root");
	self->middle = cert_intermediate(CERT_P256, "Middle", self->ca);
	self->trust = x509_trust_new(self->ca->pem, self->ca->pem_len, &self->err);
	ASSERT_NOT_NULL(self->trust);
}

FIXTURE_TEARDOWN(chain)
{
	EXPECT_EQ(0, ERR_peek_error());
	x509_trust_free(self->trust);
	cert_free(self->middle);
	cert_free(self->ca);
}

static inline struct ktls_span span(const struct cert *cert)
{
	return (struct ktls_span){ cert->der, cert->der_len };
}

/* A good leaf, to be spoilt by those who ask for it. */
static inline struct cert_spec good_spec(void)
{
	return (struct cert_spec){
		.cn = "leaf",
		.san = "DNS:" HOST ",IP:192.0.2.7",
		.eku = "serverAuth",
		.key_usage = "critical,digitalSignature",
	};
}

static inline int check_as(struct test_self_chain *self, const struct ktls_span *certs, size_t n,
			   enum ktls_role role, const char *name, time_t now)
{
	struct x509_peer *const unwritten = (struct x509_peer *)&self->err;
	struct x509_peer *peer = unwritten;
	int ret;

	ret = x509_peer_verify_chain(self->trust, certs, n, role, name, now, &peer, &self->err);
	EXPECT_EQ(0, ERR_peek_error());
	if (ret == 0) {
		EXPECT_STREQ("", self->err.text);
		EXPECT_TRUE(peer != unwritten);
		x509_peer_free(peer);
	} else {
		EXPECT_TRUE(peer == unwritten);
	}
	return ret;
}

static inline int check(struct test_self_chain *self, const struct ktls_span *certs, size_t n,
			const char *name)
{
	return check_as(self, certs, n, KTLS_SERVER, name, time(NULL));
}

/* Checks leaf and intermediate for HOST. */
static inline int check_two(struct test_self_chain *self, const struct cert *leaf,
			    const struct cert *issuer)
{
	struct ktls_span certs[] = { span(leaf), span(issuer) };

	return check(self, certs, 2, HOST);
}

/* The same for a leaf of this spec that the fixture's intermediate issues. */
static inline int check_spec(struct test_self_chain *self, const struct cert_spec *spec)
{
	struct cert *leaf = cert_new(spec, self->middle);
	int ret = check_two(self, leaf, self->middle);

	cert_free(leaf);
	return ret;
}

#endif
