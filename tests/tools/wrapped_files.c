/* SPDX-License-Identifier: MIT */
/* Run by ktlsrun: descriptors as such, addresses, streams of stdio, and connect(). */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/wrapped_ends.h"

static void is_open(int from, int to)
{
	char byte;

	EXPECT_EQ(-1, recv(to, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	wrapped_works(from, to);
	wrapped_works(to, from);
}

static void has_ended(int fd)
{
	char byte;
	ssize_t n = read(fd, &byte, 1);

	EXPECT_EQ(0, n < 0 ? -errno : n);
}

/* ---- copies ---------------------------------------------------------------------------------- */

static int by_dup(int fd)
{
	return dup(fd);
}

static int by_dup2(int fd)
{
	return dup2(fd, 100);
}

static int by_dup3(int fd)
{
	return dup3(fd, 101, O_CLOEXEC);
}

static int by_dupfd(int fd)
{
	return fcntl(fd, F_DUPFD, 102);
}

static int by_dupfd_cloexec(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 103);
}

TEST_F(ends, copies_are_the_same_connection)
{
	static int (*const ways[])(int fd) = { by_dup, by_dup2, by_dup3, by_dupfd,
					       by_dupfd_cloexec };
	int copy;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		copy = ways[i](self->client);
		ASSERT_GE(copy, 0);
		close(self->client);
		is_open(copy, self->server);
		self->client = copy;
	}
	close(self->client);
	has_ended(self->server);
}

TEST_F(ends, dup2_over_one_ends_it)
{
	int other = open("/dev/null", O_RDWR);

	EXPECT_EQ(self->client, dup2(other, self->client));
	has_ended(self->server);
	EXPECT_EQ(1, write(self->client, "x", 1));
	EXPECT_EQ(-1, dup2(12345, self->server));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(self->server, dup2(self->server, self->server));
}

TEST_F(ends, closing_all_numbers_ends_it)
{
	for (int fd = 3; fd < 1024; fd++)
		if (fd != self->server && fd != self->listener)
			close(fd);
	has_ended(self->server);
	/* What the library needs itself is still there. */
	wrapped_pair(self->listener, AF_INET, &self->client, &self->server);
	is_open(self->client, self->server);
}

TEST_F(ends, closefrom_ends_all)
{
	int client, server;

	closefrom(3);
	self->listener = wrapped_listener(AF_INET, wrapped_port("listen ", 0), 0);
	wrapped_pair(self->listener, AF_INET, &client, &server);
	is_open(client, server);
	EXPECT_EQ(0, close_range((unsigned int)client, (unsigned int)client, 0));
	has_ended(server);
}

/* ---- other programs -------------------------------------------------------------------------- */

