/* SPDX-License-Identifier: MIT */
/*
 * What workers ask the netlink role: the messages, and a worker's side of it with the test as the
 * role: order, answers that nobody asked for, and a link that is lost.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/worker.h"
#include "lib/crypto/util.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"

/* ---- messages -------------------------------------------------------------------------------- */

static const struct route_question question = {
	.netns = 0x0102030405060708,
	.flow = { .local = { 10, 0, 0, 1 },
		  .peer = { 10, 0, 0, 2 },
		  .mark = 7,
		  .bound_to = 3,
		  .family = AF_INET },
};

TEST(questions_come_through)
{
	uint8_t bytes[ROUTE_QUESTION_LEN];
	struct route_question out;
	struct writer w;
	struct reader r;

	writer_init(&w, bytes, sizeof(bytes));
	route_question_write(&w, &question);
	ASSERT_TRUE(writer_ok(&w));
	ASSERT_EQ(ROUTE_QUESTION_LEN, w.len);
	reader_init(&r, bytes, sizeof(bytes));
	ASSERT_TRUE(route_question_read(&r, &out));
	EXPECT_TRUE(reader_empty(&r));
	EXPECT_EQ(question.netns, out.netns);
	EXPECT_MEMEQ(&question.flow, &out.flow, sizeof(out.flow));
	for (size_t len = 0; len < sizeof(bytes); len++) {
		reader_init(&r, bytes, len);
		EXPECT_FALSE(route_question_read(&r, &out));
	}
	bytes[11] = AF_UNIX; /* the family */
	reader_init(&r, bytes, sizeof(bytes));
	EXPECT_FALSE(route_question_read(&r, &out));
}

TEST(answers_come_through)
{
	const struct conn_route route = { KTLS_NO_HW_STACKED, KTLS_NO_HW_BOND, "nic0.5", true };
	uint8_t bytes[ROUTE_ANSWER_LEN];
	struct conn_route out = { 0 };
	struct writer w;
	struct reader r;

	writer_init(&w, bytes, sizeof(bytes));
	route_answer_write(&w, &route);
	ASSERT_EQ(ROUTE_ANSWER_LEN, w.len);
	for (size_t len = 0; len < sizeof(bytes); len++) {
		reader_init(&r, bytes, len);
		EXPECT_FALSE(route_answer_read(&r, &out));
	}
	reader_init(&r, bytes, sizeof(bytes));
	ASSERT_TRUE(route_answer_read(&r, &out));
	EXPECT_EQ(KTLS_NO_HW_STACKED, out.tx);
	EXPECT_EQ(KTLS_NO_HW_BOND, out.rx);
	EXPECT_STREQ("nic0.5", out.device);
	EXPECT_TRUE(out.untold);
	bytes[18] = 2;
	reader_init(&r, bytes, sizeof(bytes));
	EXPECT_FALSE(route_answer_read(&r, &out));
	bytes[18] = 0;
	reader_init(&r, bytes, sizeof(bytes));
	ASSERT_TRUE(route_answer_read(&r, &out));
	EXPECT_FALSE(out.untold);
	bytes[1] = KTLS_NO_HW_BOND + 1;
	reader_init(&r, bytes, sizeof(bytes));
	EXPECT_FALSE(route_answer_read(&r, &out));
	bytes[1] = 0;
	memset(bytes + 2, 'x', 16); /* a name without an end */
	reader_init(&r, bytes, sizeof(bytes));
	EXPECT_FALSE(route_answer_read(&r, &out));
}

TEST(questions_of_sockets_come_through)
{
	const struct look_question asked = {
		.netns = question.netns,
		.socket = { .flow = question.flow,
			    .local_port = 0x1234,
			    .peer_port = 0x5678,
			    .cookie = 0x1122334455667788 },
	};
	uint8_t bytes[LOOK_QUESTION_LEN];
	struct look_question out;
	struct writer w;
	struct reader r;

	writer_init(&w, bytes, sizeof(bytes));
	look_question_write(&w, &asked);
	ASSERT_TRUE(writer_ok(&w));
	ASSERT_EQ(LOOK_QUESTION_LEN, w.len);
	for (size_t len = 0; len < sizeof(bytes); len++) {
		reader_init(&r, bytes, len);
		EXPECT_FALSE(look_question_read(&r, &out));
	}
	reader_init(&r, bytes, sizeof(bytes));
	ASSERT_TRUE(look_question_read(&r, &out));
	EXPECT_EQ(asked.netns, out.netns);
	EXPECT_MEMEQ(&asked.socket.flow, &out.socket.flow, sizeof(out.socket.flow));
	EXPECT_EQ(0x1234, out.socket.local_port);
	EXPECT_EQ(0x5678, out.socket.peer_port);
	EXPECT_EQ(asked.socket.cookie, out.socket.cookie);
}

