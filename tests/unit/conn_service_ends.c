/* SPDX-License-Identifier: MIT */
/*
 * Sealed sessions and services: where there is none, how they fail, and what comes of tickets.
 */
#include "tests/unit/conn_service.h"

/* ---- what is sealed -------------------------------------------------------------------------- */

static void expect_sealed(const struct sealed *s, enum ktls_role role)
{
	struct sealed_header header;

	ASSERT_TRUE(sealed_header_parse(s->bytes, s->len, &header));
	EXPECT_EQ(role, header.role);
	EXPECT_EQ(KTLS_TLS_1_3, header.version);
	EXPECT_EQ(s->records_max, header.records_max);
	EXPECT_EQ(1000, header.session_age);
	EXPECT_EQ(1000, s->session_age);
}

TEST_F(service, header_says_what_the_library_needs)
{
	self->conns.profile.records_max = 12345;
	shake(self);
	expect_sealed(&self->sealed[0], KTLS_CLIENT);
	expect_sealed(&self->sealed[1], KTLS_SERVER);
	EXPECT_EQ(12345, self->sealed[0].records_max);
}

/* Whatever the profile says, no more than is good for the cipher. */
TEST_F(service, records_of_a_key)
{
	struct conn_profile profile = { .records_max = 0 };

	EXPECT_EQ(23726566, conn_records_max(&profile, KTLS_AES_128_GCM_SHA256));
	EXPECT_EQ(23726566, conn_records_max(&profile, KTLS_ECDHE_RSA_AES_256_GCM_SHA384));
	EXPECT_GT(conn_records_max(&profile, KTLS_CHACHA20_POLY1305_SHA256), UINT64_C(1) << 48);
	profile.records_max = 30000000;
	EXPECT_EQ(23726566, conn_records_max(&profile, KTLS_AES_256_GCM_SHA384));
	EXPECT_EQ(30000000, conn_records_max(&profile, KTLS_CHACHA20_POLY1305_SHA256));
	profile.records_max = 1;
	EXPECT_EQ(1, conn_records_max(&profile, KTLS_AES_256_GCM_SHA384));
}

/* No new keys, no tickets: nothing could be done with it. */
TEST_F(service, kernel_that_does_not_change_keys)
{
	self->conns.config.rekey = false;
	shake(self);
	EXPECT_EQ(0, self->sealed[0].len);
	EXPECT_EQ(0, self->sealed[1].len);
	EXPECT_EQ(0, self->sealed[0].session_age);
	EXPECT_EQ(23726566, self->sealed[1].records_max);
}

TEST_F(service, client_that_takes_tickets_there)
{
	self->conns.config.rekey = false;
	self->conns.config.sessions_max = 4;
	self->conns.config.sessions_bytes = 100000;
	shake(self);
	expect_sealed(&self->sealed[0], KTLS_CLIENT);
	EXPECT_EQ(0, self->sealed[1].len);
}

TEST_F(service, nothing_of_tls_1_2)
{
	self->conns.profile.version_min = KTLS_TLS_1_2;
	self->conns.profile.version_max = KTLS_TLS_1_2;
	shake(self);
	EXPECT_EQ(0, self->sealed[0].len);
	EXPECT_EQ(0, self->sealed[1].len);
	EXPECT_EQ(23726566, self->sealed[1].records_max);
}

TEST_F(service, nothing_without_a_sealer)
{
	self->conns.config.sealer = NULL;
	shake(self);
	EXPECT_EQ(0, self->sealed[0].len);
	serve(self, self->client.fd, &self->fresh, BOTH);
	EXPECT_EQ(KTLS_R_SESSION_INVALID, self->reason);
}

/* ---- seals that take their time -------------------------------------------------------------- */

static void start_later(struct test_self_service *self)
{
	self->later = true;
	conns_open(&self->conns);
	begin(self);
	for (int i = 0; i < 2000 && self->client.conn->stage != CONN_SEALING; i++) {
		conn_loop_run(self->conns.loop);
		usleep(500);
	}
	ASSERT_EQ(CONN_SEALING, self->client.conn->stage);
	EXPECT_FALSE(self->client.done);
}

/* Both are waiting: the token is that of the last to ask. */
static void finish_server(struct test_self_service *self)
{
	for (int i = 0; i < 2000 && self->server.conn->stage != CONN_SEALING; i++) {
		conn_loop_run(self->conns.loop);
		usleep(500);
	}
	self->later = false;
	conn_seal_done(self->conns.loop, self->server.conn->token, -KTLS_R_SIGNER, NULL, 0);
	ASSERT_TRUE(conns_run(&self->conns, self->both + 1, 1, 5000));
	EXPECT_EQ(KTLS_OK, self->server.result.reason);
	EXPECT_EQ(0, self->sealed[1].len);
}

