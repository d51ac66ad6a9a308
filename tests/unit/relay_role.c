/* SPDX-License-Identifier: MIT */
/*
 * ktlsd's relay role, by what it sends to workers of its clients' tickets: how many, to whom, and
 * what becomes of data where there is nobody, or no room. The test is its supervisor, two workers
 * and all peers.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/bundle.h"
#include "daemon/carry.h"
#include "daemon/channel.h"
#include "daemon/relay.h"
#include "lib/crypto/util.h"
#include "lib/handoff/protocol.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

#define WAIT_MS 10000
#define SESSION "a sealed session"

/* A relayed connection. */
struct line {
	int peer, application;
	uint64_t cookie;
	struct ktls_traffic_key key; /* that the peer sends with */
};

FIXTURE(role)
{
	pid_t pid;
	struct channel supervisor, workers[2];
	struct line line[2];
	bool ready;
	int application; /* that came last; -1: none */
	/* of tickets that a worker was sent: the last one, and how many */
	uint64_t cookie;
	uint8_t session[HANDOFF_SESSION_MAX], message[CHANNEL_MAX];
	size_t session_len, message_len;
	unsigned int tickets;
};

/* ---- hearing it -------------------------------------------------------------------------------
 */

static int on_ready(void *arg, struct reader *body, int fd)
{
	struct test_self_role *self = arg;

	(void)body;
	(void)fd;
	self->ready = true;
	return 0;
}

static int on_held(void *arg, struct reader *body, int fd)
{
	(void)arg;
	(void)fd;
	return reader_skip(body, body->left) ? 0 : -EPROTO;
}

static int on_carried(void *arg, struct reader *body, int fd)
{
	struct test_self_role *self = arg;
	uint64_t token;

	self->application = fd;
	return reader_u64(body, &token) ? 0 : -EPROTO;
}

static int on_ticket(void *arg, struct reader *body, int fd)
{
	struct test_self_role *self = arg;
	struct carry_ticket ticket;

	(void)fd;
	if (!carry_ticket_read(body, &ticket))
		return -EPROTO;
	self->cookie = ticket.cookie;
	self->session_len = ticket.session.len;
	self->message_len = ticket.message.len;
	memcpy(self->session, ticket.session.bytes, ticket.session.len);
	memcpy(self->message, ticket.message.bytes, ticket.message.len);
	self->tickets++;
	return 0;
}

static const struct channel_handler handlers[] = {
	{ CHANNEL_READY, on_ready },
	{ CHANNEL_HELD, on_held },
	{ CHANNEL_CARRIED, on_carried },
	{ CHANNEL_TICKET, on_ticket },
	{ 0 },
};

/* All that there is now. */
static void hear(struct test_self_role *self, const struct channel *channel)
{
	ASSERT_EQ(0, channel_run(channel, handlers, self, 1000));
}

static void wait_for(struct test_self_role *self, const struct channel *channel)
{
	struct pollfd p = { .fd = channel->fd, .events = POLLIN };

	ASSERT_EQ(1, poll(&p, 1, WAIT_MS));
	hear(self, channel);
}

/* ---- starting it ------------------------------------------------------------------------------
 */

static int settings(void)
{
	const struct bundle_settings s = { .user = geteuid() ? geteuid() : 65534,
					   .group = getegid() ? getegid() : 65534,
					   .workers = 2,
					   .relays_max = 4 };
	int fd = bundle_create("relay");
	uint8_t bytes[100];
	struct writer w;

	ASSERT_GE(fd, 0);
	writer_init(&w, bytes, sizeof(bytes));
	bundle_settings_write(&w, &s);
	ASSERT_TRUE(writer_ok(&w));
	ASSERT_EQ(0, bundle_seal(fd, bytes, w.len));
	return fd;
}

static void channel_open(struct channel *channel, enum channel_role here, int pair[2])
{
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	/* not descriptor 3 in this process, which is to be the relay's */
	*channel = (struct channel){ .fd = fcntl(pair[0], F_DUPFD_CLOEXEC, 20),
				     .here = here,
				     .there = ROLE_RELAY,
				     .name = "relay" };
	close(pair[0]);
}

