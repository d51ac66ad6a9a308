/* SPDX-License-Identifier: MIT */
/* Resumption with client certificates: the ticket vouches for what the first handshake proved. */
#include "tests/unit/conn_resume.h"

struct client_cert {
	struct cert *cert;
	struct x509_identity *identity;
	struct x509_key *key;
};

static int sign_by_client(void *arg, const struct conn_sign *request, uint8_t *signature,
			  size_t *len)
{
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_span content = ktls_engine_sign_content(request->what, scratch);

	return x509_key_sign(arg, request->what->version, request->what->scheme, content.bytes,
			     content.len, signature, len);
}

static void give_client(struct test_self_resume *self, struct client_cert *c, long not_after,
			const char *san)
{
	const struct cert_spec spec = {
		.cn = "alice", .eku = "clientAuth", .not_after = not_after, .san = san
	};
	size_t len;
	char *pem;

	c->cert = cert_new(&spec, self->conns.ca);
	pem = cert_chain_pem(c->cert, &len);
	c->identity = x509_identity_new(pem, len, NULL);
	c->key = x509_key_new(c->cert->key_pem, c->cert->key_pem_len, NULL);
	free(pem);
	self->as_client.identities = (const struct x509_identity *const *)&c->identity;
	self->as_client.identities_len = 1;
	self->as_client.sign = sign_by_client;
	self->as_client.sign_arg = c->key;
	self->as_server.client_auth = KTLS_ENGINE_REQUEST_CLIENT_AUTH;
	self->as_server.client_trust = self->conns.trust;
	conn_profile_seal(&self->as_server);
}

static void take_client(struct test_self_resume *self, struct client_cert *c)
{
	self->as_client.identities_len = 0;
	x509_identity_free(c->identity);
	x509_key_free(c->key);
	cert_free(c->cert);
}

TEST_F(resume, says_who_the_client_was)
{
	struct client_cert c;

	give_client(self, &c, 0, NULL);
	expect_full(self);
	EXPECT_EQ(c.cert->der_len, self->server.leaf_len);
	for (int i = 0; i < 3; i++) {
		expect_resumed(self);
		EXPECT_EQ(c.cert->der_len, self->server.leaf_len);
		EXPECT_NOT_NULL(strstr(self->server.names, "alice"));
	}
	take_client(self, &c);
}

TEST_F(resume, client_that_has_expired)
{
	struct client_cert c;

	give_client(self, &c, 3, NULL);
	expect_full(self);
	expect_resumed(self);
	sleep(4);
	handshake(self);
	EXPECT_FALSE(self->server.facts.resumed);
	expect_failed(&self->server, KTLS_R_CERTIFICATE_EXPIRED);
	take_client(self, &c);
}

/* The same policy in all else: but now a certificate is required, and the ticket has none. */
TEST_F(resume, ticket_without_a_certificate)
{
	self->as_server.client_auth = KTLS_ENGINE_REQUEST_CLIENT_AUTH;
	self->as_server.client_trust = self->conns.trust;
	expect_full(self);
	expect_resumed(self);
	EXPECT_EQ(0, self->server.leaf_len);
	self->as_server.client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	handshake(self);
	EXPECT_FALSE(self->server.facts.resumed);
	EXPECT_EQ(variant->version == KTLS_TLS_1_3 ? KTLS_R_CERTIFICATE_REQUIRED
						   : KTLS_R_CERTIFICATE_REQUIRED_1_2,
		  self->server.result.reason);
}

TEST_F(resume, chain_that_fits_no_ticket)
{
	struct client_cert c;
	char *san = malloc(20000);
	size_t len = 0;

	for (int i = 0; i < 300; i++)
		len += (size_t)sprintf(san + len, "%sDNS:a-name-to-fill-the-certificate-%d.example",
				       i ? "," : "", i);
	give_client(self, &c, 0, san);
	expect_full(self);
	EXPECT_EQ(0, holder.sealed);
	expect_full(self);
	take_client(self, &c);
	free(san);
}

TEST_HARNESS_MAIN
