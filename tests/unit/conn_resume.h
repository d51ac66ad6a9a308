/* SPDX-License-Identifier: MIT */
/* What the tests of resumption over sockets share: a holder of ticket keys, and two ends. */
#ifndef KTLS_TESTS_CONN_RESUME_H
#define KTLS_TESTS_CONN_RESUME_H

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/conn/internal.h"
#include "lib/conn/ticket_keys.h"
#include "lib/crypto/util.h"
#include "lib/x509/identity.h"
#include "lib/x509/key.h"
#include "lib/x509/trust.h"
#include "tests/harness/certs.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"
#include "tests/harness/conns_tickets.h"

FIXTURE(resume)
{
	struct conns conns;
	struct conn_end client, server;
	struct conn_profile as_client, as_server;
	uint32_t owner;
	const char *name;
};

FIXTURE_VARIANT(resume)
{
	uint16_t version;
	bool later; /* seal and open are pending */
};

FIXTURE_VARIANT_ADD(resume, tls_1_3){ .version = KTLS_TLS_1_3 };
FIXTURE_VARIANT_ADD(resume, tls_1_3_later){ .version = KTLS_TLS_1_3, .later = true };
FIXTURE_VARIANT_ADD(resume, tls_1_2){ .version = KTLS_TLS_1_2 };
FIXTURE_VARIANT_ADD(resume, tls_1_2_later){ .version = KTLS_TLS_1_2, .later = true };

/* ---- the holder of the keys -------------------------------------------------------------------
 */

static struct {
	struct ticket_secrets secrets;
	struct ticket_keys keys;
	struct conn_loop *loop;
	bool later;
	unsigned int sealed, opened;
	size_t cut; /* bytes of a ticket's content that are told; 0: all */
	size_t whole;
	/* What was put off. */
	bool due;
	uint64_t token;
	uint8_t bytes[KTLS_ENGINE_TICKET_MAX];
	size_t len;
} holder;

static inline int finish(const struct conn_ticket *request, size_t n, uint8_t *out, size_t *out_len)
{
	if (!holder.later) {
		memcpy(out, holder.bytes, n);
		*out_len = n;
		return 0;
	}
	EXPECT_FALSE(holder.due);
	holder.due = true;
	holder.token = request->token;
	holder.len = n;
	return KTLS_ENGINE_PENDING;
}

static inline int seal(void *arg, const struct conn_ticket *request, uint8_t *ticket,
		       size_t *ticket_len)
{
	(void)arg;
	holder.sealed++;
	return finish(request,
		      ticket_seal(&holder.keys, request->bytes, request->len, holder.bytes), ticket,
		      ticket_len);
}

static inline int open_sealed(void *arg, const struct conn_ticket *request, uint8_t *content,
			      size_t *content_len)
{
	size_t n = ticket_open(&holder.keys, request->bytes, request->len, holder.bytes);

	(void)arg;
	holder.opened++;
	holder.whole = n;
	if (holder.cut > 0 && holder.cut < n)
		n = holder.cut;
	return finish(request, n, content, content_len);
}

static inline void answer(void)
{
	if (!holder.due)
		return;
	holder.due = false;
	conn_ticket_done(holder.loop, holder.token + 1, holder.bytes, holder.len);
	conn_sign_done(holder.loop, holder.token, 0, holder.bytes, 32);
	conn_ticket_done(holder.loop, holder.token, holder.bytes, holder.len);
}

static inline void new_keys(void)
{
	ticket_secrets_init(&holder.secrets);
	ticket_keys_derive(&holder.keys, &holder.secrets);
}

/* ---- two ends ---------------------------------------------------------------------------------
 */

static inline void set_up(struct test_self_resume *self, uint16_t version, bool later)
{
	struct conn_profile *profile = &self->conns.profile;

	profile->version_min = profile->version_max = version;
	profile->seal = seal;
	profile->open = open_sealed;
	profile->name = "default";
	profile->tickets = 2;
	conn_profile_seal(profile);
	self->as_client = *profile;
	self->as_client.identities_len = 0;
	self->as_server = *profile;
	self->conns.config.sessions_max = 64;
	self->conns.config.sessions_bytes = 1 << 20;
	self->name = "example.com";
	conns_open(&self->conns);
	memset(&holder, 0, sizeof(holder));
	holder.loop = self->conns.loop;
	holder.later = later;
	new_keys();
}

FIXTURE_SETUP(resume)
{
	conns_init(&self->conns, false);
	set_up(self, variant->version, variant->later);
}

FIXTURE_TEARDOWN(resume)
{
	conns_wipe(&self->conns);
}

/* Those that came behind the handshake. */
static inline void keep_tickets(struct test_self_resume *self)
{
	const struct ktls_span chain = { self->conns.leaf->der, self->conns.leaf->der_len };

	conns_keep_tickets(&self->conns, &self->client,
			   (struct conn_session){ .owner = self->owner,
						  .profile = &self->as_client,
						  .server_name = self->name,
						  .chain = &chain,
						  .chain_len = 1,
						  .chain_until = time(NULL) + 1000 });
}

/* One handshake; the client's tickets are kept. */
static inline void handshake(struct test_self_resume *self)
{
	struct conn_end *both[] = { &self->client, &self->server };
	struct conn_request request;

	open_pair(&self->client, &self->server, 0);
	request = conns_request(&self->conns, KTLS_CLIENT, &self->client);
	request.profile = &self->as_client;
	request.owner = self->owner;
	request.server_name = self->name;
	conns_start(&self->conns, &request, &self->client);
	request = conns_request(&self->conns, KTLS_SERVER, &self->server);
	request.profile = &self->as_server;
	conns_start(&self->conns, &request, &self->server);
	for (int i = 0; i < 1000 && !conns_run(&self->conns, both, 2, 1); i++)
		answer();
	ASSERT_TRUE(self->client.done && self->server.done);
	if (self->client.result.reason == KTLS_OK && self->client.facts.version == KTLS_TLS_1_3)
		keep_tickets(self);
	close(self->client.fd);
	close(self->server.fd);
}

static inline void expect_full(struct test_self_resume *self)
{
	size_t before = self->conns.signed_count;

	handshake(self);
	expect_agreed(&self->client, &self->server);
	EXPECT_FALSE(self->client.facts.resumed);
	EXPECT_FALSE(self->server.facts.resumed);
	EXPECT_GT(self->conns.signed_count, before);
}

static inline void expect_resumed(struct test_self_resume *self)
{
	size_t before = self->conns.signed_count;

	handshake(self);
	expect_agreed(&self->client, &self->server);
	EXPECT_TRUE(self->client.facts.resumed);
	EXPECT_TRUE(self->server.facts.resumed);
	EXPECT_EQ(before, self->conns.signed_count);
	EXPECT_EQ(self->conns.leaf->der_len, self->client.leaf_len);
	EXPECT_NE(0, self->client.names[0]);
}

#endif