TEST(verdicts_come_through)
{
	const struct conn_verdict verdict = { .tx = KTLS_STATE_HW,
					      .rx = KTLS_STATE_SW,
					      .rx_no_hw = KTLS_NO_HW_REFUSED };
	uint8_t bytes[LOOK_ANSWER_LEN];
	struct conn_verdict out = { .tx = KTLS_STATE_NONE };
	struct writer w;
	struct reader r;

	writer_init(&w, bytes, sizeof(bytes));
	look_answer_write(&w, &verdict);
	ASSERT_EQ(LOOK_ANSWER_LEN, w.len);
	for (size_t len = 0; len < sizeof(bytes); len++) {
		reader_init(&r, bytes, len);
		EXPECT_FALSE(look_answer_read(&r, &out));
	}
	reader_init(&r, bytes, sizeof(bytes));
	ASSERT_TRUE(look_answer_read(&r, &out));
	EXPECT_EQ(KTLS_STATE_HW, out.tx);
	EXPECT_EQ(KTLS_STATE_SW, out.rx);
	EXPECT_EQ(KTLS_NO_HW_REFUSED, out.rx_no_hw);
}

/* States that are none, reasons that are none, a device in spite of one, none without one. */
TEST(verdicts_that_are_none)
{
	static const uint8_t bad[][2] = {
		{ KTLS_STATE_NONE, 0 },
		{ KTLS_STATE_RELAY, KTLS_NO_HW_RELAY },
		{ KTLS_STATE_SW, KTLS_NO_HW_BOND + 1 },
		{ KTLS_STATE_HW, KTLS_NO_HW_REFUSED },
		{ KTLS_STATE_SW, KTLS_NO_HW_NONE },
	};
	struct conn_verdict out;
	struct reader r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const uint8_t bytes[] = { bad[i][0], bad[i][1], KTLS_STATE_HW, 0 };

		reader_init(&r, bytes, sizeof(bytes));
		EXPECT_FALSE(look_answer_read(&r, &out));
	}
}

/* ---- a worker -------------------------------------------------------------------------------- */

FIXTURE(routes)
{
	struct worker *w;
	int role; /* our end */
	int fd[2];
};

FIXTURE_SETUP(routes)
{
	const struct conn_config config = { .handshakes_max = 4, .pool_max = 65536 };
	int pair[2];

	ASSERT_EQ(0, crypto_init());
	self->w = calloc(1, sizeof(*self->w));
	ASSERT_NOT_NULL(self->w);
	self->w->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_EQ(0, conn_loop_new(&config, &self->w->loop));
	netlink_init(self->w);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	self->role = pair[0];
	netlink_adopt(self->w, pair[1]);
	tcp_pair(self->fd, 0);
}

FIXTURE_TEARDOWN(routes)
{
	conn_loop_free(self->w->loop);
	close(self->w->epoll);
	close(self->role);
	close(self->fd[0]);
	close(self->fd[1]);
	if (self->w->netlink.watch.fd >= 0)
		close(self->w->netlink.watch.fd);
	while (self->w->netlink.sent.head) {
		struct route_job *job = self->w->netlink.sent.head;

		self->w->netlink.sent.head = job->next;
		free(job);
	}
	free(self->w);
}

static int ask(struct test_self_routes *self, uint64_t token, struct conn_route *out)
{
	const struct conn_router *router = &self->w->router;

	return router->find(router->arg, token, self->fd[0], out);
}

static void run(struct test_self_routes *self)
{
	struct epoll_event events[4];
	int n = epoll_wait(self->w->epoll, events, 4, 0);

	for (int i = 0; i < n; i++) {
		struct watch *watch = events[i].data.ptr;

		watch->ready(watch, events[i].events);
	}
}

static void expect_question(struct test_self_routes *self, uint64_t token)
{
	uint8_t bytes[128];
	struct route_question out;
	struct reader r;
	uint64_t got;
	uint8_t type;
	ssize_t n = recv(self->role, bytes, sizeof(bytes), MSG_DONTWAIT);

	ASSERT_EQ(1 + 8 + ROUTE_QUESTION_LEN, n);
	reader_init(&r, bytes, (size_t)n);
	ASSERT_TRUE(reader_u8(&r, &type) && reader_u64(&r, &got) && route_question_read(&r, &out));
	EXPECT_EQ(CHANNEL_ROUTE, type);
	EXPECT_EQ(token, got);
	EXPECT_MEMEQ("\x7f\0\0\1", out.flow.peer, 4);
}

static void send_answer(struct test_self_routes *self, uint64_t token)
{
	const struct channel far = { .fd = self->role };
	const struct conn_route route = { .tx = KTLS_NO_HW_STACKED, .rx = KTLS_NO_HW_STACKED };
	struct channel_message m;

	channel_begin(&m, CHANNEL_ROUTED);
	writer_u64(&m.body, token);
	route_answer_write(&m.body, &route);
	ASSERT_EQ(0, channel_send(&far, &m, CHANNEL_FD_NONE));
}

