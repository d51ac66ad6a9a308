/* SPDX-License-Identifier: MIT */
/* Who the peers are: what a profile holds them to, and what the result says of them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/conn/conn.h"
#include "lib/x509/identity.h"
#include "lib/x509/key.h"
#include "lib/x509/trust.h"
#include "tests/harness/certs.h"
#include "tests/harness/conns.h"
#include "tests/harness/crls.h"
#include "tests/harness/harness.h"

TEST_HARNESS_MAIN

/* A server that asks, and a client with a certificate of its own. */
FIXTURE(auth)
{
	struct conns conns;
	struct conn_end client, server;
	struct conn_profile profile; /* the client's */
	struct cert *cert;
	struct x509_identity *identity;
	struct x509_key *key;
};

FIXTURE_VARIANT(auth)
{
	uint16_t version;
};

FIXTURE_VARIANT_ADD(auth, tls_1_3){ .version = KTLS_TLS_1_3 };
FIXTURE_VARIANT_ADD(auth, tls_1_2){ .version = KTLS_TLS_1_2 };

static int sign(void *arg, const struct conn_sign *request, uint8_t *signature, size_t *len)
{
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_span content = ktls_engine_sign_content(request->what, scratch);

	EXPECT_EQ(KTLS_CLIENT, (int)request->what->role);
	return x509_key_sign(arg, request->what->version, request->what->scheme, content.bytes,
			     content.len, signature, len);
}

/* The client's certificate. */
static void use(struct test_self_auth *self, struct cert *cert)
{
	size_t len;
	char *pem = cert_chain_pem(cert, &len);

	x509_identity_free(self->identity);
	x509_key_free(self->key);
	cert_free(self->cert);
	self->cert = cert;
	self->identity = x509_identity_new(pem, len, NULL);
	self->key = x509_key_new(cert->key_pem, cert->key_pem_len, NULL);
	ASSERT_NOT_NULL(self->identity);
	ASSERT_NOT_NULL(self->key);
	self->profile.sign_arg = self->key;
	free(pem);
}

FIXTURE_SETUP(auth)
{
	struct conn_profile *profile = &self->conns.profile;
	const struct cert_spec spec = { .cn = "alice",
					.san = "email:alice@example.org,DNS:a.example",
					.eku = "clientAuth" };

	conns_init(&self->conns, false);
	profile->client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	profile->version_min = profile->version_max = variant->version;
	self->profile = *profile;
	self->profile.sign = sign;
	self->profile.identities = (const struct x509_identity *const *)&self->identity;
	use(self, cert_new(&spec, self->conns.ca));
	conns_open(&self->conns);
}

FIXTURE_TEARDOWN(auth)
{
	conns_wipe(&self->conns);
	x509_identity_free(self->identity);
	x509_key_free(self->key);
	cert_free(self->cert);
}

/* One handshake, to its end. */
static void handshake(struct test_self_auth *self)
{
	struct conn_end *both[] = { &self->client, &self->server };
	struct conn_request request;

	memset(&self->client, 0, sizeof(self->client));
	memset(&self->server, 0, sizeof(self->server));
	open_pair(&self->client, &self->server, 0);
	request = conns_request(&self->conns, KTLS_CLIENT, &self->client);
	request.profile = &self->profile;
	conns_start(&self->conns, &request, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, both, 2, 5000));
	close(self->client.fd);
	close(self->server.fd);
}

TEST_F(auth, both_know_whom_they_have)
{
	handshake(self);
	expect_agreed(&self->client, &self->server);
	EXPECT_STREQ("1 CN=alice; 4 alice@example.org; 2 a.example; ", self->server.names);
	EXPECT_EQ(2, self->server.result.chain_len);
	EXPECT_EQ(self->cert->der_len, self->server.leaf_len);
	EXPECT_EQ(KTLS_SCHEME_ECDSA_SECP256R1_SHA256, self->server.facts.client_scheme);
	EXPECT_STREQ("1 CN=server; 2 example.com; 2 *.wild.example; 3 127.0.0.1; ",
		     self->client.names);
}