static pid_t start(int channel)
{
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (pid == 0) {
		ASSERT_EQ(CHANNEL_FD, dup2(channel, CHANNEL_FD));
		ASSERT_EQ(0, close_range(CHANNEL_FD + 1, ~0U, 0));
		_exit(relay_main());
	}
	return pid;
}

/* room: bytes that the relay may have on their way to this worker; 0: as many as usual */
static void introduce(struct test_self_role *self, uint16_t index, int room)
{
	struct channel_message m;
	int pair[2];

	channel_open(&self->workers[index], ROLE_WORKER, pair);
	if (room)
		ASSERT_EQ(0, setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)));
	channel_begin(&m, CHANNEL_WORKER);
	writer_u16(&m.body, index);
	ASSERT_EQ(0, channel_send(&self->supervisor, &m, pair[1]));
	close(pair[1]);
}

static void dismiss(struct test_self_role *self, uint16_t index)
{
	close(self->workers[index].fd);
	self->workers[index].fd = -1;
}

FIXTURE_SETUP(role)
{
	struct channel_message m;
	int pair[2], bundle;

	ASSERT_EQ(0, crypto_init());
	for (int i = 0; i < 2; i++)
		self->line[i].peer = self->line[i].application = self->workers[i].fd = -1;
	channel_open(&self->supervisor, ROLE_SUPERVISOR, pair);
	self->pid = start(pair[1]);
	close(pair[1]);
	bundle = settings();
	channel_begin(&m, CHANNEL_SETUP);
	writer_u16(&m.body, 0);
	writer_u64(&m.body, 0);
	ASSERT_EQ(0, channel_send(&self->supervisor, &m, bundle));
	close(bundle);
	wait_for(self, &self->supervisor);
	ASSERT_TRUE(self->ready);
	introduce(self, 0, 0);
}

FIXTURE_TEARDOWN(role)
{
	int status;

	for (uint16_t i = 0; i < 2; i++) {
		close(self->line[i].peer);
		close(self->line[i].application);
		close(self->workers[i].fd);
	}
	close(self->supervisor.fd);
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
}

/* ---- its connections --------------------------------------------------------------------------
 */

static void make_secrets(struct carry *carry)
{
	carry->secrets = (struct ktls_secrets){ .role = KTLS_CLIENT,
						.version = KTLS_TLS_1_3,
						.suite = KTLS_AES_128_GCM_SHA256 };
	random_bytes(carry->secrets.tx, sizeof(carry->secrets.tx));
	random_bytes(carry->secrets.rx, sizeof(carry->secrets.rx));
	ASSERT_EQ(0, ktls_secrets_traffic_key(&carry->secrets, KTLS_TX, &carry->tx));
	ASSERT_EQ(0, ktls_secrets_traffic_key(&carry->secrets, KTLS_RX, &carry->rx));
}

/* A client's connection that a worker hands over, with so much of a session. */
static struct line *carry(struct test_self_role *self, size_t worker, const void *session,
			  size_t len)
{
	struct line *line = self->line[0].peer < 0 ? &self->line[0] : &self->line[1];
	socklen_t cookie_len = sizeof(line->cookie);
	struct carry carry = { .content_max = 0 };
	struct channel_message m;
	int tcp[2];

	tcp_pair(tcp, 0);
	make_secrets(&carry);
	*line = (struct line){ .peer = tcp[1], .key = carry.rx };
	ASSERT_EQ(0, getsockopt(tcp[0], SOL_SOCKET, SO_COOKIE, &line->cookie, &cookie_len));
	channel_begin(&m, CHANNEL_CARRY);
	writer_u64(&m.body, 7);
	carry_write(&m.body, &carry);
	writer_bytes(&m.body, session, len);
	ASSERT_EQ(0, channel_send(&self->workers[worker], &m, tcp[0]));
	close(tcp[0]);
	self->application = -1;
	wait_for(self, &self->workers[worker]);
	ASSERT_GE(self->application, 0);
	line->application = self->application;
	return line;
}

static void say(struct line *line, uint8_t type, const void *bytes, size_t len)
{
	static uint8_t record[KEYED_RECORD_MAX];
	size_t n = keyed_seal(&line->key, type, bytes, len, record);

	keyed_write(line->peer, record, n);
}

