/* SPDX-License-Identifier: MIT */
/* Our own certificates: loading, names, the choice among several. */
#include <ctype.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>

#include "lib/x509/identity.h"
#include "lib/x509/trust.h"
#include "lib/x509/verify.h"
#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

TEST_HARNESS_MAIN

FIXTURE(identity)
{
	struct cert *ca, *middle;
	struct x509_error err;
};

FIXTURE_SETUP(identity)
{
	self->ca = cert_ca(CERT_P256, "Root");
	self->middle = cert_intermediate(CERT_P256, "Middle", self->ca);
}

FIXTURE_TEARDOWN(identity)
{
	EXPECT_EQ(0, ERR_peek_error());
	cert_free(self->middle);
	cert_free(self->ca);
}

/* The identity of a certificate and its issuers. */
static struct x509_identity *load(struct test_self_identity *self, const struct cert *cert)
{
	struct x509_identity *identity;
	size_t len;
	char *pem = cert_chain_pem(cert, &len);

	identity = x509_identity_new(pem, len, &self->err);
	EXPECT_EQ(0, ERR_peek_error());
	free(pem);
	return identity;
}

static struct x509_identity *load_san(struct test_self_identity *self, enum cert_key key,
				      const char *san)
{
	struct cert *cert = cert_server(key, san, self->middle);
	struct x509_identity *identity = load(self, cert);

	ASSERT_NOT_NULL(identity);
	cert_free(cert);
	return identity;
}

/* Several PEM texts, one after another. */
static struct x509_identity *load_texts(struct test_self_identity *self, const char *const *texts)
{
	char all[65536] = "";
	size_t len = 0;

	for (; *texts; texts++) {
		ASSERT_LT(len + strlen(*texts), sizeof(all));
		memcpy(all + len, *texts, strlen(*texts));
		len += strlen(*texts);
	}
	return x509_identity_new(all, len, &self->err);
}

/* ---- loading --------------------------------------------------------------------------------- */

TEST_F(identity, chain_names_and_date)
{
	struct cert_spec spec = { .cn = "not.a.name",
				  .not_after = 1000,
				  .san = "DNS:B.example.com,email:x@example.com,IP:192.0.2.1,"
					 "DNS:*.Example.com,DNS:a.example.com,IP:2001:db8::1" };
	struct cert *leaf = cert_new(&spec, self->middle);
	struct x509_identity *identity = load(self, leaf);
	time_t end = time(NULL) + 1000;

	ASSERT_NOT_NULL(identity);
	ASSERT_EQ(2, identity->chain_len);
	ASSERT_EQ(leaf->der_len, identity->chain[0].len);
	EXPECT_MEMEQ(leaf->der, identity->chain[0].bytes, leaf->der_len);
	ASSERT_EQ(self->middle->der_len, identity->chain[1].len);
	EXPECT_MEMEQ(self->middle->der, identity->chain[1].bytes, self->middle->der_len);
	ASSERT_EQ(3, identity->names_len);
	EXPECT_STREQ("*.example.com", identity->names[0]);
	EXPECT_STREQ("a.example.com", identity->names[1]);
	EXPECT_STREQ("b.example.com", identity->names[2]);
	ASSERT_EQ(2, identity->addresses_len);
	EXPECT_EQ(4, identity->addresses[0].len);
	EXPECT_EQ(16, identity->addresses[1].len);
	EXPECT_GE(identity->not_after, end - 30);
	EXPECT_LE(identity->not_after, end);
	x509_identity_free(identity);
	cert_free(leaf);
}

TEST_F_TIMEOUT(identity, schemes_of_each_key, 60)
{
	static const struct {
		enum cert_key key;
		size_t len;
		uint16_t schemes[6];
	} rows[] = {
		{ CERT_P256, 2, { 0x0403, 0x0503 } }, /* the others are for TLS 1.2 */
		{ CERT_P384, 2, { 0x0503, 0x0403 } },
		{ CERT_RSA2048, 6, { 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601 } },
		{ CERT_RSA_PSS, 3, { 0x0809, 0x080a, 0x080b } },
		{ CERT_RSA_PSS_SHA384, 1, { 0x080a } },
		{ CERT_ED25519, 1, { 0x0807 } },
	};
	struct x509_identity *identity;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		identity = load_san(self, rows[i].key, "DNS:a.example");
		ASSERT_EQ(rows[i].len, identity->schemes_len);
		EXPECT_MEMEQ(rows[i].schemes, identity->schemes, rows[i].len * sizeof(uint16_t));
		x509_identity_free(identity);
	}
}

