/* SPDX-License-Identifier: MIT */
/* ktls_listen() without ktlsd where accept() fails: connections wait in the kernel's queue. */
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/unit/embedded_listen.h"

/* How often k wants to be run, within that time from the first one on, for nothing. */
static int woken(struct ktls *k, int ms)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	struct pollfd p = { .fd = ktls_fd(k), .events = POLLIN };
	struct ktls_reply *reply;
	struct timespec begin, now;
	int n = 0;

	EXPECT_EQ(1, poll(&p, 1, 5000));
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		if (poll(&p, 1, 1) == 1) {
			EXPECT_EQ(-EAGAIN, ktls_collect(k, &reply));
			n++;
			nanosleep(&nap, NULL);
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < ms);
	return n;
}

/* A listening socket, and one that will connect to it while nobody can accept that. */
struct late {
	int listener, fd;
	uint64_t id;
	struct sockaddr_in address;
};

static void late_open(struct test_self_embedded *self, struct late *l)
{
	socklen_t len = sizeof(l->address);

	l->listener = listener_open(0);
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	l->id = listen_on(self->k, l->listener, 4);
	ASSERT_EQ(0, getsockname(l->listener, (struct sockaddr *)&l->address, &len));
	run(self->k, 20);
}

/* It stays in the kernel's queue. */
static void late_connect(struct test_self_embedded *self, const struct late *l, int ms)
{
	int n;

	ASSERT_EQ(0, connect(l->fd, (const struct sockaddr *)&l->address, sizeof(l->address)));
	n = woken(self->k, ms);
	TH_LOG("woken %d times", n);
	EXPECT_LT(n, 20);
	EXPECT_EQ(1, listener_waiting(l->listener));
}

/* Now somebody can. */
static void late_served(struct test_self_embedded *self, const struct late *l)
{
	ASSERT_EQ(0, ktls_start(self->k, l->fd, &as_client, NULL));
	for (int i = 0; i < 2; i++) {
		struct ktls_reply *reply = collect(self->k);

		EXPECT_STREQ("OK", ktls_reason_name((int)reply->reason));
		ktls_reply_free(reply);
	}
	cancel(self->k, l->id);
	close(l->fd);
	close(l->listener);
}

/* What accept4() says in this program, where it is not 0. */
static atomic_int accept_error;

/* In the place of libc's. */
int accept4(int fd, __SOCKADDR_ARG address, socklen_t *len, int flags)
{
	if (!accept_error)
		return (int)syscall(SYS_accept4, fd, address.__sockaddr__, len, flags);
	errno = accept_error;
	return -1;
}

TEST_F(embedded, waits_for_the_machine)
{
	static const int errors[] = { ENFILE, ENOBUFS, ENOMEM };
	struct late late;

	for (int i = 0; i < 3; i++) {
		late_open(self, &late);
		accept_error = errors[i];
		late_connect(self, &late, 100);
		accept_error = 0;
		late_served(self, &late);
	}
}

/* accept() says EMFILE. */
TEST_F(embedded, waits_for_a_descriptor)
{
	struct rlimit limit, few;
	struct late late;

	late_open(self, &late);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	few = (struct rlimit){ .rlim_cur = 3, .rlim_max = limit.rlim_max };
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &few));
	late_connect(self, &late, 400);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	late_served(self, &late);
}

TEST_HARNESS_MAIN
