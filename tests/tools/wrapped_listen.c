/* SPDX-License-Identifier: MIT */
/*
 * Run by ktlsrun: listening sockets. A server sees connections whose handshakes are over, and
 * nothing else; by whatever it waits, in whichever process.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/harness.h"
#include "tests/harness/wrapped.h"

#define QUIET 300 /* ms: nothing is to happen */

static int patience(void)
{
	return wrapped_patience(8000);
}

/* ---- ways to wait ---------------------------------------------------------------------------- */

static bool wait_by_poll(int fd, int set, int ms)
{
	(void)set;
	return wrapped_readable(fd, ms);
}

static bool wait_by_ppoll(int fd, int set, int ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	(void)set;
	return ppoll(&wait, 1, &time, NULL) == 1;
}

/* What these are compiled to with _FORTIFY_SOURCE. */
int __poll_chk(struct pollfd *fds, nfds_t len, int timeout, size_t cap);
int __ppoll_chk(struct pollfd *fds, nfds_t len, const struct timespec *timeout,
		const sigset_t *mask, size_t cap);

static bool wait_by_poll_chk(int fd, int set, int ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	(void)set;
	return __poll_chk(&wait, 1, ms, sizeof(wait)) == 1;
}

static bool wait_by_ppoll_chk(int fd, int set, int ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	(void)set;
	return __ppoll_chk(&wait, 1, &time, NULL, sizeof(wait)) == 1;
}

static bool wait_by_select(int fd, int set, int ms)
{
	struct timeval time = { ms / 1000, ms % 1000 * 1000 };
	fd_set in;

	(void)set;
	FD_ZERO(&in);
	FD_SET(fd, &in);
	return select(fd + 1, &in, NULL, NULL, &time) == 1;
}

static bool wait_by_pselect(int fd, int set, int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
	fd_set in;

	(void)set;
	FD_ZERO(&in);
	FD_SET(fd, &in);
	return pselect(fd + 1, &in, NULL, NULL, &time, NULL) == 1;
}

static bool wait_by_epoll(int fd, int set, int ms)
{
	struct epoll_event event = { 0 };
	bool came = epoll_wait(set, &event, 1, ms) == 1;

	EXPECT_EQ(came ? (uint64_t)fd << 32 | 77 : 0, event.data.u64);
	return came;
}

FIXTURE(waiting)
{
	int listener, set;
};

FIXTURE_VARIANT(waiting)
{
	bool (*wait)(int fd, int set, int ms);
	uint32_t events;
	bool before;
};

FIXTURE_VARIANT_ADD(waiting, poll){ .wait = wait_by_poll };
FIXTURE_VARIANT_ADD(waiting, ppoll){ .wait = wait_by_ppoll };
FIXTURE_VARIANT_ADD(waiting, poll_chk){ .wait = wait_by_poll_chk };
FIXTURE_VARIANT_ADD(waiting, ppoll_chk){ .wait = wait_by_ppoll_chk };
FIXTURE_VARIANT_ADD(waiting, select){ .wait = wait_by_select };
FIXTURE_VARIANT_ADD(waiting, pselect){ .wait = wait_by_pselect };
FIXTURE_VARIANT_ADD(waiting, epoll_before_listen){ wait_by_epoll, EPOLLIN, true };
FIXTURE_VARIANT_ADD(waiting, epoll_after_listen){ wait_by_epoll, EPOLLIN, false };
FIXTURE_VARIANT_ADD(waiting, edge_before_listen){ wait_by_epoll, EPOLLIN | EPOLLET, true };
FIXTURE_VARIANT_ADD(waiting, edge_after_listen){ wait_by_epoll, EPOLLIN | EPOLLET, false };
FIXTURE_VARIANT_ADD(waiting, exclusive_before){ wait_by_epoll, EPOLLIN | EPOLLEXCLUSIVE, true };
FIXTURE_VARIANT_ADD(waiting, exclusive_after){ wait_by_epoll, EPOLLIN | EPOLLEXCLUSIVE, false };