TEST_F(identity, text_around_the_blocks)
{
	struct cert *leaf = cert_server(CERT_P256, "DNS:a.example", self->middle);
	const char *const texts[] = { "\xef\xbb\xbfsubject=CN = a\r\n",
				      leaf->pem,
				      "\n-----BEGIN DH PARAMETERS-----\nMAA=\n"
				      "-----END DH PARAMETERS-----\nissuer:",
				      self->middle->pem,
				      "end\n",
				      NULL };
	struct x509_identity *identity = load_texts(self, texts);

	ASSERT_NOT_NULL(identity);
	EXPECT_EQ(2, identity->chain_len);
	x509_identity_free(identity);
	cert_free(leaf);
}

TEST_F(identity, order_is_leaf_first)
{
	struct cert *leaf = cert_server(CERT_P256, "DNS:a.example", self->middle);
	struct cert *other = cert_server(CERT_P256, "DNS:b.example", self->middle);
	const char *const with_root[] = { leaf->pem, self->middle->pem, self->ca->pem, NULL };
	const char *const reversed[] = { self->middle->pem, leaf->pem, NULL };
	const char *const gap[] = { leaf->pem, self->ca->pem, NULL };
	const char *const twice[] = { leaf->pem, leaf->pem, self->middle->pem, NULL };
	const char *const two[] = { leaf->pem, other->pem, NULL };
	const char *const *const bad[] = { gap, twice, two };
	struct x509_identity *identity = load_texts(self, with_root);
	size_t i;

	ASSERT_NOT_NULL(identity);
	EXPECT_EQ(3, identity->chain_len);
	x509_identity_free(identity);
	EXPECT_NULL(load_texts(self, reversed));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_NULL(load_texts(self, bad[i]));
		EXPECT_STREQ("certificate 1 is not issued by the next one: the order is leaf, its "
			     "issuer, the issuer's issuer",
			     self->err.text);
		EXPECT_EQ(1, self->err.line);
	}
	cert_free(other);
	cert_free(leaf);
}

/* By name it is the issuer, by its key not. */
TEST_F(identity, issuer_that_did_not_sign)
{
	struct cert_spec ca = { .cn = "CA", .ca = true, .no_key_ids = true };
	struct cert *real = cert_new(&ca, NULL), *namesake = cert_new(&ca, NULL);
	struct cert *leaf = cert_server(CERT_P256, "DNS:a.example", real);
	const char *const texts[] = { leaf->pem, namesake->pem, NULL };

	EXPECT_NULL(load_texts(self, texts));
	cert_free(leaf);
	cert_free(namesake);
	cert_free(real);
}

TEST_F_TIMEOUT(identity, leaves_that_are_refused, 60)
{
	static const struct {
		struct cert_spec spec;
		const char *text;
	} rows[] = {
		{ { .cn = "x", .version_1 = true },
		  "certificate 1 is not X.509 version 3, as TLS 1.3 demands" },
		{ { .cn = "x", .key_usage = "keyEncipherment" },
		  "certificate 1 has a key usage without digitalSignature" },
		{ { .cn = "x", .digest = "SHA1" },
		  "certificate 1 is signed with an algorithm that is too weak" },
		{ { .cn = "x", .key = CERT_P521 },
		  "certificate 1 has a key that is not ECDSA on P-256 or P-384, RSA or Ed25519" },
		{ { .cn = "x", .key = CERT_P256_EXPLICIT },
		  "certificate 1 has a key that is not ECDSA on P-256 or P-384, RSA or Ed25519" },
		{ { .cn = "x", .key = CERT_RSA_PSS_LONG_SALT },
		  "certificate 1 has a key for RSASSA-PSS with parameters that TLS has no scheme "
		  "for" },
		{ { .cn = "x", .key = CERT_RSA1024 },
		  "certificate 1 has a key that is RSA of fewer than 2048 or more than 4096 bits" },
		{ { .cn = "x", .extra_oid = "2.5.29.17", .extra_value = "DER:0500" },
		  "certificate 1 has an extension that cannot be parsed" },
	};
	struct cert *leaf;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		leaf = cert_new(&rows[i].spec, self->ca);
		EXPECT_NULL(load(self, leaf));
		EXPECT_STREQ(rows[i].text, self->err.text);
		cert_free(leaf);
	}
}