TEST_F(service, seal_that_comes_later)
{
	struct sealed first;
	uint64_t token;

	start_later(self);
	first = self->pending;
	token = self->token;
	ASSERT_EQ(self->client.conn->token, token);
	finish_server(self);
	EXPECT_FALSE(self->client.done);
	conn_seal_done(self->conns.loop, token + 1, 0, first.bytes, first.len); /* another's */
	conn_ticket_done(self->conns.loop, token, first.bytes, first.len);      /* not that */
	conn_sign_done(self->conns.loop, token, 0, first.bytes, 64);
	EXPECT_EQ(CONN_SEALING, self->client.conn->stage);
	conn_seal_done(self->conns.loop, token, 0, first.bytes, first.len);
	conn_seal_done(self->conns.loop, token, 0, first.bytes, first.len); /* too late */
	ASSERT_TRUE(conns_run(&self->conns, self->both, 1, 5000));
	ASSERT_EQ(KTLS_OK, self->client.result.reason);
	ASSERT_EQ(first.len, self->sealed[0].len);
	serve(self, self->client.fd, &self->sealed[0], BOTH);
	EXPECT_EQ(KTLS_OK, self->reason);
}

/* The keys are in the kernel: it has succeeded, and no alert may be sent. */
TEST_F(service, cancelled_while_it_is_sealed)
{
	start_later(self);
	conn_cancel(self->client.conn, KTLS_R_CANCELLED);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 1, 5000));
	EXPECT_EQ(KTLS_OK, self->client.result.reason);
	EXPECT_EQ(KTLS_ALERT_NONE, self->client.result.alert);
	EXPECT_EQ(0, self->sealed[0].len);
	finish_server(self);
}

TEST_F(service, deadline_while_it_is_sealed)
{
	self->conns.config.timeout_ms = 500;
	start_later(self);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 2, 5000));
	EXPECT_EQ(KTLS_OK, self->client.result.reason);
	EXPECT_EQ(KTLS_OK, self->server.result.reason);
	EXPECT_EQ(0, self->sealed[0].len);
}

TEST_F(service, abandoned_while_it_is_sealed)
{
	start_later(self);
	conn_abandon(self->client.conn);
	ASSERT_TRUE(conns_run(&self->conns, self->both, 1, 5000));
	EXPECT_EQ(KTLS_R_CANCELLED, self->client.result.reason);
	finish_server(self);
}

TEST_F(service, freed_while_it_is_sealed)
{
	start_later(self);
	conn_loop_free(self->conns.loop);
	self->conns.loop = NULL;
	EXPECT_FALSE(self->client.done);
}

/* ---- services that fail ---------------------------------------------------------------------- */

static void expect_refused(struct test_self_service *self, int fd, const struct sealed *s,
			   enum ktls_reason reason)
{
	serve(self, fd, s, BOTH);
	EXPECT_STREQ(ktls_reason_name((int)reason), ktls_reason_name((int)self->reason));
	EXPECT_FALSE(self->has[0] || self->has[1]);
}

TEST_F(service, seals_that_are_none)
{
	struct sealed bent;

	shake(self);
	bent = self->sealed[0];
	for (bent.len = 0; bent.len < self->sealed[0].len; bent.len++)
		expect_refused(self, self->client.fd, &bent, KTLS_R_SESSION_INVALID);
	for (size_t i = 0; i < bent.len; i++) {
		bent.bytes[i] ^= (uint8_t)(1 << i % 8);
		expect_refused(self, self->client.fd, &bent, KTLS_R_SESSION_INVALID);
		bent.bytes[i] ^= (uint8_t)(1 << i % 8);
	}
	serve(self, self->client.fd, &bent, BOTH);
	EXPECT_EQ(KTLS_OK, self->reason);
}

