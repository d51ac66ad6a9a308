/* SPDX-License-Identifier: MIT */
#include "tests/harness/soak.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <ktls.h>

#include "tests/harness/conns.h"
#include "tests/harness/daemon.h"
#include "tests/harness/harness.h"
#include "tests/harness/processes.h"

#define PAIRS_MAX 16

/* What becomes of a connection. */
enum kind {
	GOOD,      /* both ends are handed over, and carry a message */
	NAME,      /* the server is another than the client wants */
	GARBAGE,   /* a client that does not speak TLS */
	HALF,      /* a client that goes away in the middle of its ClientHello */
	RESET,     /* ... with a reset */
	SILENT,    /* nobody says anything, until the deadline */
	CANCELLED, /* the application thinks better of it */
	GONE,      /* the application is closed before the replies come */
	KINDS
};

struct pair {
	enum kind kind;
	int fd[2]; /* server's, client's */
	uint64_t id[2];
	int left;    /* replies that are yet to come */
	int reasons; /* as they should be */
	bool used[2];
};

struct run {
	const struct soak *soak;
	struct daemon daemon;
	struct ktls *k;
	int listener;
	struct sockaddr_in address;
	unsigned int connections;
	unsigned int hand_offs;
	unsigned int by_kind[KINDS];
	struct pair pairs[PAIRS_MAX];
};

/* ---- connections ----------------------------------------------------------------------------- */

static void listen_somewhere(struct run *r)
{
	socklen_t len = sizeof(r->address);

	r->address = (struct sockaddr_in){ .sin_family = AF_INET };
	r->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(0, bind(r->listener, (struct sockaddr *)&r->address, len));
	ASSERT_EQ(0, listen(r->listener, PAIRS_MAX));
	ASSERT_EQ(0, getsockname(r->listener, (struct sockaddr *)&r->address, &len));
}

/* From ever other addresses: their ports stay taken for a minute. */
static void connect_pair(struct run *r, int fd[2])
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	int one = 1;

	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + r->connections++ % 200);
	fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_GE(fd[1], 0);
	setsockopt(fd[1], IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	ASSERT_EQ(0, bind(fd[1], (struct sockaddr *)&from, sizeof(from)));
	ASSERT_EQ(0, connect(fd[1], (struct sockaddr *)&r->address, sizeof(r->address)));
	fd[0] = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_GE(fd[0], 0);
}

/* ---- hand-offs ------------------------------------------------------------------------------- */

static void hand_over(struct run *r, struct pair *p, int end, const char *name, uint32_t deadline)
{
	struct ktls_params params = { .role = end == 0 ? KTLS_SERVER : KTLS_CLIENT,
				      .server_name = end == 0 ? NULL : name,
				      .records = r->soak->records,
				      .deadline_ms = deadline };

	ASSERT_EQ(0, ktls_start(r->k, p->fd[end], &params, &p->id[end]));
	p->left++;
	r->hand_offs++;
}

static void abandon(struct run *r, struct pair *p)
{
	struct ktls_params params = { .role = KTLS_SERVER, .records = r->soak->records };
	struct ktls *k = ktls_open(r->daemon.socket, NULL);

	ASSERT_NOT_NULL(k);
	ASSERT_EQ(0, ktls_start(k, p->fd[0], &params, NULL));
	(void)!write(p->fd[1], "\x16\x03\x01\x02", 4);
	ktls_close(k);
	r->hand_offs++;
}

static void begin(struct run *r, struct pair *p, enum kind kind)
{
	*p = (struct pair){ .kind = kind };
	connect_pair(r, p->fd);
	r->by_kind[kind]++;
	if (kind == GONE) {
		abandon(r, p);
		return;
	}
	hand_over(r, p, 0, NULL, kind == SILENT ? 20 : 30000);
	switch (kind) {
	case GOOD:
	case NAME:
		hand_over(r, p, 1, kind == GOOD ? "localhost" : "elsewhere.example", 30000);
		break;
	case GARBAGE:
		(void)!write(p->fd[1], "GET / HTTP/1.0\r\n\r\n", 18);
		break;
	case CANCELLED:
		ASSERT_EQ(0, ktls_cancel(r->k, p->id[0]));
		break;
	case HALF:
	case RESET:
		(void)!write(p->fd[1], "\x16\x03\x01\x02\x00\x01\x00\x01", 8);
		if (kind == RESET)
			close_by_reset(p->fd[1]);
		else
			close(p->fd[1]);
		p->fd[1] = -1;
		break;
	default:
		break;
	}
}

