/* SPDX-License-Identifier: MIT */
/* ktls_listen() through ktlsd: who is served and who is not, and what is left. */
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>

#include "lib/handoff/relayed.h"
#include "tests/unit/ktlsd_listen.h"

FIXTURE_SETUP(listen)
{
	open_listen(self, "workers = 2\nmax-handshakes = 64\n");
}

FIXTURE_TEARDOWN(listen)
{
	close_listen(self);
}

static int descriptors_of(pid_t pid)
{
	struct dirent *e;
	char path[64];
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	ASSERT_NOT_NULL(dir);
	for (e = readdir(dir); e; e = readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Waits until it has no more than before; returns how many it has then. */
static int settle(pid_t pid, int before)
{
	int n = descriptors_of(pid);

	for (int i = 0; i < 200 && n > before; i++) {
		usleep(10000);
		n = descriptors_of(pid);
	}
	return n;
}

TEST_F(listen, one_connection)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	struct ktls_reply *reply, *theirs;
	int fd = listener_connect(self->listener);
	struct ktls_params params = as_client;

	begin_listening(self, 1);
	params.arg = self;
	ASSERT_EQ(0, getsockname(fd, (struct sockaddr *)&peer, &len));
	ASSERT_EQ(0, ktls_start(self->others, fd, &params, NULL));
	reply = next_of(self->app, 20000);
	theirs = next_of(self->others, 20000);
	ASSERT_NOT_NULL(reply);
	ASSERT_NOT_NULL(theirs);
	EXPECT_STREQ("OK", ktls_reason_name((int)reply->reason));
	EXPECT_EQ(KTLS_TLS_1_3, reply->version);
	EXPECT_EQ(KTLS_STATE_RELAY, reply->tx);
	EXPECT_TRUE(relayed_is(reply->fd));
	ASSERT_NOT_NULL(reply->peer);
	EXPECT_MEMEQ(&peer, reply->peer, sizeof(peer));
	ASSERT_NOT_NULL(reply->local);
	EXPECT_GT(reply->time_us, 0);
	EXPECT_EQ(4, send(fd, "ping", 4, MSG_NOSIGNAL));
	echo(reply);
	ktls_reply_free(reply);
	ktls_reply_free(theirs);
	close(fd);
	EXPECT_TRUE(daemon_logged(&self->daemon, ": listening"));
}

/* And nothing is left of them afterwards, in no process. */
TEST_F_TIMEOUT(listen, a_hundred_connections, 120)
{
	pid_t worker[2] = { daemon_child(&self->daemon, "worker 1"),
			    daemon_child(&self->daemon, "worker 2") };
	int before[2], bad[20];

	begin_listening(self, 8);
	expect_served(self, 4, 5); /* lanes are open, files are read */
	before[0] = settle(worker[0], 0);
	before[1] = settle(worker[1], 0);
	connect_badly(self->listener, bad, 20);
	expect_served(self, 10, 10);
	close_fds(bad, 20);
	EXPECT_EQ(before[0], settle(worker[0], before[0]));
	EXPECT_EQ(before[1], settle(worker[1], before[1]));
	ASSERT_EQ(0, ktls_cancel(self->app, self->id));
	expect_last(self->app, self->id, KTLS_R_CANCELLED);
	EXPECT_TRUE(daemon_logged(&self->daemon, "no longer listening: CANCELLED"));
}

TEST_F_TIMEOUT(listen, good_ones_among_bad_ones, 60)
{
	int bad[40];
	int64_t since;

	begin_listening(self, 8);
	connect_badly(self->listener, bad, 40);
	since = clock_now();
	expect_served(self, 2, 2);
	EXPECT_LT(clock_now() - since, 5000);
	close_fds(bad, 40);
	EXPECT_NULL(next_of(self->app, 100)); /* nobody heard of them */
	EXPECT_TRUE(daemon_logged(&self->daemon, "NOT_TLS"));
}

/* More than may be under way, all silent, with a deadline of half a minute. */
TEST_F_TIMEOUT(listen, silent_ones_make_room, 90)
{
	int bad[200];
	int64_t since;

	begin_listening(self, 8);
	for (int i = 0; i < 200; i++)
		bad[i] = listener_connect(self->listener);
	since = clock_now();
	expect_served(self, 1, 3);
	EXPECT_LT(clock_now() - since, 20000);
	EXPECT_TRUE(daemon_logged(&self->daemon, "TOO_MANY"));
	close_fds(bad, 200);
}

/* Whoever does not collect gets no more; nothing is lost when it does. */
TEST_F_TIMEOUT(listen, nobody_collects, 120)
{
	struct crowd c;

	begin_listening(self, 4);
	crowd_start(&c, self, 16, 4, 0);
	usleep(500000);
	serve(self, 64, 100000);
	crowd_end(&c, 64);
	EXPECT_EQ(64, self->echoed);
}

/* Both ends of so many connections are ready, which no reply tells where nobody collects. */
static void await_handshakes(const struct test_self_listen *self, unsigned int n)
{
	for (int i = 0; i < 2000 && daemon_log_count(&self->daemon, ": OK ") < 2 * n; i++)
		usleep(10000);
	EXPECT_EQ(2 * n, daemon_log_count(&self->daemon, ": OK "));
	usleep(20000); /* who accepts is told by now */
}

/* Nothing is accepted that cannot be delivered: the kernel's queue tells clients to be patient. */
TEST_F_TIMEOUT(listen, nothing_is_accepted_when_nobody_collects, 60)
{
	struct ktls_reply *reply;
	int fd[20];

	begin_listening(self, 4);
	for (unsigned int i = 0; i < 4; i++) {
		fd[i] = listener_connect(self->listener);
		ASSERT_EQ(0, ktls_handshake(self->others, fd[i], &as_client, &reply));
		EXPECT_STREQ("OK", ktls_reason_name((int)reply->reason));
		ktls_reply_free(reply);
		await_handshakes(self, i + 1);
	}
	for (int i = 4; i < 20; i++)
		fd[i] = listener_connect(self->listener);
	usleep(100000);
	EXPECT_EQ(16, listener_waiting(self->listener));
	for (int i = 0; i < 4; i++) {
		reply = next_of(self->app, 20000);
		ASSERT_NOT_NULL(reply);
		EXPECT_STREQ("OK", ktls_reason_name((int)reply->reason));
		ktls_reply_free(reply);
	}
	EXPECT_NULL(next_of(self->app, 100));
	for (int i = 0; i < 200 && listener_waiting(self->listener) > 0; i++)
		usleep(10000);
	EXPECT_EQ(0, listener_waiting(self->listener));
	close_fds(fd, 20);
}

TEST_F(listen, refusals)
{
	struct ktls_params params = as_server;
	uint64_t id;
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	params.profile = "none";
	ASSERT_EQ(0, ktls_listen(self->app, self->listener, &params, 8, &id));
	expect_last(self->app, id, KTLS_R_PROFILE_UNKNOWN);
	ASSERT_EQ(0, ktls_listen(self->app, pair[0], &as_server, 8, &id));
	expect_last(self->app, id, KTLS_R_SOCKET_NOT_TCP);
	close(pair[0]);
	close(pair[1]);
	pair[0] = listener_connect(self->listener);
	ASSERT_EQ(0, ktls_listen(self->app, pair[0], &as_server, 8, &id));
	expect_last(self->app, id, KTLS_R_SOCKET_NOT_LISTENING);
	close(pair[0]);
}

TEST_F(listen, the_sockets_end)
{
	begin_listening(self, 8);
	expect_served(self, 1, 1);
	ASSERT_EQ(0, shutdown(self->listener, SHUT_RD));
	expect_last(self->app, self->id, KTLS_R_SOCKET_NOT_LISTENING);
}

/* The application's own descriptor is not needed. */
TEST_F(listen, the_applications_descriptor_is_closed)
{
	int copy;

	begin_listening(self, 8);
	copy = dup(self->listener);
	close(self->listener);
	self->listener = copy;
	expect_served(self, 2, 2);
}

/* Connections of whoever has gone are there for the next one. */
TEST_F(listen, the_application_goes)
{
	int bad = listener_connect(self->listener), fd;

	begin_listening(self, 8);
	expect_served(self, 1, 1);
	ktls_close(self->app);
	self->app = NULL;
	EXPECT_TRUE(daemon_logged(&self->daemon, "no longer listening"));
	usleep(100000);
	fd = listener_connect(self->listener);
	usleep(100000);
	EXPECT_EQ(1, listener_waiting(self->listener));
	close(fd);
	close(bad);
	self->app = ktls_open(self->daemon.socket, NULL);
	ASSERT_NOT_NULL(self->app);
	begin_listening(self, 8);
	expect_served(self, 1, 2);
}

static void *second_application(void *arg)
{
	struct test_self_listen *self = arg;

	serve(self, 1000, 4000);
	return NULL;
}

TEST_F_TIMEOUT(listen, two_applications, 60)
{
	struct test_self_listen second = *self;
	pthread_t thread;
	struct crowd c;

	second.app = ktls_open(self->daemon.socket, NULL);
	ASSERT_NOT_NULL(second.app);
	begin_listening(self, 8);
	begin_listening(&second, 8);
	ASSERT_EQ(0, pthread_create(&thread, NULL, second_application, &second));
	crowd_start(&c, self, 4, 10, 0);
	serve(self, 1000, 4000);
	crowd_end(&c, 40);
	pthread_join(thread, NULL);
	EXPECT_EQ(40, self->echoed + second.echoed);
	EXPECT_GT(self->echoed, 0);
	EXPECT_GT(second.echoed, 0);
	ktls_close(second.app);
}

TEST_HARNESS_MAIN
