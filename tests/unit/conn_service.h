/* SPDX-License-Identifier: MIT */
/* What the tests of sealed sessions and services share: handshakes over a kernel of ours. */
#ifndef KTLS_TESTS_CONN_SERVICE_H
#define KTLS_TESTS_CONN_SERVICE_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/conn/internal.h"
#include "lib/conn/own_seals.h"
#include "lib/conn/sealing_keys.h"
#include "lib/crypto/util.h"
#include "tests/harness/conns.h"
#include "tests/harness/descriptors.h"
#include "tests/harness/harness.h"

struct sealed {
	uint8_t bytes[HANDOFF_SESSION_MAX];
	size_t len;
	uint64_t records_max;
	uint32_t session_age;
};

FIXTURE(service)
{
	struct conns conns;
	struct own_seals *seals;
	struct conn_sealer sealer;
	struct conn_end client, server;
	struct conn_end *both[2];
	struct sealed sealed[2]; /* the client's, the server's */
	/* of the last service */
	bool done;
	enum ktls_reason reason;
	enum ktls_reason admits;
	struct handoff_keys keys[2];
	bool has[2];
	struct sealed fresh;
	char profile[KTLS_PROFILE_MAX + 1];
	/* seals that are put off */
	bool later;
	uint64_t token;
	struct sealed pending;
};

static inline int seal(void *arg, const struct conn_seal *request, uint8_t *bytes, size_t *len)
{
	struct test_self_service *self = arg;
	const struct conn_sealer *sealer = own_seals_sealer(self->seals);
	int r;

	if (!self->later)
		return sealer->seal(sealer->arg, request, bytes, len);
	r = sealer->seal(sealer->arg, request, self->pending.bytes, &self->pending.len);
	self->token = request->token;
	return r == 0 ? KTLS_ENGINE_PENDING : r;
}

static inline int open_sealed(void *arg, const struct conn_seal *request, uint8_t *bytes,
			      size_t *len)
{
	struct test_self_service *self = arg;
	const struct conn_sealer *sealer = own_seals_sealer(self->seals);

	return sealer->open(sealer->arg, request, bytes, len);
}

FIXTURE_SETUP(service)
{
	conns_init(&self->conns, false);
	self->conns.profile.name = "web";
	conn_profile_seal(&self->conns.profile);
	self->seals = own_seals_new();
	self->sealer = (struct conn_sealer){ seal, open_sealed, self };
	self->conns.config.sealer = &self->sealer;
	self->conns.config.rekey = true;
	self->conns.config.session_age = 1000;
	self->both[0] = &self->client;
	self->both[1] = &self->server;
	open_pair(&self->client, &self->server, 0);
}

FIXTURE_TEARDOWN(service)
{
	conns_wipe(&self->conns);
	own_seals_free(self->seals);
	close(self->client.fd);
	close(self->server.fd);
}

/* ---- handshakes ------------------------------------------------------------------------------ */

static inline void keep(struct sealed *out, const struct conn_result *result)
{
	ASSERT_LE(result->session.len, sizeof(out->bytes));
	memset(out, 0, sizeof(*out));
	if (result->session.len > 0)
		memcpy(out->bytes, result->session.bytes, result->session.len);
	out->len = result->session.len;
	out->records_max = result->records_max;
	out->session_age = result->session_age;
}

static struct sealed *keep_to;

static inline void client_done(void *arg, const struct conn_result *result)
{
	keep(&keep_to[0], result);
	conns_done(arg, result);
}

static inline void server_done(void *arg, const struct conn_result *result)
{
	keep(&keep_to[1], result);
	conns_done(arg, result);
}

static inline void begin(struct test_self_service *self)
{
	struct conn_request request = conns_request(&self->conns, KTLS_CLIENT, &self->client);

	keep_to = self->sealed;
	request.owner = 77;
	request.done = client_done;
	conns_start(&self->conns, &request, &self->client);
	request = conns_request(&self->conns, KTLS_SERVER, &self->server);
	request.done = server_done;
	conns_start(&self->conns, &request, &self->server);
}

static inline void shake(struct test_self_service *self)
{
	if (!self->conns.loop)
		conns_open(&self->conns);
	begin(self);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	expect_agreed(&self->client, &self->server);
}

/* ---- services -------------------------------------------------------------------------------- */

static inline int admit(void *arg, const char *profile, enum ktls_role role,
			const struct conn_profile **out)
{
	struct test_self_service *self = arg;

	(void)role;
	strcpy(self->profile, profile);
	*out = &self->conns.profile;
	return -(int)self->admits;
}

static inline void on_done(void *arg, const struct conn_result *result)
{
	struct test_self_service *self = arg;

	EXPECT_FALSE(self->done);
	self->done = true;
	self->reason = result->reason;
	self->has[0] = handoff_keys_parse(&result->key_tx, &self->keys[0]);
	self->has[1] = handoff_keys_parse(&result->key_rx, &self->keys[1]);
	keep(&self->fresh, result);
}

static inline struct conn_service_request request_of(struct test_self_service *self, int fd,
						     const struct sealed *sealed, uint8_t renew)
{
	self->done = false;
	return (struct conn_service_request){ .fd = fd,
					      .session = { sealed->bytes, sealed->len },
					      .renew = renew,
					      .admit = admit,
					      .done = on_done,
					      .arg = self };
}

static inline void run(struct test_self_service *self, const struct conn_service_request *request)
{
	struct conn *c;
	int r = conn_service_start(self->conns.loop, request, &c);

	if (r < 0) {
		self->done = true;
		self->reason = (enum ktls_reason)(-r);
		return;
	}
	for (int i = 0; i < 10000 && !self->done; i++) {
		conn_loop_run(self->conns.loop);
		if (!self->done)
			usleep(100);
	}
	ASSERT_TRUE(self->done);
}

static inline void serve(struct test_self_service *self, int fd, const struct sealed *sealed,
			 uint8_t renew)
{
	const struct conn_service_request request = request_of(self, fd, sealed, renew);

	run(self, &request);
}

#define BOTH (HANDOFF_RENEW_TX | HANDOFF_RENEW_RX)

static inline void expect_same(const struct ktls_traffic_key *a, const struct ktls_traffic_key *b)
{
	EXPECT_MEMEQ(a->key, b->key, sizeof(a->key));
	EXPECT_MEMEQ(a->iv, b->iv, sizeof(a->iv));
	EXPECT_EQ(a->suite, b->suite);
}

#endif
