/* SPDX-License-Identifier: MIT */
/* What is told of a peer that was believed: its path, and the names that it presents. */
#include <stdlib.h>

#include "lib/x509/names.h"
#include "tests/unit/x509_chain.h"

TEST_HARNESS_MAIN

static struct x509_peer *believe(struct test_self_chain *self, const struct ktls_span *certs,
				 size_t n)
{
	struct x509_peer *peer = NULL;

	EXPECT_EQ(0, x509_peer_verify_chain(self->trust, certs, n, KTLS_SERVER, NULL, time(NULL),
					    &peer, &self->err));
	ASSERT_NOT_NULL(peer);
	return peer;
}

static void expect_span(const struct cert *cert, struct ktls_span got)
{
	ASSERT_EQ(cert->der_len, got.len);
	EXPECT_MEMEQ(cert->der, got.bytes, got.len);
}

/* As verified: in order, without what was sent besides, with the anchor that was not sent. */
TEST_F(chain, the_path)
{
	const struct cert_spec spec = good_spec();
	struct cert *leaf = cert_new(&spec, self->middle), *other = cert_ca(CERT_P256, "Other");
	struct ktls_span sent[] = { span(leaf), span(other), span(self->middle) };
	struct x509_peer *peer = believe(self, sent, 3);
	const struct ktls_span *path;
	size_t n;

	path = x509_peer_path(peer, &n);
	ASSERT_EQ(3, n);
	expect_span(leaf, path[0]);
	expect_span(self->middle, path[1]);
	expect_span(self->ca, path[2]);
	x509_peer_free(peer);
	cert_free(leaf);
	cert_free(other);
}

static void expect_names(struct test_self_chain *self, const char *san,
			 const struct ktls_name *want, size_t n, size_t want_left_out)
{
	struct cert_spec spec = good_spec();
	struct cert *leaf;
	struct ktls_span sent[2] = { { 0 }, span(self->middle) };
	const struct ktls_name *names;
	struct x509_peer *peer;
	size_t len, left_out;

	spec.san = san;
	leaf = cert_new(&spec, self->middle);
	sent[0] = span(leaf);
	peer = believe(self, sent, 2);
	names = x509_peer_names(peer, &len, &left_out);
	ASSERT_EQ(n, len);
	EXPECT_EQ(want_left_out, left_out);
	for (size_t i = 0; i < n; i++) {
		EXPECT_EQ((int)want[i].kind, (int)names[i].kind);
		EXPECT_STREQ(want[i].text, names[i].text);
	}
	x509_peer_free(peer);
	cert_free(leaf);
}

TEST_F(chain, names_of_all_kinds)
{
	const struct ktls_name want[] = {
		{ KTLS_NAME_SUBJECT, "CN=leaf" },
		{ KTLS_NAME_DNS, "a.example.com" },
		{ KTLS_NAME_EMAIL, "alice@example.org" },
		{ KTLS_NAME_DNS, "*.example.com" },
		{ KTLS_NAME_IP, "192.0.2.7" },
		{ KTLS_NAME_IP, "2001:db8::1" },
		{ KTLS_NAME_URI, "spiffe://example.org/web" },
	};

	expect_names(self,
		     "DNS:a.example.com,email:alice@example.org,DNS:*.example.com,IP:192.0.2.7,"
		     "IP:2001:db8::1,URI:spiffe://example.org/web,RID:1.2.3.4",
		     want, 7, 1);
	expect_names(self, NULL, want, 1, 0);
}

/* The DER of a subjectAltName with one name: tag and text. */
static void expect_left_out(struct test_self_chain *self, const char *value)
{
	const struct ktls_name subject = { KTLS_NAME_SUBJECT, "CN=leaf" };
	struct cert_spec spec = good_spec();
	struct cert *leaf;
	struct x509_names names;

	spec.san = NULL;
	spec.extra_oid = "2.5.29.17";
	spec.extra_value = value;
	leaf = cert_new(&spec, self->middle);
	ASSERT_TRUE(x509_names_read(leaf->x509, &names));
	ASSERT_EQ(1, names.len);
	EXPECT_STREQ(subject.text, names.list[0].text);
	EXPECT_EQ(1, names.left_out);
	x509_names_wipe(&names);
	cert_free(leaf);
}

/* A name that a program would read as another one is none. */
TEST_F(chain, names_that_are_none)
{
	expect_left_out(self, "DER:30:09:82:07:61:2e:62:00:2e:63:64"); /* a.b\0.cd */
	expect_left_out(self, "DER:30:05:82:03:61:0a:62");             /* a\nb */
	expect_left_out(self, "DER:30:05:81:03:61:e9:62");             /* beyond ASCII */
	expect_left_out(self, "DER:30:02:86:00");                      /* empty */
	expect_left_out(self, "DER:30:07:87:05:01:02:03:04:05");       /* five bytes of address */
}

/* Text that a log or a terminal would mistake is escaped. */
TEST_F(chain, subjects)
{
	static const struct {
		const char *cn, *want;
	} rows[] = {
		{ "alice", "CN=alice" },         { "a,b+c=\"d\"", "CN=a\\,b\\+c=\\\"d\\\"" },
		{ "one\ntwo", "CN=one\\0Atwo" }, { "J\xc3\xbcrgen", "CN=J\\C3\\BCrgen" },
		{ " x ", "CN=\\ x\\ " },
	};
	struct x509_names names;
	struct cert_spec spec = good_spec();
	struct cert *leaf;

	spec.san = NULL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		spec.cn = rows[i].cn;
		leaf = cert_new(&spec, self->middle);
		ASSERT_TRUE(x509_names_read(leaf->x509, &names));
		ASSERT_EQ(1, names.len);
		EXPECT_STREQ(rows[i].want, names.list[0].text);
		x509_names_wipe(&names);
		cert_free(leaf);
	}
}

TEST_F(chain, more_names_than_there_is_room)
{
	struct cert_spec spec = good_spec();
	struct x509_names names;
	char san[16384];
	struct cert *leaf;
	size_t len = 0, i;

	for (i = 0; i < 300; i++)
		len += (size_t)snprintf(san + len, sizeof(san) - len, "%sDNS:host%zu.example.com",
					i ? "," : "", i);
	spec.san = san;
	leaf = cert_new(&spec, self->middle);
	ASSERT_TRUE(x509_names_read(leaf->x509, &names));
	EXPECT_EQ(X509_NAMES_MAX, names.len);
	EXPECT_EQ(301 - X509_NAMES_MAX, names.left_out);
	EXPECT_STREQ("host0.example.com", names.list[1].text);
	x509_names_wipe(&names);
	cert_free(leaf);
}