/* Each kind of key, as a client's and as a server's. */
TEST_F_TIMEOUT(auth, keys_of_all_kinds, 180)
{
	static const struct {
		enum cert_key key;
		uint16_t scheme; /* in TLS 1.3 */
	} rows[] = {
		{ CERT_P256, KTLS_SCHEME_ECDSA_SECP256R1_SHA256 },
		{ CERT_P384, KTLS_SCHEME_ECDSA_SECP384R1_SHA384 },
		{ CERT_ED25519, KTLS_SCHEME_ED25519 },
		{ CERT_RSA2048, KTLS_SCHEME_RSA_PSS_RSAE_SHA256 },
		{ CERT_RSA3072, KTLS_SCHEME_RSA_PSS_RSAE_SHA256 },
		{ CERT_RSA4096, KTLS_SCHEME_RSA_PSS_RSAE_SHA256 },
		{ CERT_RSA_PSS, KTLS_SCHEME_RSA_PSS_PSS_SHA256 },
		{ CERT_RSA_PSS_SHA384, KTLS_SCHEME_RSA_PSS_PSS_SHA384 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		use(self, cert_client(rows[i].key, "client", self->conns.ca));
		/* A client of ours has no P-384 key exchange, and in TLS 1.2 no server's key on it
		 * then (RFC 8422, 5.3). */
		conns_use_key(&self->conns,
			      variant->version == KTLS_TLS_1_2 && rows[i].key == CERT_P384
				      ? CERT_P256
				      : rows[i].key);
		self->profile.trust = self->conns.trust;
		handshake(self);
		if (self->server.result.reason != KTLS_OK)
			TH_LOG("row %zu", i);
		expect_agreed(&self->client, &self->server);
		EXPECT_STREQ("1 CN=client; ", self->server.names);
		if (variant->version == KTLS_TLS_1_2)
			continue;
		EXPECT_EQ(rows[i].scheme, self->server.facts.client_scheme);
		EXPECT_EQ(rows[i].scheme, self->client.facts.scheme);
	}
}

/* The first that is for clients, and whose key will do. */
TEST_F(auth, one_of_several_certificates)
{
	const struct x509_identity *list[] = { self->conns.identity, self->identity };

	self->profile.identities = list;
	self->profile.identities_len = 2;
	handshake(self);
	expect_agreed(&self->client, &self->server);
	EXPECT_EQ(self->cert->der_len, self->server.leaf_len);
}

/* What the server makes of it is what the client hears, and no name is told. */
static void expect_refused(struct test_self_auth *self, enum ktls_reason reason)
{
	handshake(self);
	expect_failed(&self->server, reason);
	EXPECT_STREQ("", self->server.names);
}

TEST_F(auth, clients_that_are_refused)
{
	struct cert *other = cert_ca(CERT_P256, "Other CA");
	const struct cert_spec old = { .cn = "bob", .not_after = -60 };

	use(self, cert_client(CERT_P256, "bob", other));
	self->cert->issuer = NULL;
	expect_refused(self, KTLS_R_CERTIFICATE_UNKNOWN_CA);
	EXPECT_EQ(1, self->server.result.chain_len); /* as it came */
	use(self, cert_new(&old, self->conns.ca));
	expect_refused(self, KTLS_R_CERTIFICATE_EXPIRED);
	self->profile.identities_len = 0;
	expect_refused(self, variant->version == KTLS_TLS_1_2 ? KTLS_R_CERTIFICATE_REQUIRED_1_2
							      : KTLS_R_CERTIFICATE_REQUIRED);
	EXPECT_EQ(0, self->server.result.chain_len);
	cert_free(other);
}

/* Trust of the server's for clients, with more than anchors. */
static struct x509_trust *client_trust(struct test_self_auth *self, const struct cert *revoked,
				       const uint8_t (*pin)[X509_PIN_LEN])
{
	const struct crl_spec list = { .issuer = self->conns.ca, .revoked = { revoked } };
	struct x509_trust_spec spec = {
		.anchors = { (uint8_t *)self->conns.ca->pem, self->conns.ca->pem_len },
		.pins = pin,
		.pins_len = pin ? 1 : 0,
	};
	struct x509_trust *trust;
	struct ktls_span crl;

	crl.bytes = crl_der(&list, &crl.len);
	spec.crls = &crl;
	spec.crls_len = revoked ? 1 : 0;
	trust = x509_trust_make(&spec, NULL);
	ASSERT_NOT_NULL(trust);
	free((void *)(uintptr_t)crl.bytes);
	return trust;
}

TEST_F(auth, a_revoked_client)
{
	struct x509_trust *trust = client_trust(self, self->cert, NULL);

	handshake(self);
	expect_agreed(&self->client, &self->server);
	self->conns.profile.client_trust = trust;
	expect_refused(self, KTLS_R_CERTIFICATE_REVOKED);
	EXPECT_EQ(KTLS_ALERT_CERTIFICATE_REVOKED, self->server.result.alert);
	x509_trust_free(trust);
}

TEST_F(auth, a_client_that_is_not_pinned)
{
	static const uint8_t pin[1][X509_PIN_LEN] = { { 1 } };
	struct x509_trust *trust = client_trust(self, NULL, pin);

	self->conns.profile.client_trust = trust;
	expect_refused(self, KTLS_R_CERTIFICATE_NOT_PINNED);
	EXPECT_EQ(KTLS_ALERT_CERTIFICATE_UNKNOWN, self->server.result.alert);
	x509_trust_free(trust);
}

/* Roles have their trusts: whom a server believes to be a client is no server to itself. */
TEST_F(auth, trust_is_by_role)
{
	struct cert *other = cert_ca(CERT_P256, "Other CA");
	struct x509_trust *trust = x509_trust_new(other->pem, other->pem_len, NULL);

	self->conns.profile.trust = trust; /* for servers: not asked here */
	handshake(self);
	expect_agreed(&self->client, &self->server);
	self->profile.client_trust = self->profile.trust;
	self->profile.trust = trust;
	handshake(self);
	expect_failed(&self->client, KTLS_R_CERTIFICATE_UNKNOWN_CA);
	x509_trust_free(trust);
	cert_free(other);
}

/* What changes who is believed changes the policy, and nothing else does. */
TEST(a_policy_is_of_all_that_decides)
{
	struct cert *ca = cert_ca(CERT_P256, "A"), *other = cert_ca(CERT_P256, "A");
	struct x509_trust *trust = x509_trust_new(ca->pem, ca->pem_len, NULL);
	struct x509_trust *same = x509_trust_new(ca->pem, ca->pem_len, NULL);
	struct x509_trust *others = x509_trust_new(other->pem, other->pem_len, NULL);
	const struct conn_profile rows[] = {
		{ .trust = NULL },
		{ .trust = trust },
		{ .trust = others },
		{ .client_trust = trust },
		{ .trust = trust, .client_trust = others },
		{ .trust = others, .client_trust = trust },
		{ .client_trust = trust, .client_auth = KTLS_ENGINE_REQUEST_CLIENT_AUTH },
		{ .client_trust = trust, .client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH },
	};
	struct conn_profile made[sizeof(rows) / sizeof(rows[0])];
	struct conn_profile again = { .trust = same, .strict_server_name = true };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		made[i] = rows[i];
		conn_profile_seal(&made[i]);
		for (size_t j = 0; j < i; j++)
			EXPECT_NE(0, memcmp(made[i].policy, made[j].policy, CONN_POLICY_LEN));
	}
	conn_profile_seal(&again);
	EXPECT_MEMEQ(made[1].policy, again.policy, CONN_POLICY_LEN);
	x509_trust_free(trust);
	x509_trust_free(same);
	x509_trust_free(others);
	cert_free(ca);
	cert_free(other);
}
