/* SPDX-License-Identifier: MIT */
#include "tests/harness/proxy.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/handoff/packet.h"
#include "lib/handoff/protocol.h"

#define PAIRS_MAX   32
#define TYPE_OFFSET 3 /* of the message's type in its header */

/* A client's connection, and the one to ktlsd that stands behind it. */
struct pair {
	int fd[2];
	unsigned int services; /* whose replies have not come */
};

struct proxy {
	struct pair pairs[PAIRS_MAX];
	size_t n;
	enum proxy_loss loss;
	unsigned int times, replies;
	const char *daemon;
};

static unsigned int *lost;

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, PAIRS_MAX) < 0)
		err(1, "%s", path);
	return fd;
}

static void accept_pair(struct proxy *proxy, int listener)
{
	struct sockaddr_un address = address_of(proxy->daemon);
	struct pair *pair = &proxy->pairs[proxy->n];
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int daemon = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (client < 0 || daemon < 0)
		err(1, "accept");
	if (proxy->n == PAIRS_MAX ||
	    connect(daemon, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(client);
		close(daemon);
		return;
	}
	*pair = (struct pair){ .fd = { client, daemon } };
	proxy->n++;
}

static void drop_pair(struct proxy *proxy, size_t i)
{
	close(proxy->pairs[i].fd[0]);
	close(proxy->pairs[i].fd[1]);
	proxy->pairs[i] = proxy->pairs[--proxy->n];
}

/* Whether this reply is one of those. */
static bool is_lost(struct proxy *proxy, struct pair *pair, uint8_t type)
{
	if (type != HANDOFF_REPLY || pair->services == 0)
		return false;
	pair->services--;
	if (*lost == proxy->times || proxy->replies++ % 2 != 0)
		return false;
	++*lost;
	return true;
}

/* One packet from a side to the other. False where the pair is over. */
static bool carry(struct proxy *proxy, struct pair *pair, int from)
{
	static uint8_t buf[HANDOFF_MESSAGE_MAX];
	struct handoff_packet packet;
	int r = handoff_recv(pair->fd[from], buf, sizeof(buf), &packet);

	if (r == -EAGAIN)
		return true;
	if (r <= 0)
		return false;
	if (from == 0 && buf[TYPE_OFFSET] == HANDOFF_SERVICE)
		pair->services++;
	if (from == 1 && is_lost(proxy, pair, buf[TYPE_OFFSET]))
		r = proxy->loss == PROXY_LOSES_LANE ? -EPIPE : 0;
	else
		r = handoff_send(pair->fd[!from], buf, packet.len,
				 packet.fds_len > 0 ? packet.fds[0] : -1);
	handoff_close_fds(&packet);
	return r >= 0;
}

static void serve(struct proxy *proxy, int listener)
{
	struct pollfd p[1 + 2 * PAIRS_MAX] = { { .fd = listener, .events = POLLIN } };

	for (;;) {
		size_t n = proxy->n;

		for (size_t i = 0; i < 2 * n; i++)
			p[1 + i] = (struct pollfd){ .fd = proxy->pairs[i / 2].fd[i % 2],
						    .events = POLLIN };
		if (poll(p, 1 + 2 * n, -1) < 0)
			err(1, "poll");
		/* From the last on: a pair that goes is replaced by one that has been dealt with.
		 */
		for (size_t i = n; i-- > 0;) {
			bool on = true;

			for (int side = 0; side < 2 && on; side++)
				if (p[1 + 2 * i + (size_t)side].revents)
					on = carry(proxy, &proxy->pairs[i], side);
			if (!on)
				drop_pair(proxy, i);
		}
		if (p[0].revents)
			accept_pair(proxy, listener);
	}
}

pid_t proxy_start(const char *path, const char *daemon, enum proxy_loss loss, unsigned int times)
{
	static struct proxy proxy;
	int listener = listen_at(path);
	pid_t pid;

	lost = mmap(NULL, sizeof(*lost), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (lost == MAP_FAILED)
		err(1, "mmap");
	proxy = (struct proxy){ .loss = loss, .times = times, .daemon = daemon };
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(&proxy, listener);
	}
	close(listener);
	return pid;
}

unsigned int proxy_lost(void)
{
	return *lost;
}

void proxy_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