/* Children that become other programs have no part in what is close-on-exec. */
TEST_F(ends, programs_started_meanwhile)
{
	char *const argv[] = { "true", NULL };
	int status;
	pid_t pid;

	fcntl(self->client, F_SETFD, FD_CLOEXEC);
	EXPECT_EQ(0, system("exit 0"));
	ASSERT_EQ(0, posix_spawnp(&pid, "true", NULL, NULL, argv, environ));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	pid = fork();
	if (pid == 0) {
		execvp("true", argv);
		_exit(1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	pid = vfork();
	if (pid == 0) {
		close(self->client);
		execv("/nowhere", argv);
		_exit(7);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(7, WEXITSTATUS(status));
	is_open(self->client, self->server);
	close(self->client);
	has_ended(self->server);
}

/* With an argument and a variable that the program can see; 0 when it has both. */
static void become_a_shell(int how)
{
	char sh[] = "sh", option[] = "-c", script[] = "exit $(($1 - ${KTLS_TEST_HOW:-0}))",
	     one[] = "1";
	char *argv[] = { sh, option, script, sh, one, NULL };
	char variable[] = "KTLS_TEST_HOW=1", *envp[] = { variable, NULL };

	putenv(variable);
	switch (how) {
	case 0:
		execl("/bin/sh", sh, option, script, sh, one, (char *)NULL);
		break;
	case 1:
		execlp("sh", sh, option, script, sh, one, (char *)NULL);
		break;
	case 2:
		execle("/bin/sh", sh, option, script, sh, one, (char *)NULL, envp);
		break;
	case 3:
		execv("/bin/sh", argv);
		break;
	case 4:
		execve("/bin/sh", argv, envp);
		break;
	case 5:
		execvp("sh", argv);
		break;
	case 6:
		execvpe("sh", argv, environ);
		break;
	case 7:
		fexecve(open("/bin/sh", O_RDONLY | O_CLOEXEC), argv, envp);
		break;
	}
}

/* The last holder of a connection becomes another program: that is its end, in order. */
TEST_F(ends, every_way_to_become_another_program)
{
	int client, server, status, fd[2];
	pid_t pid;

	for (int how = 0; how < 8; how++) {
		wrapped_pair(self->listener, AF_INET, &client, &server);
		wrapped_works(server, client); /* tickets that come later would reset it */
		ASSERT_EQ(0, pipe(fd));
		fcntl(client, F_SETFD, FD_CLOEXEC);
		pid = fork();
		if (pid == 0) {
			close(server);
			status = (int)read(fd[0], &(char){ 0 }, 1);
			become_a_shell(how);
			_exit(100);
		}
		close(client);
		EXPECT_EQ(1, write(fd[1], "", 1));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		has_ended(server);
		close(server);
		close(fd[0]);
		close(fd[1]);
	}
}

/* The child's connection: one byte, and the end. */
static void ends_with_child(int listener, pid_t pid)
{
	int status, server = accept(listener, NULL, NULL);

	ASSERT_GE(server, 0);
	EXPECT_EQ(1, read(server, &(char){ 0 }, 1));
	has_ended(server);
	close(server);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(ends, the_end_of_a_process_is_an_end)
{
	pid_t pid = fork();

	if (pid == 0) {
		int client = wrapped_connect(AF_INET, wrapped_port("listen ", 0), 0);

		if (client >= 0 && write(client, "x", 1) == 1)
			exit(0);
		exit(1);
	}
	ends_with_child(self->listener, pid);
}

/* It has read nothing, and the server's tickets may come at any time. */
TEST_F(ends, another_program_behind_the_first_write)
{
	pid_t pid = fork();

	if (pid == 0) {
		int client = wrapped_connect(AF_INET, wrapped_port("listen ", 0), SOCK_CLOEXEC);

		if (client >= 0 && write(client, "x", 1) == 1)
			become_a_shell(0);
		_exit(1);
	}
	ends_with_child(self->listener, pid);
}

/* What the parent's threads wait for is nothing to it. */
TEST_F(ends, a_child_behind_the_end_of_a_connection)
{
	struct timespec before, after;
	int status;
	pid_t pid;

	wrapped_works(self->client, self->server);
	close(self->client);
	clock_gettime(CLOCK_MONOTONIC, &before);
	pid = fork();
	if (pid == 0)
		exit(0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	clock_gettime(CLOCK_MONOTONIC, &after);
	EXPECT_EQ(0, status);
	EXPECT_LT(after.tv_sec - before.tv_sec, 5);
	has_ended(self->server);
}

/* ---- addresses and options ------------------------------------------------------------------- */

TEST_F(ends, addresses_are_those_of_TCP)
{
	struct sockaddr_in a, b, c, d;
	socklen_t len = sizeof(a);

	ASSERT_EQ(0, getsockname(self->client, (struct sockaddr *)&a, &len));
	EXPECT_EQ(sizeof(a), len);
	ASSERT_EQ(0, getpeername(self->server, (struct sockaddr *)&b, &len));
	ASSERT_EQ(0, getpeername(self->client, (struct sockaddr *)&c, &len));
	ASSERT_EQ(0, getsockname(self->server, (struct sockaddr *)&d, &len));
	EXPECT_EQ(AF_INET, a.sin_family);
	EXPECT_EQ(a.sin_port, b.sin_port);
	EXPECT_EQ(c.sin_port, d.sin_port);
	EXPECT_EQ(wrapped_port("listen ", 0), ntohs(c.sin_port));
	EXPECT_EQ(htonl(INADDR_LOOPBACK), a.sin_addr.s_addr);
	len = 4;
	EXPECT_EQ(0, getpeername(self->client, (struct sockaddr *)&c, &len));
	EXPECT_EQ(sizeof(a), len);
}

/* ---- stdio ----------------------------------------------------------------------------------- */

TEST_F(ends, streams)
{
	FILE *out = fdopen(self->client, "w"), *in = fdopen(self->server, "r");
	char line[64] = "";

	ASSERT_NOT_NULL(out);
	ASSERT_NOT_NULL(in);
	EXPECT_EQ(self->client, fileno(out));
	EXPECT_EQ(12, fprintf(out, "%s\n", "hello world"));
	EXPECT_EQ(0, fclose(out));
	EXPECT_NOT_NULL(fgets(line, sizeof(line), in));
	EXPECT_STREQ("hello world\n", line);
	EXPECT_NULL(fgets(line, sizeof(line), in));
	EXPECT_TRUE(feof(in));
	EXPECT_EQ(0, fclose(in));
	EXPECT_EQ(-1, fcntl(self->server, F_GETFD));
}

/* ---- connect() --------------------------------------------------------------------------------
 */

TEST(connect_without_blocking_comes_back_when_all_is_done)
{
	uint16_t port = wrapped_port("listen ", 0);
	int listener = wrapped_listener(AF_INET, port, SOCK_NONBLOCK), client, server;
	struct epoll_event event = { .events = EPOLLIN, .data = { .u64 = 42 } };
	int set = epoll_create1(EPOLL_CLOEXEC);
	struct sockaddr_storage address;
	socklen_t len = wrapped_address(AF_INET, port, &address);

	EXPECT_EQ(-1, accept(listener, NULL, NULL));
	client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	/* Some register before they connect: the connection is what they then hear of. */
	ASSERT_EQ(0, epoll_ctl(set, EPOLL_CTL_ADD, client, &event));
	ASSERT_EQ(0, connect(client, (struct sockaddr *)&address, len));
	EXPECT_TRUE(fcntl(client, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(-1, connect(client, (struct sockaddr *)&address, len));
	EXPECT_EQ(EISCONN, errno);
	do {
		ASSERT_TRUE(wrapped_readable(listener, wrapped_patience(5000)));
		server = accept(listener, NULL, NULL);
	} while (server < 0 && errno == EAGAIN);
	ASSERT_GE(server, 0);
	ASSERT_EQ(1, write(server, "x", 1));
	memset(&event, 0, sizeof(event));
	EXPECT_EQ(1, epoll_wait(set, &event, 1, wrapped_patience(5000)));
	EXPECT_EQ(42u, event.data.u64);
	EXPECT_EQ(1, read(client, &(char){ 0 }, 1));
	close(client);
	close(server);
	close(listener);
}

TEST(connect_to_nobody)
{
	EXPECT_EQ(-1, wrapped_connect(AF_INET, wrapped_port("listen ", 0), 0));
	EXPECT_EQ(ECONNREFUSED, errno);
	EXPECT_EQ(-1, wrapped_connect(AF_INET, wrapped_port("listen ", 0), SOCK_NONBLOCK));
	EXPECT_EQ(ECONNREFUSED, errno);
}

/*
 * Of the second port ktlsrun was told a name that the certificate does not have. What the program
 * looks up itself comes first.
 */
TEST(connect_expects_the_name_looked_up)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list = NULL;
	uint16_t port = wrapped_port("listen ", 1);
	int listener = wrapped_listener(AF_INET, port, SOCK_NONBLOCK);
	struct sockaddr_storage address;
	socklen_t len = wrapped_address(AF_INET, port, &address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	EXPECT_EQ(-1, accept(listener, NULL, NULL));
	EXPECT_EQ(-1, connect(fd, (struct sockaddr *)&address, len));
	EXPECT_EQ(ECONNABORTED, errno);
	/* Who goes on nevertheless does not do so in the clear. */
	EXPECT_EQ(-1, send(fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_TRUE(errno == EPIPE || errno == ECONNRESET);
	close(fd);
	ASSERT_EQ(0, getaddrinfo("localhost", NULL, &hints, &list));
	freeaddrinfo(list);
	fd = wrapped_connect(AF_INET, port, 0);
	EXPECT_GE(fd, 0);
	close(fd);
	close(listener);
}

TEST(data_with_the_first_segment_is_refused)
{
	struct sockaddr_storage address;
	socklen_t len = wrapped_address(AF_INET, wrapped_port("listen ", 0), &address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	EXPECT_EQ(-1, sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, len));
	EXPECT_EQ(EOPNOTSUPP, errno);
	close(fd);
}

/* A port that ktlsrun was not told of is TCP's as before. */
TEST(other_ports_are_as_they_were)
{
	int listener = wrapped_listener(AF_INET, 0, 0), client, server;
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	char buf[4];

	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&address, &len));
	client = plain_connect(AF_INET, ntohs(address.sin_port));
	server = accept(listener, NULL, NULL);
	ASSERT_GE(server, 0);
	ASSERT_EQ(3, write(client, "abc", 3));
	EXPECT_EQ(3, read(server, buf, sizeof(buf)));
	close(client);
	EXPECT_EQ(0, read(server, buf, sizeof(buf)));
}

TEST(ipv6_and_ipv4_in_one_socket)
{
	uint16_t port = wrapped_port("listen ", 0);
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int listener = socket(AF_INET6, SOCK_STREAM, 0), on = 1, off = 0, client, server;
	struct sockaddr_in6 peer = { 0 };
	socklen_t len = sizeof(peer);
	struct wrapped_dial d;

	ASSERT_EQ(0, setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	ASSERT_EQ(0, setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)));
	ASSERT_EQ(0, bind(listener, (struct sockaddr *)&any, sizeof(any)));
	ASSERT_EQ(0, listen(listener, 16));
	wrapped_dial(&d, AF_INET, port);
	server = accept(listener, (struct sockaddr *)&peer, &len);
	ASSERT_GE(server, 0);
	client = wrapped_dialled(&d);
	EXPECT_EQ(AF_INET6, peer.sin6_family);
	EXPECT_TRUE(IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr));
	wrapped_works(client, server);
	close(client);
	close(server);
	close(listener);
}

TEST(many_connections_at_once)
{
	enum { MANY = 64 };
	int listener = wrapped_listener(AF_INET, wrapped_port("listen ", 0), 0);
	int clients[MANY], servers[MANY];

	for (int i = 0; i < MANY; i++)
		wrapped_pair(listener, AF_INET, &clients[i], &servers[i]);
	for (int i = 0; i < MANY; i++) {
		wrapped_works(clients[i], servers[i]);
		close(clients[i]);
	}
	for (int i = 0; i < MANY; i++) {
		has_ended(servers[i]);
		close(servers[i]);
	}
	close(listener);
}

TEST_HARNESS_MAIN
