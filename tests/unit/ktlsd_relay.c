/* SPDX-License-Identifier: MIT */
/* Connections whose records ktlsd's relays carry: what comes with them, and what they are like. */
#include <arpa/inet.h>

#include "tests/unit/ktlsd_relay.h"

FIXTURE_SETUP(relays)
{
	open_relays(self, "workers = 1\nlog = stderr\n");
}

FIXTURE_TEARDOWN(relays)
{
	close_relays(self);
}

/* ---- the reply ------------------------------------------------------------------------------- */

/* The addresses of a TCP socket, while it is one. */
struct names {
	struct sockaddr_storage local, peer;
	socklen_t len;
};

static void ask_names(int fd, struct names *names)
{
	names->len = sizeof(names->local);
	ASSERT_EQ(0, getsockname(fd, (struct sockaddr *)&names->local, &names->len));
	names->len = sizeof(names->peer);
	ASSERT_EQ(0, getpeername(fd, (struct sockaddr *)&names->peer, &names->len));
}

static void come_with_the_reply(struct test_self_relays *self)
{
	int before = open_descriptors();
	struct names names[2];

	for (size_t i = 0; i < 2; i++)
		ask_names(self->fd[i], &names[i]);
	hand_over(self);
	expect_relayed(self);
	EXPECT_EQ(before, open_descriptors());
	for (size_t i = 0; i < 2; i++) {
		ASSERT_NOT_NULL(self->reply[i]->local);
		ASSERT_NOT_NULL(self->reply[i]->peer);
		EXPECT_EQ(0, memcmp(self->reply[i]->local, &names[i].local, names[i].len));
		EXPECT_EQ(0, memcmp(self->reply[i]->peer, &names[i].peer, names[i].len));
		EXPECT_NOT_NULL(strstr(self->reply[i]->text, "a relay has the records"));
	}
	expect_carried(self);
	EXPECT_TRUE(daemon_logged(&self->daemon, "tx=relay rx=relay"));
}

TEST_F(relays, come_with_the_reply)
{
	struct ktls_info info;

	ktls_get_info(self->k, &info);
	EXPECT_TRUE(info.capabilities & KTLS_CAN_RELAY);
	tcp_pair(self->fd, 0);
	come_with_the_reply(self);
}

TEST_F(relays, of_IPv6)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) < 0) {
		if (listener >= 0)
			close(listener);
		SKIP(return, "no IPv6 here");
	}
	ASSERT_EQ(0, listen(listener, 1));
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&address, &len));
	self->fd[1] = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(0, connect(self->fd[1], (struct sockaddr *)&address, len));
	self->fd[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	come_with_the_reply(self);
}

TEST_F(relays, keep_flags_of_descriptors)
{
	tcp_pair(self->fd, 0);
	ASSERT_EQ(0, fcntl(self->fd[0], F_SETFD, 0));
	ASSERT_EQ(0, fcntl(self->fd[1], F_SETFL, O_RDWR | O_NONBLOCK));
	hand_over(self);
	expect_relayed(self);
	EXPECT_EQ(0, fcntl(self->fd[0], F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd[1], F_GETFD));
	EXPECT_FALSE(fcntl(self->fd[0], F_GETFL) & O_NONBLOCK);
	EXPECT_TRUE(fcntl(self->fd[1], F_GETFL) & O_NONBLOCK);
}

/* Somebody else has the number now, and keeps it. */
TEST_F(relays, leave_numbers_alone_that_were_closed)
{
	int other;

	tcp_pair(self->fd, 0);
	for (size_t i = 0; i < 2; i++) {
		struct ktls_params params = as[i];

		params.arg = &self->reply[i];
		ASSERT_EQ(0, ktls_start(self->k, self->fd[i], &params, NULL));
	}
	other = open("/dev/null", O_RDWR | O_CLOEXEC);
	ASSERT_EQ(self->fd[0], dup2(other, self->fd[0]));
	close(other);
	for (size_t i = 0; i < 2; i++) {
		struct ktls_reply *reply = collect(self->k);

		*(struct ktls_reply **)reply->arg = reply;
	}
	EXPECT_STREQ("SOCKET_NOT_SOCKET", ktls_reason_name((int)self->reply[0]->reason));
	EXPECT_EQ(KTLS_STATE_NONE, self->reply[0]->tx);
	EXPECT_EQ(1, write(self->fd[0], "x", 1)); /* into nothing */
	EXPECT_STREQ("OK", ktls_reason_name((int)self->reply[1]->reason));
}

/* ---- tickets --------------------------------------------------------------------------------- */

/* Tickets come when the handshake is over: the relay has them, and a worker keeps them. */
static bool resumes(struct test_self_relays *self)
{
	for (int i = 0; i < 100; i++) {
		connect_relayed(self);
		expect_carried(self);
		if (self->reply[1]->resumed)
			return true;
		usleep(20000);
	}
	return false;
}

TEST_F(relays, clients_resume)
{
	connect_relayed(self);
	EXPECT_FALSE(self->reply[1]->resumed);
	EXPECT_TRUE(resumes(self));
	EXPECT_TRUE(self->reply[0]->resumed);
	/* That connection has had tickets, too. */
	EXPECT_TRUE(resumes(self));
}

