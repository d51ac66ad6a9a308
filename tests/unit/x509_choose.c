/* SPDX-License-Identifier: MIT */
/* Which of our certificates a peer gets, as a table. */
#include <stdlib.h>

#include "lib/x509/identity.h"
#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

int main(int argc, char **argv)
{
	cert_share_keys(CERT_RSA2048, 1);
	return test_harness_main(argc, argv);
}

#define P256  KTLS_SCHEME_ECDSA_SECP256R1_SHA256
#define P384  KTLS_SCHEME_ECDSA_SECP384R1_SHA384
#define PSS   KTLS_SCHEME_RSA_PSS_RSAE_SHA256
#define PSS5  KTLS_SCHEME_RSA_PSS_RSAE_SHA512
#define ED    KTLS_SCHEME_ED25519
#define PKCS1 KTLS_SCHEME_RSA_PKCS1_SHA256

/* In the order of preference. */
enum { DEFAULT, ALSO_DEFAULT, A_P256, A_RSA, WILD_P256, WILD_RSA, A_ED, ALL };

static const struct {
	enum cert_key key;
	const char *san;
} identities[ALL] = {
	[DEFAULT] = { CERT_P256, "DNS:default.example" },
	[ALSO_DEFAULT] = { CERT_RSA2048, "DNS:default.example" },
	[A_P256] = { CERT_P256, "DNS:a.example.com" },
	[A_RSA] = { CERT_RSA2048, "DNS:a.example.com,DNS:rsa.example.com" },
	[WILD_P256] = { CERT_P256, "DNS:*.example.com" },
	[WILD_RSA] = { CERT_RSA2048, "DNS:*.example.com" },
	[A_ED] = { CERT_ED25519, "DNS:a.example.com" },
};

FIXTURE(choice)
{
	struct cert *ca;
	struct x509_identity *owned[ALL];
	const struct x509_identity *list[ALL];
};

FIXTURE_SETUP(choice)
{
	struct cert *cert;
	size_t i;

	self->ca = cert_ca(CERT_P256, "Root");
	for (i = 0; i < ALL; i++) {
		cert = cert_server(identities[i].key, identities[i].san, self->ca);
		self->owned[i] = x509_identity_new(cert->pem, cert->pem_len, NULL);
		ASSERT_NOT_NULL(self->owned[i]);
		self->list[i] = self->owned[i];
		cert_free(cert);
	}
}

FIXTURE_TEARDOWN(choice)
{
	size_t i;

	for (i = 0; i < ALL; i++)
		x509_identity_free(self->owned[i]);
	cert_free(self->ca);
}

#define UNKNOWN (-KTLS_R_SERVER_NAME_UNKNOWN)
#define NONE    (-KTLS_R_SCHEMES_NONE_SHARED)

/* choice: an identity, or a negative reason. */
static const struct {
	const char *name;
	uint16_t schemes[4];
	bool strict;
	int choice;
	uint16_t scheme;
} rows[] = {
	/* Exact names, and the key that fits. */
	{ "a.example.com", { P256, PSS }, false, A_P256, P256 },
	{ "a.example.com", { PSS, P256 }, false, A_P256, P256 }, /* our order, not the peer's */
	{ "a.example.com", { PSS }, false, A_RSA, PSS },
	{ "a.example.com", { PSS5, PSS }, false, A_RSA, PSS5 },   /* a key's schemes: the peer's */
	{ "a.example.com", { PKCS1, PSS }, false, A_RSA, PKCS1 }, /* of TLS 1.2 */
	{ "a.example.com", { ED }, true, A_ED, ED },
	{ "A.Example.COM", { P256 }, true, A_P256, P256 },
	{ "a.example.com.", { P256 }, true, A_P256, P256 },
	/* An exact name goes before a wildcard; a wildcard before a key that cannot sign. */
	{ "rsa.example.com", { P256, PSS }, false, A_RSA, PSS },
	{ "rsa.example.com", { P256 }, false, WILD_P256, P256 },
	{ "b.example.com", { P256, PSS }, true, WILD_P256, P256 },
	{ "b.example.com", { PSS }, true, WILD_RSA, PSS },
	/* Never one for another name where there is one for this. */
	{ "b.example.com", { ED }, false, NONE, 0 },
	{ "a.example.com", { P384 }, false, NONE, 0 },
	{ "default.example", { ED }, true, NONE, 0 },
	/* No name, or one that none is for. */
	{ "", { P256, PSS }, false, DEFAULT, P256 },
	{ "", { P256, PSS }, true, DEFAULT, P256 },
	{ "", { PSS }, false, ALSO_DEFAULT, PSS },
	{ "", { ED }, false, A_ED, ED },
	{ "", { P384 }, false, NONE, 0 },
	{ "elsewhere.example", { P256 }, false, DEFAULT, P256 },
	{ "elsewhere.example", { P256 }, true, UNKNOWN, 0 },
	{ "elsewhere.example", { P384 }, true, UNKNOWN, 0 },
	{ "a.b.example.com", { PSS }, false, ALSO_DEFAULT, PSS },
	{ "a.b.example.com", { PSS }, true, UNKNOWN, 0 },
	{ "example.com", { P256 }, true, UNKNOWN, 0 },
	/* What no name is. */
	{ "*.example.com", { P256 }, true, UNKNOWN, 0 },
	{ "..", { P256 }, true, UNKNOWN, 0 },
	{ "..", { P256 }, false, DEFAULT, P256 },
};

static size_t count(const uint16_t *schemes)
{
	size_t n = 0;

	while (n < 4 && schemes[n])
		n++;
	return n;
}

TEST_F(choice, table)
{
	const struct x509_identity *const unwritten = self->list[ALL - 1] + 1;
	const struct x509_identity *out;
	struct ktls_engine_hello hello;
	uint16_t scheme;
	size_t i;
	int ret;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		hello = (struct ktls_engine_hello){ .server_name = rows[i].name,
						    .schemes = rows[i].schemes,
						    .schemes_len = count(rows[i].schemes),
						    .version = KTLS_TLS_1_3 };
		out = unwritten;
		scheme = 0;
		ret = x509_identity_choose(self->list, ALL, &hello, rows[i].strict, &out, &scheme);
		EXPECT_EQ(rows[i].choice < 0 ? rows[i].choice : 0, ret);
		EXPECT_EQ(rows[i].scheme, scheme);
		EXPECT_TRUE(out == (rows[i].choice < 0 ? unwritten : self->list[rows[i].choice]));
		if (scheme != rows[i].scheme)
			TH_LOG("row %zu: %s", i, rows[i].name);
	}
}

TEST_F(choice, of_none)
{
	static const uint16_t schemes[] = { P256 };
	const struct ktls_engine_hello hello = { .server_name = "a.example.com",
						 .schemes = schemes,
						 .schemes_len = 1 };
	const struct x509_identity *out;
	uint16_t scheme;

	EXPECT_EQ(-KTLS_R_MISUSE, x509_identity_choose(NULL, 0, &hello, false, &out, &scheme));
}