static void watch(int set, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data = { .u64 = (uint64_t)fd << 32 | 77 } };

	ASSERT_EQ(0, epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
}

FIXTURE_SETUP(waiting)
{
	self->listener = wrapped_bound(AF_INET, wrapped_port("listen ", 0), SOCK_NONBLOCK);
	self->set = epoll_create1(EPOLL_CLOEXEC);
	if (variant->before)
		watch(self->set, self->listener, variant->events);
	ASSERT_EQ(0, listen(self->listener, 16));
	if (!variant->before && variant->events)
		watch(self->set, self->listener, variant->events);
}

FIXTURE_TEARDOWN(waiting)
{
	close(self->set);
	close(self->listener);
}

/* Readiness may come early; what counts is that accept() then says EAGAIN, and comes again. */
static int accept_by(int listener, int set, bool (*wait)(int fd, int set, int ms))
{
	int fd = -1;

	for (int i = 0; i < 20 && fd < 0; i++) {
		if (!wait(listener, set, patience()))
			return -1;
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		EXPECT_TRUE(fd >= 0 || errno == EAGAIN);
	}
	return fd;
}

TEST_F(waiting, shows_connections)
{
	struct wrapped_dial d;
	int client, server;

	for (int i = 0; i < 3; i++) {
		wrapped_dial(&d, AF_INET, wrapped_port("listen ", 0));
		server = accept_by(self->listener, self->set, variant->wait);
		ASSERT_GE(server, 0);
		client = wrapped_dialled(&d);
		ASSERT_GE(client, 0);
		EXPECT_TRUE(fcntl(server, F_GETFL) & O_NONBLOCK);
		EXPECT_TRUE(fcntl(server, F_GETFD) & FD_CLOEXEC);
		wrapped_works(server, client);
		EXPECT_EQ(-1, accept(self->listener, NULL, NULL));
		EXPECT_EQ(EAGAIN, errno);
		close(server);
		close(client);
	}
}

/* Several at once: an edge is one edge for all of them. */
TEST_F(waiting, shows_many_at_once)
{
	struct wrapped_dial d[8];
	int servers = 0, fd;

	for (int i = 0; i < 8; i++)
		wrapped_dial(&d[i], AF_INET, wrapped_port("listen ", 0));
	while (servers < 8 && variant->wait(self->listener, self->set, patience()))
		for (fd = accept(self->listener, NULL, NULL); fd >= 0;
		     fd = accept(self->listener, NULL, NULL)) {
			servers++;
			close(fd);
		}
	EXPECT_EQ(8, servers);
	for (int i = 0; i < 8; i++)
		close(wrapped_dialled(&d[i]));
}

TEST_F(waiting, shows_nobody_who_says_nothing)
{
	int silent, fd = -1;

	while (variant->wait(self->listener, self->set, QUIET) && fd < 0)
		fd = accept(self->listener, NULL, NULL);
	EXPECT_EQ(-1, fd);
	EXPECT_FALSE(variant->wait(self->listener, self->set, QUIET));
	silent = plain_connect(AF_INET, wrapped_port("listen ", 0));
	while (variant->wait(self->listener, self->set, QUIET) && fd < 0)
		fd = accept(self->listener, NULL, NULL);
	EXPECT_EQ(-1, fd);
	ASSERT_EQ(14, write(silent, "GET / HTTP/1.0", 14));
	while (variant->wait(self->listener, self->set, QUIET) && fd < 0)
		fd = accept(self->listener, NULL, NULL);
	EXPECT_EQ(-1, fd);
	close(silent);
}

/* ---- a socket as others ---------------------------------------------------------------------- */

static int option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	EXPECT_EQ(0, getsockopt(fd, SOL_SOCKET, name, &value, &len));
	return value;
}

