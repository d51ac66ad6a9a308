/* SPDX-License-Identifier: MIT */
/* Sealed sessions and services of ktls_open_embedded(), with a sealing key of the process. */
#include "lib/handoff/ops.h"
#include "lib/handoff/sealed.h"
#include "lib/handoff/service.h"
#include "tests/unit/embedded.h"

struct sealed {
	uint8_t bytes[HANDOFF_SESSION_MAX];
	size_t len;
};

/* The client's, of fd[0], and the server's. */
static struct sealed sealed[2];

static void keep(struct sealed *out, const struct ktls_span *session)
{
	ASSERT_LE(session->len, sizeof(out->bytes));
	if (session->len > 0)
		memcpy(out->bytes, session->bytes, session->len);
	out->len = session->len;
}

static void handshake(struct test_self_embedded *self, struct ktls *k, uint64_t records_max)
{
	uint64_t ids[2];

	ASSERT_EQ(0, ktls_start(k, self->fd[0], &as_client, &ids[0]));
	ASSERT_EQ(0, ktls_start(k, self->fd[1], &as_server, &ids[1]));
	for (int i = 0; i < 2; i++) {
		struct ktls_reply *reply = collect(k);
		struct sealed_header header;

		ASSERT_EQ(KTLS_OK, reply->reason);
		EXPECT_EQ(records_max, reply->records_max);
		EXPECT_EQ(30 * 86400, reply->session_age);
		keep(&sealed[reply->id == ids[1]], &reply->session);
		ASSERT_TRUE(sealed_header_parse(reply->session.bytes, reply->session.len, &header));
		EXPECT_EQ(reply->id == ids[1] ? KTLS_SERVER : KTLS_CLIENT, header.role);
		EXPECT_EQ(records_max, header.records_max);
		ktls_reply_free(reply);
	}
}

static enum ktls_reason serve(struct ktls *k, int fd, const struct sealed *s,
			      struct handoff_keys keys[2], struct sealed *fresh)
{
	struct handoff_service service = { .renew = HANDOFF_RENEW_TX | HANDOFF_RENEW_RX,
					   .session = { s->bytes, s->len } };
	enum ktls_reason reason;
	struct ktls_call *call;

	ASSERT_EQ(0, service_ask(k, fd, &service, &call));
	reason = call->reply.reason;
	EXPECT_EQ(reason == KTLS_OK, handoff_keys_parse(&call->key_tx, &keys[0]));
	EXPECT_EQ(reason == KTLS_OK, handoff_keys_parse(&call->key_rx, &keys[1]));
	keep(fresh, &call->reply.session);
	ktls_reply_free(&call->reply);
	return reason;
}

TEST_F(embedded, next_keys_of_both_ends_fit)
{
	struct handoff_keys client[2], server[2];
	struct ktls_traffic_key key;
	struct sealed fresh;

	handshake(self, self->k, 23726566);
	ASSERT_EQ(KTLS_OK, serve(self->k, self->fd[0], &sealed[0], client, &fresh));
	ASSERT_EQ(0, fake_kernel_get(self->fd[0], true, &key));
	EXPECT_MEMEQ(key.key, client[0].follows.key, sizeof(key.key));
	EXPECT_MEMEQ(key.iv, client[0].follows.iv, sizeof(key.iv));
	ASSERT_EQ(KTLS_OK, serve(self->k, self->fd[1], &sealed[1], server, &fresh));
	EXPECT_MEMEQ(&client[0], &server[1], sizeof(client[0]));
	EXPECT_MEMEQ(&client[1], &server[0], sizeof(client[0]));
	/* the kernel has the next one, and the fresh seal leads on */
	fake_kernel_set(self->fd[1], true, &server[0].next);
	ASSERT_EQ(KTLS_OK, serve(self->k, self->fd[1], &fresh, client, &fresh));
	EXPECT_MEMEQ(server[0].next.key, client[0].follows.key, sizeof(key.key));
}

TEST_F(embedded, seals_that_do_not_open)
{
	struct handoff_keys keys[2];
	struct sealed fresh, bent;
	struct ktls *other;

	handshake(self, self->k, 23726566);
	bent = sealed[0];
	bent.bytes[bent.len - 1] ^= 1;
	EXPECT_EQ(KTLS_R_SESSION_INVALID, serve(self->k, self->fd[0], &bent, keys, &fresh));
	bent.len = 5;
	EXPECT_EQ(KTLS_R_SESSION_INVALID, serve(self->k, self->fd[0], &bent, keys, &fresh));
	EXPECT_EQ(KTLS_R_SESSION_INVALID, serve(self->k, self->fd[1], &sealed[0], keys, &fresh));
	other = embedded_open(&self->config, self->conns.config.kernel, NULL);
	EXPECT_EQ(KTLS_R_SESSION_INVALID, serve(other, self->fd[0], &sealed[0], keys, &fresh));
	ktls_close(other);
	EXPECT_EQ(KTLS_OK, serve(self->k, self->fd[0], &sealed[0], keys, &fresh));
}

TEST_F(embedded, descriptor_that_is_none)
{
	struct handoff_service service = { .renew = 0 };
	struct ktls_call *call;

	EXPECT_EQ(-EBADF, service_ask(self->k, 9999, &service, &call));
}

/* Nobody hears the answers; they are gone with the next call, or with all. */
TEST_F(embedded, services_that_nobody_waits_for)
{
	struct handoff_service service = { .session = { sealed[0].bytes, 0 } };

	handshake(self, self->k, 23726566);
	for (int i = 0; i < 100; i++) {
		service.session.len = i % 3 == 0 ? 7 : sealed[0].len;
		service_tell(self->k, self->fd[0], &service);
	}
}

TEST_F(embedded, records_of_a_key)
{
	self->config.records_per_key = KTLS_RECORDS_PER_KEY_MIN;
	ktls_close(self->k);
	self->k = embedded_open(&self->config, self->conns.config.kernel, NULL);
	ASSERT_NOT_NULL(self->k);
	handshake(self, self->k, KTLS_RECORDS_PER_KEY_MIN);
}

TEST_F(embedded, too_few_records_of_a_key)
{
	self->config.records_per_key = KTLS_RECORDS_PER_KEY_MIN - 1;
	ktls_close(self->k);
	self->k = embedded_open(&self->config, self->conns.config.kernel, &self->error);
	EXPECT_NULL(self->k);
	EXPECT_EQ(KTLS_R_MISUSE, self->error.reason);
	EXPECT_STREQ("config: records_per_key is too small", self->error.text);
}

/* Without resumption there is no ticket to be kept, but keys are changed all the same. */
TEST_F(embedded, no_resumption)
{
	struct handoff_keys keys[2];
	struct sealed fresh;

	self->config.no_resumption = true;
	ktls_close(self->k);
	self->k = embedded_open(&self->config, self->conns.config.kernel, NULL);
	ASSERT_NOT_NULL(self->k);
	handshake(self, self->k, 23726566);
	EXPECT_EQ(KTLS_OK, serve(self->k, self->fd[0], &sealed[0], keys, &fresh));
}

TEST_HARNESS_MAIN