TEST_F(routes, are_asked_in_order)
{
	struct conn_route route;

	for (uint64_t token = 1; token <= 3; token++)
		ASSERT_EQ(KTLS_ENGINE_PENDING, ask(self, token, &route));
	for (uint64_t token = 1; token <= 3; token++) {
		expect_question(self, token);
		send_answer(self, token);
	}
	run(self);
	EXPECT_NULL(self->w->netlink.sent.head);
	EXPECT_GE(self->w->netlink.watch.fd, 0);
}

/* More than the channel has room for wait. */
TEST_F(routes, wait_for_room)
{
	struct conn_route route;
	uint64_t token = 0, n;

	while (!self->w->netlink.waiting.head)
		ASSERT_EQ(KTLS_ENGINE_PENDING, ask(self, ++token, &route));
	for (n = 1; n <= token; n++) {
		run(self);
		expect_question(self, n);
		send_answer(self, n);
	}
	run(self);
	EXPECT_NULL(self->w->netlink.waiting.head);
	EXPECT_NULL(self->w->netlink.sent.head);
}

TEST_F(routes, answers_out_of_order_end_it)
{
	struct conn_route route;

	ASSERT_EQ(KTLS_ENGINE_PENDING, ask(self, 1, &route));
	ASSERT_EQ(KTLS_ENGINE_PENDING, ask(self, 2, &route));
	send_answer(self, 2);
	run(self);
	EXPECT_EQ(-1, self->w->netlink.watch.fd);
	EXPECT_NULL(self->w->netlink.sent.head);
	EXPECT_EQ(0, ask(self, 3, &route));
	EXPECT_EQ(KTLS_NO_HW_MAY_NOT_LOOK, route.tx);
}

TEST_F(routes, answers_that_nobody_asked_for_end_it)
{
	send_answer(self, 1);
	run(self);
	EXPECT_EQ(-1, self->w->netlink.watch.fd);
}

TEST_F(routes, a_new_link_takes_the_place_of_the_old)
{
	struct conn_route route;
	int pair[2];

	ASSERT_EQ(KTLS_ENGINE_PENDING, ask(self, 1, &route));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	netlink_adopt(self->w, pair[1]);
	EXPECT_NULL(self->w->netlink.sent.head);
	close(self->role);
	self->role = pair[0];
	ASSERT_EQ(KTLS_ENGINE_PENDING, ask(self, 2, &route));
	expect_question(self, 2);
	send_answer(self, 2);
	run(self);
	EXPECT_NULL(self->w->netlink.sent.head);
}

/* ---- who has the records --------------------------------------------------------------------- */

static int look(struct test_self_routes *self, uint64_t token, struct conn_verdict *out)
{
	const struct conn_router *router = &self->w->router;

	return router->look(router->arg, token, self->fd[0], out);
}

TEST_F(routes, sockets_are_asked_about_in_the_same_order)
{
	const struct channel far = { .fd = self->role };
	const struct conn_verdict verdict = { .tx = KTLS_STATE_HW, .rx = KTLS_STATE_HW };
	struct conn_verdict none;
	struct conn_route route;
	struct channel_message m;
	uint8_t bytes[128];

	ASSERT_EQ(KTLS_ENGINE_PENDING, ask(self, 1, &route));
	ASSERT_EQ(KTLS_ENGINE_PENDING, look(self, 2, &none));
	expect_question(self, 1);
	ASSERT_EQ(1 + 8 + LOOK_QUESTION_LEN, recv(self->role, bytes, sizeof(bytes), MSG_DONTWAIT));
	EXPECT_EQ(CHANNEL_LOOK, bytes[0]);
	EXPECT_EQ(2, bytes[8]);
	send_answer(self, 1);
	channel_begin(&m, CHANNEL_LOOKED);
	writer_u64(&m.body, 2);
	look_answer_write(&m.body, &verdict);
	ASSERT_EQ(0, channel_send(&far, &m, CHANNEL_FD_NONE));
	run(self);
	EXPECT_NULL(self->w->netlink.sent.head);
	EXPECT_GE(self->w->netlink.watch.fd, 0);
}

/* A route is no answer to who has the records. */
TEST_F(routes, answers_of_another_kind_end_it)
{
	struct conn_verdict verdict;

	ASSERT_EQ(KTLS_ENGINE_PENDING, look(self, 1, &verdict));
	send_answer(self, 1);
	run(self);
	EXPECT_EQ(-1, self->w->netlink.watch.fd);
	EXPECT_EQ(0, look(self, 2, &verdict));
	EXPECT_EQ(KTLS_STATE_UNKNOWN, verdict.tx);
	EXPECT_EQ(KTLS_NO_HW_MAY_NOT_LOOK, verdict.rx_no_hw);
}

TEST_HARNESS_MAIN
