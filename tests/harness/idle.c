/* SPDX-License-Identifier: MIT */
#include "tests/harness/idle.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/conn/internal.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"

#define IDLE 5000

static uint64_t cpu_of_process(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static bool allow_descriptors(rlim_t n)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= n)
		return true;
	limit.rlim_cur = n;
	if (limit.rlim_max < n)
		limit.rlim_max = n;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

void idle_handshakes(const struct conn_kernel_ops *kernel)
{
	static struct conn_end end[IDLE], *list[IDLE];
	static int peer[IDLE];
	struct conns conns;
	struct pollfd pfd = { .events = POLLIN };
	uint64_t cpu, stop;
	int fd[2], wakeups = 0;

	if (!allow_descriptors(2 * IDLE + 100))
		SKIP(return, "RLIMIT_NOFILE does not allow %d descriptors", 2 * IDLE + 100);
	conns_init(&conns, false);
	conns.config.handshakes_max = IDLE;
	conns.config.timeout_ms = 100000;
	if (kernel)
		conns.config.kernel = kernel;
	conns_open(&conns);
	pfd.fd = conn_loop_fd(conns.loop);
	for (int i = 0; i < IDLE; i++) {
		tcp_pair(fd, 0);
		peer[i] = fd[0];
		end[i].fd = fd[1];
		list[i] = &end[i];
		ASSERT_EQ(3, send(peer[i], "\x16\x03\x01", 3, 0));
		conns_begin(&conns, KTLS_SERVER, &end[i]);
	}
	usleep(100000);
	conns_settle(&conns);
	cpu = cpu_of_process();
	stop = timer_now() + 1000000000;
	while (timer_now() < stop) {
		wakeups += poll(&pfd, 1, (int)((stop - timer_now()) / 1000000) + 1);
		conn_loop_run(conns.loop);
	}
	cpu = cpu_of_process() - cpu;
	printf("%d handshakes with three bytes each: %llu us of CPU and %d wake-ups in a second\n",
	       IDLE, (unsigned long long)cpu, wakeups);
	EXPECT_LT(cpu, 20000);
	EXPECT_EQ(0, wakeups);
	EXPECT_EQ(IDLE, conn_loop_count(conns.loop));
	EXPECT_EQ(0, conns.loop->pool.used);
	for (int i = 0; i < IDLE; i++) {
		conn_abandon(end[i].conn);
		close_by_reset(peer[i]);
	}
	ASSERT_TRUE(conns_run(&conns, list, IDLE, 20000));
	for (int i = 0; i < IDLE; i++)
		close(end[i].fd);
	conns_wipe(&conns);
}