TEST_F(identity, texts_that_are_refused)
{
	struct cert *leaf = cert_server(CERT_P256, "DNS:a.example", self->ca);
	const char *const empty[] = { "", NULL };
	const char *const prose[] = { "nothing\nto see\n", NULL };
	const char *const key[] = { "one line\n", leaf->pem, leaf->key_pem, NULL };
	const char *const cut[] = { "-----BEGIN CERTIFICATE-----\nMIIB", leaf->pem, NULL };
	const char *const rubbish[] = { leaf->pem,
					"-----BEGIN CERTIFICATE-----\nMAA=\n"
					"-----END CERTIFICATE-----\n",
					NULL };
	unsigned int lines = 1;
	const char *p;

	for (p = leaf->pem; *p; p++)
		lines += *p == '\n';
	EXPECT_NULL(load_texts(self, empty));
	EXPECT_STREQ("no certificate", self->err.text);
	EXPECT_NULL(load_texts(self, prose));
	EXPECT_STREQ("no certificate", self->err.text);
	EXPECT_EQ(0, self->err.line);
	EXPECT_NULL(load_texts(self, key));
	EXPECT_STREQ("a private key among the certificates: it belongs into its own file",
		     self->err.text);
	EXPECT_EQ(lines + 1, self->err.line);
	EXPECT_NULL(load_texts(self, cut));
	EXPECT_STREQ("damaged or incomplete PEM block", self->err.text);
	EXPECT_NULL(load_texts(self, rubbish));
	EXPECT_STREQ("certificate 2 cannot be parsed", self->err.text);
	EXPECT_EQ(lines, self->err.line);
	EXPECT_NULL(x509_identity_new(NULL, 0, &self->err));
	cert_free(leaf);
}

TEST_F(identity, pem_truncated_at_every_byte)
{
	struct cert *leaf = cert_server(CERT_P256, "DNS:a.example", self->ca);
	size_t n, end = (size_t)(strstr(leaf->pem, "-----END CERTIFICATE-----") - leaf->pem);
	struct x509_identity *identity;

	for (n = 0; n < end; n++)
		ASSERT_NULL(x509_identity_new(leaf->pem, n, NULL));
	identity = x509_identity_new(leaf->pem, leaf->pem_len, NULL);
	EXPECT_NOT_NULL(identity);
	x509_identity_free(identity);
	cert_free(leaf);
}

/* The limits of the engine's header. */
TEST_F(identity, too_many_and_too_long)
{
	const char *texts[KTLS_ENGINE_CERTS_MAX + 2] = { NULL };
	struct cert *path[KTLS_ENGINE_CERTS_MAX + 1] = { self->ca };
	struct cert_spec spec = { .cn = "CA", .ca = true };
	struct x509_identity *identity;
	char san[40000] = "DNS:a.example";
	size_t i, n = sizeof(path) / sizeof(path[0]);

	for (i = 1; i < n; i++)
		path[i] = cert_new(&spec, path[i - 1]);
	for (i = 0; i < n; i++)
		texts[i] = path[n - 1 - i]->pem;
	EXPECT_NULL(load_texts(self, texts));
	EXPECT_STREQ("more than 10 certificates", self->err.text);
	texts[n - 1] = NULL;
	identity = load_texts(self, texts);
	ASSERT_NOT_NULL(identity);
	EXPECT_EQ(KTLS_ENGINE_CERTS_MAX, identity->chain_len);
	x509_identity_free(identity);
	for (i = 1; i < n; i++)
		cert_free(path[i]);

	while (strlen(san) < sizeof(san) - 100)
		strcat(san, ",DNS:a-rather-long-name-to-fill-a-certificate.example.com");
	path[1] = cert_server(CERT_P256, san, self->ca);
	EXPECT_NULL(load(self, path[1]));
	EXPECT_STREQ("certificate 1 makes the chain too long for one Certificate message",
		     self->err.text);
	cert_free(path[1]);
}

/* ---- names ----------------------------------------------------------------------------------- */

#define LABEL_63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"