/* NewSessionTickets (RFC 9846, 4.7.1), whose last byte says which it is. */
static void say_tickets(struct line *line, unsigned int n, size_t len)
{
	static uint8_t message[16000];

	for (unsigned int i = 0; i < n; i++) {
		message[0] = 4;
		message[2] = (uint8_t)((len - 4) >> 8);
		message[3] = (uint8_t)(len - 4);
		message[len - 1] = (uint8_t)i;
		say(line, 22, message, len);
	}
}

/* What was said before a byte of data has been dealt with when that is there. */
static void expect_data(struct line *line)
{
	char byte = 0;

	say(line, 23, "x", 1);
	ASSERT_EQ(1, recv(line->application, &byte, 1, 0));
	EXPECT_EQ('x', byte);
}

/* ---- tickets ----------------------------------------------------------------------------------
 */

TEST_F(role, a_connection_has_eight_tickets)
{
	struct line *first = carry(self, 0, SESSION, sizeof(SESSION)), *second;

	say_tickets(first, 20, 300);
	expect_data(first);
	hear(self, &self->workers[0]);
	EXPECT_EQ(8, self->tickets);
	EXPECT_EQ(first->cookie, self->cookie);
	ASSERT_EQ(sizeof(SESSION), self->session_len);
	EXPECT_MEMEQ(SESSION, self->session, sizeof(SESSION));
	ASSERT_EQ(300, self->message_len);
	EXPECT_EQ(4, self->message[0]);
	EXPECT_EQ(7, self->message[299]); /* the first eight */
	second = carry(self, 0, SESSION "2", sizeof(SESSION "2"));
	say_tickets(second, 1, 100);
	expect_data(second);
	hear(self, &self->workers[0]);
	EXPECT_EQ(9, self->tickets);
	EXPECT_EQ(second->cookie, self->cookie);
	EXPECT_MEMEQ(SESSION "2", self->session, sizeof(SESSION "2"));
}

/* A worker that keeps none sends no session along. */
TEST_F(role, no_session_no_tickets)
{
	struct line *line = carry(self, 0, NULL, 0);

	say_tickets(line, 2, 100);
	expect_data(line);
	hear(self, &self->workers[0]);
	EXPECT_EQ(0, self->tickets);
}

/* Both at their longest are more than a message takes; a ticket of usual length goes on. */
TEST_F(role, a_ticket_too_long_for_its_session)
{
	static const uint8_t session[HANDOFF_SESSION_MAX] = { 1 };
	struct line *line = carry(self, 0, session, sizeof(session));

	say_tickets(line, 1, 10000);
	expect_data(line);
	hear(self, &self->workers[0]);
	EXPECT_EQ(0, self->tickets);
	say_tickets(line, 1, 200);
	expect_data(line);
	hear(self, &self->workers[0]);
	EXPECT_EQ(1, self->tickets);
	EXPECT_EQ(sizeof(session), self->session_len);
}

/* The worker that handed it over is gone: another one takes its tickets. Without any, nobody. */
TEST_F(role, a_worker_that_dies)
{
	struct line *line = carry(self, 0, SESSION, sizeof(SESSION)), *other;

	introduce(self, 1, 0);
	say_tickets(line, 1, 100);
	expect_data(line);
	dismiss(self, 0); /* with what it has not read */
	other = carry(self, 1, NULL, 0);
	expect_data(other); /* so the relay has seen that */
	EXPECT_EQ(0, self->tickets);
	say_tickets(line, 2, 100);
	expect_data(line);
	hear(self, &self->workers[1]);
	EXPECT_EQ(2, self->tickets);
	EXPECT_EQ(line->cookie, self->cookie);
	dismiss(self, 1);
	say_tickets(line, 1, 100);
	expect_data(line);
	expect_data(other);
}

/* A worker that reads nothing costs tickets, and no data. */
TEST_F(role, a_worker_without_room)
{
	struct line *line;

	introduce(self, 1, 16384);
	line = carry(self, 1, SESSION, sizeof(SESSION));
	say_tickets(line, 8, 10000);
	expect_data(line);
	hear(self, &self->workers[1]);
	EXPECT_GT(self->tickets, 0);
	EXPECT_LT(self->tickets, 8);
	EXPECT_EQ(self->tickets - 1, self->message[9999]);
	expect_data(line);
}

TEST_HARNESS_MAIN