/* ---- requests and profiles ------------------------------------------------------------------- */

static enum ktls_reason ask(struct test_self_relays *self, enum ktls_records records,
			    const char *profile, enum ktls_state *tx)
{
	struct ktls_params params = as[1];
	struct ktls_reply *reply;
	enum ktls_reason reason;

	tcp_pair(self->fd, 0);
	params.records = records;
	params.profile = profile;
	params.deadline_ms = 200;
	ASSERT_EQ(0, ktls_handshake(self->k, self->fd[1], &params, &reply));
	reason = reply->reason;
	*tx = reply->tx;
	ktls_reply_free(reply);
	close(self->fd[0]);
	close(self->fd[1]);
	self->fd[0] = self->fd[1] = -1;
	return reason;
}

/* Never silently: who requires the kernel gets the kernel, or what it says. */
TEST_F(relays, are_never_chosen_for_those_who_require_the_kernel)
{
	struct ktls_info info;
	enum ktls_reason expected;
	enum ktls_state tx;

	ktls_get_info(self->k, &info);
	expected = info.capabilities & KTLS_CAN_TLS_1_3_AES_128_GCM ? KTLS_R_DEADLINE
								    : KTLS_R_KERNEL_NO_TLS;
	EXPECT_EQ(expected, ask(self, KTLS_RECORDS_REQUIRE_KERNEL, NULL, &tx));
	EXPECT_EQ(KTLS_STATE_NONE, tx);
	EXPECT_EQ(expected, ask(self, KTLS_RECORDS_PREFER_KERNEL, "kernel", &tx));
	EXPECT_EQ(KTLS_STATE_NONE, tx);
	EXPECT_EQ(KTLS_R_DEADLINE, ask(self, KTLS_RECORDS_PREFER_KERNEL, NULL, &tx));
}

/* The kernel, if it can; its own word is in the reply if it cannot. */
TEST_F(relays, are_chosen_where_the_kernel_cannot)
{
	struct ktls_info info;
	bool can;

	ktls_get_info(self->k, &info);
	can = info.capabilities & KTLS_CAN_TLS_1_3_AES_128_GCM;
	self->profile = "either";
	tcp_pair(self->fd, 0);
	hand_over(self);
	for (size_t i = 0; i < 2; i++) {
		ASSERT_STREQ("OK", ktls_reason_name((int)self->reply[i]->reason));
		EXPECT_EQ(can ? KTLS_STATE_SW : KTLS_STATE_RELAY, self->reply[i]->tx);
		EXPECT_EQ(!can, relayed_is(self->fd[i]));
		EXPECT_EQ(!can, strstr(self->reply[i]->text, "TCP_ULP: ") != NULL);
	}
}

/* ---- streams --------------------------------------------------------------------------------- */

/* Each end writes, says that it has done so, and goes on reading. */
TEST_F(relays, half_close)
{
	char byte;
	uint8_t alert;

	connect_relayed(self);
	for (size_t i = 0; i < 2; i++) {
		expect_carried(self);
		ASSERT_EQ(3, send(self->fd[0], "end", 3, MSG_NOSIGNAL));
		EXPECT_EQ(KTLS_OK, relayed_end(self->fd[1], &alert));
		ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
		for (size_t k = 0; k < 3; k++)
			ASSERT_EQ(1, recv(self->fd[1], &byte, 1, 0));
		EXPECT_EQ(0, recv(self->fd[1], &byte, 1, 0));
		EXPECT_EQ(KTLS_R_PEER_CLOSE_NOTIFY, relayed_end(self->fd[1], &alert));
		ASSERT_EQ(1, send(self->fd[1], "y", 1, MSG_NOSIGNAL));
		ASSERT_EQ(1, recv(self->fd[0], &byte, 1, 0));
		EXPECT_EQ('y', byte);
		connect_relayed(self);
	}
}

/* Whoever closes with data unread or unsent does what TCP does: the other end gets it all. */
TEST_F(relays, deliver_what_was_written_before_a_close)
{
	char buf[4096] = "";
	size_t sent = 0, got = 0;
	ssize_t n;

	connect_relayed(self);
	ASSERT_EQ(0, fcntl(self->fd[0], F_SETFL, O_RDWR | O_NONBLOCK));
	for (n = send(self->fd[0], buf, sizeof(buf), MSG_NOSIGNAL); n > 0;
	     n = send(self->fd[0], buf, sizeof(buf), MSG_NOSIGNAL)) {
		sent += (size_t)n;
		usleep(100);
	}
	EXPECT_EQ(EAGAIN, errno); /* backpressure */
	close(self->fd[0]);
	self->fd[0] = -1;
	for (n = recv(self->fd[1], buf, sizeof(buf), 0); n > 0;
	     n = recv(self->fd[1], buf, sizeof(buf), 0))
		got += (size_t)n;
	EXPECT_EQ(0, n);
	EXPECT_EQ(sent, got);
	EXPECT_GT(sent, 100000);
}

TEST_HARNESS_MAIN