TEST_F(service, sockets_that_are_others)
{
	int pair[2];

	shake(self);
	expect_refused(self, self->server.fd, &self->sealed[0], KTLS_R_SESSION_INVALID);
	expect_refused(self, self->client.fd, &self->sealed[1], KTLS_R_SESSION_INVALID);
	ASSERT_EQ(0, pipe(pair));
	expect_refused(self, pair[0], &self->sealed[0], KTLS_R_SESSION_INVALID);
	close(pair[0]);
	close(pair[1]);
	tcp_pair(pair, 0);
	expect_refused(self, pair[0], &self->sealed[0], KTLS_R_SESSION_INVALID);
	close(pair[0]);
	close(pair[1]);
	pair[0] = dup(self->client.fd); /* the same socket */
	serve(self, pair[0], &self->sealed[0], BOTH);
	EXPECT_EQ(KTLS_OK, self->reason);
	close(pair[0]);
}

TEST_F(service, user_who_may_not)
{
	shake(self);
	self->admits = KTLS_R_PROFILE_DENIED;
	expect_refused(self, self->client.fd, &self->sealed[0], KTLS_R_PROFILE_DENIED);
}

TEST_F(service, too_many)
{
	self->conns.config.handshakes_max = 2;
	shake(self);
	self->conns.loop->count += 2;
	expect_refused(self, self->client.fd, &self->sealed[0], KTLS_R_TOO_MANY);
	self->conns.loop->count -= 2;
}

/* Opened, and then the signer is gone. */
static struct conn *put_off(struct test_self_service *self, uint32_t timeout_ms)
{
	struct conn_service_request request =
		request_of(self, self->client.fd, &self->sealed[0], BOTH);
	struct conn *c;

	request.timeout_ms = timeout_ms;
	self->later = true;
	ASSERT_EQ(0, conn_service_start(self->conns.loop, &request, &c));
	EXPECT_EQ(CONN_SERVICE, c->stage);
	return c;
}

static void wait_for_end(struct test_self_service *self)
{
	for (int i = 0; i < 2000 && !self->done; i++) {
		conn_loop_run(self->conns.loop);
		usleep(500);
	}
	ASSERT_TRUE(self->done);
	EXPECT_FALSE(self->has[0] || self->has[1]);
	EXPECT_EQ(0, self->fresh.len);
}

TEST_F(service, ends_of_services)
{
	struct conn *c;

	shake(self);
	conn_cancel(put_off(self, 0), KTLS_R_CANCELLED);
	wait_for_end(self);
	EXPECT_EQ(KTLS_R_CANCELLED, self->reason);
	put_off(self, 20);
	wait_for_end(self);
	EXPECT_EQ(KTLS_R_DEADLINE, self->reason);
	c = put_off(self, 0);
	conn_seal_done(self->conns.loop, c->token, -KTLS_R_SIGNER, NULL, 0);
	wait_for_end(self);
	EXPECT_EQ(KTLS_R_SIGNER, self->reason);
	c = put_off(self, 0);
	conn_seal_done(self->conns.loop, c->token, 0, self->pending.bytes, 0);
	wait_for_end(self);
	EXPECT_NE(KTLS_OK, self->reason);
	conn_abandon(put_off(self, 0));
	wait_for_end(self);
	put_off(self, 0);
	conn_loop_free(self->conns.loop); /* without a word */
	self->conns.loop = NULL;
	EXPECT_FALSE(self->done);
}

/* A loop that owns descriptors closes them before it says so, unless it has not taken them. */
TEST_F(service, descriptors)
{
	struct conn_service_request request;
	int descriptors, fd;
	struct conn *c;

	shake(self);
	conn_loop_free(self->conns.loop);
	self->conns.config.closers = 1;
	conns_open(&self->conns);
	descriptors = open_descriptors();
	for (int i = 0; i < 50; i++) {
		fd = dup(self->client.fd);
		serve(self, fd, &self->sealed[i % 2], BOTH);
		EXPECT_EQ(i % 2 ? KTLS_R_SESSION_INVALID : KTLS_OK, self->reason);
		EXPECT_EQ(descriptors, open_descriptors());
	}
	fd = dup(self->client.fd);
	request = request_of(self, fd, &self->fresh, BOTH);
	EXPECT_EQ(-KTLS_R_SESSION_INVALID, conn_service_start(self->conns.loop, &request, &c));
	EXPECT_EQ(0, close(fd));
}

/* ---- tickets --------------------------------------------------------------------------------- */

static const uint8_t ticket[] = { 4, 0, 0, 20, 0, 0,   14,  16,  1,   2,   3, 4,
				  2, 0, 0, 0,  5, 't', 'i', 'c', 'k', '!', 0, 0 };

_Static_assert(sizeof(ticket) == 24, "a NewSessionTicket of twenty bytes");

static void give_ticket(struct test_self_service *self, int fd, const struct sealed *s,
			const uint8_t *bytes, size_t len)
{
	struct conn_service_request request = request_of(self, fd, s, 0);

	request.ticket = (struct ktls_span){ bytes, len };
	run(self, &request);
}