static void looks_as_listening(int fd, uint16_t port)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	int size = 40000;

	EXPECT_EQ(1, option(fd, SO_ACCEPTCONN));
	EXPECT_EQ(SOCK_STREAM, option(fd, SO_TYPE));
	EXPECT_EQ(AF_INET, option(fd, SO_DOMAIN));
	EXPECT_EQ(IPPROTO_TCP, option(fd, SO_PROTOCOL));
	EXPECT_EQ(0, option(fd, SO_ERROR));
	EXPECT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	EXPECT_EQ(2 * size, option(fd, SO_RCVBUF));
	ASSERT_EQ(0, getsockname(fd, (struct sockaddr *)&address, &len));
	EXPECT_EQ(sizeof(address), len);
	EXPECT_EQ(port, ntohs(address.sin_port));
	EXPECT_EQ(-1, getpeername(fd, (struct sockaddr *)&address, &len));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(0, listen(fd, 7));
}

TEST(a_listening_socket_looks_as_one)
{
	uint16_t port = wrapped_port("listen ", 0);
	int fd = wrapped_listener(AF_INET, port, 0), on = 1, off = 0;

	looks_as_listening(fd, port);
	EXPECT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(-1, accept(fd, NULL, NULL));
	EXPECT_EQ(EAGAIN, errno);
	looks_as_listening(fd, port);
	EXPECT_TRUE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, ioctl(fd, FIONBIO, &off));
	EXPECT_FALSE(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, ioctl(fd, FIONBIO, &on));
	EXPECT_EQ(-1, accept4(fd, NULL, NULL, 12345));
	EXPECT_EQ(EINVAL, errno);
	close(fd);
	EXPECT_EQ(-1, fcntl(fd, F_GETFD));
	EXPECT_EQ(EBADF, errno);
}

TEST(the_port_is_free_after_close)
{
	for (int i = 0; i < 3; i++) {
		int fd = wrapped_listener(AF_INET, wrapped_port("listen ", 0), SOCK_NONBLOCK);

		EXPECT_EQ(-1, accept(fd, NULL, NULL));
		close(fd);
	}
}

TEST(accept_gives_the_peer)
{
	int listener = wrapped_listener(AF_INET, wrapped_port("listen ", 0), 0), server, client;
	struct sockaddr_in peer = { 0 }, own = { 0 };
	socklen_t len = sizeof(peer);
	struct wrapped_dial d;

	wrapped_dial(&d, AF_INET, wrapped_port("listen ", 0));
	server = accept(listener, (struct sockaddr *)&peer, &len);
	ASSERT_GE(server, 0);
	EXPECT_EQ(sizeof(peer), len);
	client = wrapped_dialled(&d);
	ASSERT_EQ(0, getsockname(client, (struct sockaddr *)&own, &len));
	EXPECT_EQ(own.sin_port, peer.sin_port);
	EXPECT_EQ(own.sin_addr.s_addr, peer.sin_addr.s_addr);
	EXPECT_EQ(0, fcntl(server, F_GETFD));
	EXPECT_FALSE(fcntl(server, F_GETFL) & O_NONBLOCK);
	close(client);
	close(server);
	close(listener);
}

TEST(accept_waits_no_longer_than_asked)
{
	int listener = wrapped_listener(AF_INET, wrapped_port("listen ", 0), 0);
	struct timeval time = { .tv_usec = 200000 };

	ASSERT_EQ(0, setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	EXPECT_EQ(-1, accept(listener, NULL, NULL));
	EXPECT_EQ(EAGAIN, errno);
	close(listener);
}

static void on_alarm(int signal)
{
	(void)signal;
}

TEST(accept_and_signals)
{
	int listener = wrapped_listener(AF_INET, wrapped_port("listen ", 0), 0);
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval soon = { .it_value = { .tv_usec = 200000 } };
	struct wrapped_dial d;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	EXPECT_EQ(-1, accept(listener, NULL, NULL));
	EXPECT_EQ(EINTR, errno);
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	wrapped_dial(&d, AF_INET, wrapped_port("listen ", 0));
	EXPECT_GE(accept(listener, NULL, NULL), 0);
	close(wrapped_dialled(&d));
	close(listener);
}

/* ---- processes ------------------------------------------------------------------------------- */

/* A child that serves connections until it is killed. */
static pid_t server_child(int listener)
{
	pid_t pid = fork();
	uint8_t byte;
	int fd;

	if (pid != 0)
		return pid;
	for (;;) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0 || read(fd, &byte, 1) != 1 || write(fd, "c", 1) != 1)
			_exit(1);
		close(fd);
	}
}

