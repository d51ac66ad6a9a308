/* SPDX-License-Identifier: MIT */
/*
 * Connections one after the other in each thread: connect, handshake, keys, a byte there, a byte
 * back, end. What is counted are those that came so far, at the client; its latency is the whole.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/ktls-bench/clocks.h"
#include "tests/bench/ktls-bench/worker.h"

#define FAILURES 100 /* in a row */

static int wait_until(int fd, short events)
{
	struct pollfd poller = { .fd = fd, .events = events };

	return poll(&poller, 1, WORKER_PATIENCE_S * 1000) == 1 ? 0 : -1;
}

static int send_byte(struct link *link)
{
	static const uint8_t byte = 'x';
	ssize_t n;

	do
		n = link->ops->send(link, &byte, 1, false);
	while (n == -EAGAIN && wait_until(link->fd, POLLOUT) == 0);
	return n == 1 ? 0 : -1;
}

static int receive_byte(struct link *link)
{
	const uint8_t *bytes;
	ssize_t n;

	do
		n = link->ops->receive(link, &bytes);
	while (n == -EAGAIN && wait_until(link->fd, POLLIN) == 0);
	return n == 1 && bytes[0] == 'x' ? 0 : -1;
}

static int talk(struct link *link, enum result_end end)
{
	if (end == RESULT_CLIENT)
		return send_byte(link) < 0 ? -1 : receive_byte(link);
	return receive_byte(link) < 0 ? -1 : send_byte(link);
}

/* Who closes first keeps the port busy for a minute: a reset instead. The server waits for it. */
static void end_connection(struct worker *w, struct link *link)
{
	const struct linger at_once = { .l_onoff = 1 };
	uint8_t byte;

	if (w->round->end == RESULT_CLIENT)
		setsockopt(link->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	else if (wait_until(link->fd, POLLIN) == 0)
		(void)!recv(link->fd, &byte, 1, MSG_DONTWAIT);
	worker_count_retransmits(w, link);
	link_close(link);
}

static bool one_connection(struct worker *w, int fd)
{
	struct link link = { .fd = -1 };
	bool good = link_open(&link, &w->maker, fd) == 0 && link_start(&link) == 0 &&
		    talk(&link, w->round->end) == 0;

	if (good)
		worker_count(w, &link);
	end_connection(w, &link);
	return good;
}

/* Failures since a connection succeeded. */
struct streak {
	unsigned int failed;
	uint64_t since;
};

/* One that failed is counted, and its reason kept in case that none succeeds. */
static void count(struct worker *w, bool good, uint64_t began, struct streak *streak)
{
	worker_tick(w);
	if (!good) {
		w->failures++;
		streak->failed++;
		return;
	}
	*streak = (struct streak){ .since = w->now };
	w->operations++;
	w->sent++;
	w->received++;
	histogram_add(&w->latencies, w->now - began);
}

static bool is_enough(const struct worker *w)
{
	return worker_over(w) || (w->plan->bytes > 0 && w->operations >= w->plan->bytes);
}

/* Where so many connections are wanted the other end's death would be no reason to stop. */
static bool is_hopeless(const struct worker *w, const struct streak *streak)
{
	const uint64_t patience = UINT64_C(3000000000) * WORKER_PATIENCE_S;

	return streak->failed > FAILURES ||
	       (streak->failed > 0 && w->now - streak->since > patience);
}

/* The serving end goes on until it is told that the round is over: there, a thread may not have had
 * a single connection because others were faster. */
void churn_run(struct worker *w)
{
	const bool client = w->round->end == RESULT_CLIENT;
	struct streak streak = { .since = w->now };

	while (client ? !is_enough(w) : !atomic_load(&w->round->stop)) {
		uint64_t began = wall_now();
		int fd = w->round->connect(w->round);

		if (fd < 0 && !client)
			break;
		count(w, fd >= 0 && one_connection(w, fd), began, &streak);
		if (client && is_hopeless(w, &streak))
			break;
	}
	if (client && (w->operations == 0 || is_hopeless(w, &streak)))
		round_fail(w->round, "%s connection succeeded%s%s",
			   w->operations == 0 ? "no" : "after a while, no more",
			   w->maker.failed[0] ? ": " : "", w->maker.failed);
}