static bool as_expected(enum kind kind, enum ktls_reason reason)
{
	switch (kind) {
	case GOOD:
		return reason == KTLS_OK;
	case NAME:
		return reason == KTLS_R_CERTIFICATE_NAME || reason == KTLS_R_PEER_ALERT;
	case HALF:
		return reason == KTLS_R_PEER_EOF || reason == KTLS_R_PEER_RESET;
	case RESET:
		return reason == KTLS_R_PEER_RESET || reason == KTLS_R_PEER_EOF;
	case SILENT:
		return reason == KTLS_R_DEADLINE;
	case CANCELLED:
		return reason == KTLS_R_CANCELLED;
	default:
		return reason != KTLS_OK;
	}
}

static struct pair *pair_of(struct run *r, uint64_t id)
{
	for (size_t i = 0; i < r->soak->at_once; i++)
		for (int end = 0; end < 2; end++)
			if (r->pairs[i].left > 0 && r->pairs[i].id[end] == id)
				return &r->pairs[i];
	return NULL;
}

static void take_reply(struct run *r, const struct ktls_reply *reply)
{
	struct pair *p = pair_of(r, reply->id);

	ASSERT_NOT_NULL(p);
	p->left--;
	if (as_expected(p->kind, reply->reason))
		return;
	TH_LOG("kind %d: %s: %s", (int)p->kind, ktls_reason_name((int)reply->reason), reply->text);
	ASSERT_TRUE(false);
}

static bool any_left(const struct run *r)
{
	for (size_t i = 0; i < r->soak->at_once; i++)
		if (r->pairs[i].left > 0)
			return true;
	return false;
}

static void collect_all(struct run *r)
{
	struct pollfd pfd = { .fd = ktls_fd(r->k), .events = POLLIN };
	struct ktls_reply *reply;
	int result;

	while (any_left(r)) {
		result = ktls_collect(r->k, &reply);
		if (result == 0) {
			take_reply(r, reply);
			ktls_reply_free(reply);
			continue;
		}
		ASSERT_EQ(-EAGAIN, result);
		ASSERT_EQ(1, poll(&pfd, 1, 60000));
	}
}

/* The server's end is read: the client's has tickets before the data. */
static void end(struct pair *p)
{
	char got[64];

	if (p->kind == GOOD) {
		ASSERT_EQ(7, send(p->fd[1], "carried", 7, MSG_NOSIGNAL));
		ASSERT_EQ(7, recv(p->fd[0], got, sizeof(got), 0));
		ASSERT_MEMEQ("carried", got, 7);
	}
	for (int i = 0; i < 2; i++) {
		if (p->fd[i] >= 0)
			close(p->fd[i]);
	}
}

static void hand_offs_until(struct run *r, unsigned int number)
{
	for (unsigned int at = 0; r->hand_offs < number;) {
		for (size_t i = 0; i < r->soak->at_once; i++)
			begin(r, &r->pairs[i], at++ % 2 ? GOOD : (enum kind)(at / 2 % KINDS));
		collect_all(r);
		for (size_t i = 0; i < r->soak->at_once; i++)
			end(&r->pairs[i]);
	}
}

/* ---- all of it ------------------------------------------------------------------------------- */

static unsigned int number_of(const struct soak *s)
{
	const char *text = getenv("KTLS_SOAK");
	int n = text ? atoi(text) : 0;

	return n > 0 ? (unsigned int)n : s->number;
}

void soak(const struct soak *s)
{
	struct run r = { .soak = s };
	unsigned int number = number_of(s);
	struct processes before, after;
	time_t since = time(NULL);

	ASSERT_LE(s->at_once, PAIRS_MAX);
	daemon_open(&r.daemon, "workers = 2\nlog = stderr\n", s->profile, NULL);
	r.k = ktls_open(r.daemon.socket, NULL);
	ASSERT_NOT_NULL(r.k);
	listen_somewhere(&r);
	hand_offs_until(&r, number / 4);
	processes_settle(r.daemon.pid, NULL, &before);
	hand_offs_until(&r, number);
	processes_settle(r.daemon.pid, &before, &after);
	TH_LOG("%u hand-offs, %u connections in %ld s", r.hand_offs, r.connections,
	       (long)(time(NULL) - since));
	for (int kind = 0; kind < KINDS; kind++)
		EXPECT_GT(r.by_kind[kind], 0);
	processes_expect_same(&before, &after);
	close(r.listener);
	ktls_close(r.k);
	daemon_close(&r.daemon);
}