static void keep_sessions(struct test_self_service *self)
{
	self->conns.config.sessions_max = 4;
	self->conns.config.sessions_bytes = 100000;
	shake(self);
}

TEST_F(service, tickets_are_kept)
{
	keep_sessions(self);
	give_ticket(self, self->client.fd, &self->sealed[0], ticket, sizeof(ticket));
	ASSERT_EQ(KTLS_OK, self->reason);
	EXPECT_EQ(1, session_store_count(self->conns.loop->sessions));
	EXPECT_GT(self->fresh.len, 0);

	give_ticket(self, self->client.fd, &self->fresh, ticket, sizeof(ticket));
	EXPECT_EQ(2, session_store_count(self->conns.loop->sessions));
}

/* The kernel has no keys then, and nobody has the descriptor: the seal and its socket's cookie do.
 */
TEST_F(service, tickets_of_relays)
{
	struct conn_service_request request;

	keep_sessions(self);
	request = request_of(self, -1, &self->sealed[0], 0);
	request.relayed = true;
	request.ticket = (struct ktls_span){ ticket, sizeof(ticket) };
	ASSERT_TRUE(conn_cookie(self->client.fd, &request.cookie));
	run(self, &request);
	ASSERT_EQ(KTLS_OK, self->reason);
	EXPECT_EQ(1, session_store_count(self->conns.loop->sessions));
	EXPECT_EQ(0, self->fresh.len);
	EXPECT_FALSE(self->has[0] || self->has[1]);

	self->done = false;
	request.ticket.len--;
	run(self, &request);
	EXPECT_EQ(KTLS_R_MESSAGE_MALFORMED, self->reason);
	self->done = false;
	request.ticket.len++;
	request.cookie++;
	run(self, &request);
	EXPECT_EQ(KTLS_R_SESSION_INVALID, self->reason);
	EXPECT_EQ(1, session_store_count(self->conns.loop->sessions));
}

TEST_F(service, tickets_that_are_none)
{
	keep_sessions(self);
	for (size_t i = 1; i < sizeof(ticket); i++) {
		give_ticket(self, self->client.fd, &self->sealed[0], ticket, i);
		EXPECT_EQ(KTLS_R_MESSAGE_MALFORMED, self->reason);
	}
	EXPECT_EQ(0, session_store_count(self->conns.loop->sessions));
	give_ticket(self, self->server.fd, &self->sealed[1], ticket, sizeof(ticket));
	EXPECT_EQ(KTLS_R_REQUEST_VALUE, self->reason);
}

/* Whom the profile believes has changed since: nothing that was believed then counts. */
TEST_F(service, tickets_of_another_policy)
{
	keep_sessions(self);
	self->conns.profile.policy[0] ^= 1;
	give_ticket(self, self->client.fd, &self->sealed[0], ticket, sizeof(ticket));
	EXPECT_EQ(KTLS_OK, self->reason);
	EXPECT_EQ(0, session_store_count(self->conns.loop->sessions));
}

TEST_F(service, tickets_where_none_are_kept)
{
	shake(self);
	give_ticket(self, self->client.fd, &self->sealed[0], ticket, sizeof(ticket));
	EXPECT_EQ(KTLS_OK, self->reason);
}

/* A chain that is too long for a seal: keys go on, tickets are dropped. */
TEST(chain_that_does_not_fit)
{
	static struct test_self_service all;
	struct test_self_service *self = &all;

	conns_init(&self->conns, true);
	self->conns.profile.name = "web";
	self->seals = own_seals_new();
	self->sealer = (struct conn_sealer){ seal, open_sealed, self };
	self->conns.config.sealer = &self->sealer;
	self->conns.config.rekey = true;
	self->both[0] = &self->client;
	self->both[1] = &self->server;
	open_pair(&self->client, &self->server, 0);
	keep_sessions(self);
	ASSERT_GT(self->sealed[0].len, 0);
	EXPECT_LT(self->sealed[0].len, 512);
	give_ticket(self, self->client.fd, &self->sealed[0], ticket, sizeof(ticket));
	EXPECT_EQ(KTLS_OK, self->reason);
	EXPECT_EQ(0, session_store_count(self->conns.loop->sessions));
	conns_wipe(&self->conns);
	own_seals_free(self->seals);
	close(self->client.fd);
	close(self->server.fd);
}

TEST_HARNESS_MAIN