/* Each row is put to the server's side and to the client's, which is libcrypto's: they agree. */
TEST_F(identity, wildcards)
{
	static const struct {
		const char *san, *name;
		enum x509_match match;
	} rows[] = {
		{ "DNS:www.example.com", "www.example.com", X509_MATCH_EXACT },
		{ "DNS:www.example.com", "WWW.EXAMPLE.com", X509_MATCH_EXACT },
		{ "DNS:WWW.example.COM", "www.example.com.", X509_MATCH_EXACT },
		{ "DNS:www.example.com", "example.com", X509_MATCH_NONE },
		{ "DNS:www.example.com", "xwww.example.com", X509_MATCH_NONE },
		{ "DNS:*.example.com", "www.example.com", X509_MATCH_WILDCARD },
		{ "DNS:*.EXAMPLE.com", "Www.example.Com.", X509_MATCH_WILDCARD },
		{ "DNS:*.example.com", "xn--bcher-kva.example.com", X509_MATCH_WILDCARD },
		{ "DNS:*.example.com", LABEL_63 ".example.com", X509_MATCH_WILDCARD },
		{ "DNS:*.example.com,DNS:www.example.com", "www.example.com", X509_MATCH_EXACT },
		{ "DNS:*.example.com", "example.com", X509_MATCH_NONE },
		{ "DNS:*.example.com", "a.b.example.com", X509_MATCH_NONE },
		{ "DNS:*.example.com", "www.example.org", X509_MATCH_NONE },
		{ "DNS:*.example.com", "www.xexample.com", X509_MATCH_NONE },
		{ "DNS:*.com", "example.com", X509_MATCH_NONE },
		{ "DNS:*", "localhost", X509_MATCH_NONE },
		{ "DNS:*.", "localhost", X509_MATCH_NONE },
		{ "DNS:w*.example.com", "www.example.com", X509_MATCH_NONE },
		{ "DNS:*w.example.com", "www.example.com", X509_MATCH_NONE },
		{ "DNS:w*w.example.com", "www.example.com", X509_MATCH_NONE },
		{ "DNS:xn--*.example.com", "xn--a.example.com", X509_MATCH_NONE },
		{ "DNS:www.*.com", "www.example.com", X509_MATCH_NONE },
		{ "DNS:*.*.com", "www.example.com", X509_MATCH_NONE },
		{ "DNS:**.example.com", "www.example.com", X509_MATCH_NONE },
		{ "DNS:.example.com", "www.example.com", X509_MATCH_NONE },
		{ "DNS:www.example.com.", "www.example.com", X509_MATCH_NONE },
		{ "email:www.example.com", "www.example.com", X509_MATCH_NONE },
		{ "DNS:localhost", "localhost", X509_MATCH_EXACT },
		{ "DNS:a_b.example.com", "a_b.example.com", X509_MATCH_EXACT },
		{ "IP:192.0.2.1", "192.0.2.1", X509_MATCH_EXACT },
		{ "IP:192.0.2.1", "192.0.2.2", X509_MATCH_NONE },
		{ "DNS:192.0.2.1", "192.0.2.1", X509_MATCH_NONE },
		{ "DNS:*.0.2.1", "192.0.2.1", X509_MATCH_NONE },
		{ "IP:2001:db8::1", "2001:db8::1", X509_MATCH_EXACT },
		{ "IP:2001:db8::1", "2001:DB8:0:0::1", X509_MATCH_EXACT },
		{ "IP:2001:db8::1", "2001:db8::2", X509_MATCH_NONE },
		{ "IP:192.0.2.1", "::ffff:192.0.2.1", X509_MATCH_NONE },
	};
	struct x509_trust *trust = x509_trust_new(self->ca->pem, self->ca->pem_len, NULL);
	struct x509_identity *identity;
	struct x509_peer *peer;
	size_t i;
	int ret;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		identity = load_san(self, CERT_P256, rows[i].san);
		EXPECT_EQ(rows[i].match, x509_identity_matches(identity, rows[i].name));
		ret = x509_peer_verify_chain(trust, identity->chain, identity->chain_len,
					     KTLS_SERVER, rows[i].name, time(NULL), &peer, NULL);
		EXPECT_EQ(rows[i].match == X509_MATCH_NONE ? -KTLS_R_CERTIFICATE_NAME : 0, ret);
		if ((ret == 0) != (rows[i].match != X509_MATCH_NONE))
			TH_LOG("%s, %s", rows[i].san, rows[i].name);
		if (ret == 0)
			x509_peer_free(peer);
		x509_identity_free(identity);
	}
	x509_trust_free(trust);
}

TEST_F(identity, what_is_no_name_matches_nothing)
{
	static const char *const names[] = {
		"",
		".",
		"..",
		".example.com",
		"www.example.com..",
		"*.example.com",
		"www example.com",
		"www.example.com:443",
		"[2001:db8::1]",
		LABEL_63 "4.example.com",
		"a..example.com",
		"\xff.example.com",
	};
	struct x509_identity *identity =
		load_san(self, CERT_P256, "DNS:*.example.com,DNS:www.example.com,IP:2001:db8::1");
	struct cert *nameless = cert_server(CERT_P256, NULL, self->ca);
	char longest[300];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		EXPECT_EQ(X509_MATCH_NONE, x509_identity_matches(identity, names[i]));
	memset(longest, 'a', sizeof(longest));
	for (i = 50; i < sizeof(longest); i += 50)
		longest[i] = '.';
	longest[sizeof(longest) - 1] = '\0';
	EXPECT_EQ(X509_MATCH_NONE, x509_identity_matches(identity, longest));
	x509_identity_free(identity);

	identity = load(self, nameless);
	ASSERT_NOT_NULL(identity);
	EXPECT_EQ(0, identity->names_len);
	EXPECT_EQ(X509_MATCH_NONE, x509_identity_matches(identity, "server")); /* its CN */
	x509_identity_free(identity);
	cert_free(nameless);
}