static void is_killed(pid_t child)
{
	int status;

	ASSERT_EQ(0, kill(child, SIGTERM));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
}

/*
 * What ktlsd has accepted for somebody who then closes is lost, with its handshake made or without:
 * who connects tries again.
 */
static void served(uint16_t port)
{
	char byte = 0;

	for (int i = 0; i < 20 && byte == 0; i++) {
		int fd = wrapped_connect(AF_INET, port, 0);

		if (fd < 0)
			continue;
		if (write(fd, "x", 1) == 1 && read(fd, &byte, 1) == 1)
			EXPECT_EQ(0, read(fd, &(char){ 0 }, 1));
		close(fd);
	}
	EXPECT_EQ('c', byte);
}

/* Listens before it forks; only the children accept. The parent then has no part in it. */
TEST(children_accept)
{
	uint16_t port = wrapped_port("listen ", 0);
	int listener = wrapped_listener(AF_INET, port, 0);
	pid_t children[3];

	for (int i = 0; i < 3; i++)
		children[i] = server_child(listener);
	for (int i = 0; i < 12; i++)
		served(port);
	for (int i = 0; i < 3; i++)
		is_killed(children[i]);
	close(listener);
}

/* The parent has accepted before: its struct ktls is none of its child's. */
TEST(a_child_accepts_after_its_parent)
{
	uint16_t port = wrapped_port("listen ", 0);
	int listener = wrapped_listener(AF_INET, port, 0), client, server;
	pid_t child;

	wrapped_pair(listener, AF_INET, &client, &server);
	wrapped_works(client, server);
	child = server_child(listener);
	close(listener);
	served(port);
	is_killed(child);
	wrapped_works(server, client);
	close(client);
	close(server);
}

/* A process for each connection, as inetd's descendants have it: close() in the parent is no end.
 */
TEST(a_child_serves_what_its_parent_accepted)
{
	uint16_t port = wrapped_port("listen ", 0);
	int listener = wrapped_listener(AF_INET, port, 0), client, server, status;
	char byte = 0;
	pid_t child;

	wrapped_pair(listener, AF_INET, &client, &server);
	child = fork();
	if (child == 0) {
		close(listener);
		close(client);
		_exit(read(server, &byte, 1) == 1 && write(server, "c", 1) == 1 ? 0 : 1);
	}
	close(server);
	usleep(100000);
	EXPECT_EQ(-1, recv(client, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(1, write(client, "x", 1));
	EXPECT_EQ(1, read(client, &byte, 1));
	EXPECT_EQ('c', byte);
	/* The child is gone, and with it the last that had it. */
	EXPECT_EQ(0, read(client, &byte, 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	close(client);
	close(listener);
}

TEST(two_sockets_on_one_port)
{
	uint16_t port = wrapped_port("listen ", 0);
	int fds[2], on = 1, got = 0, fd;
	struct wrapped_dial d[8];

	for (int i = 0; i < 2; i++) {
		fds[i] = wrapped_bound(AF_INET, port, SOCK_NONBLOCK);
		ASSERT_EQ(0, setsockopt(fds[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
	}
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, listen(fds[i], 16));
	for (int i = 0; i < 8; i++)
		wrapped_dial(&d[i], AF_INET, port);
	for (int i = 0; i < patience() && got < 8; i += 5) {
		fd = accept(fds[i % 2], NULL, NULL);
		got += fd >= 0;
		if (fd >= 0)
			close(fd);
		else
			usleep(5000);
	}
	EXPECT_EQ(8, got);
	for (int i = 0; i < 8; i++)
		close(wrapped_dialled(&d[i]));
	close(fds[0]);
	close(fds[1]);
}

TEST_HARNESS_MAIN
