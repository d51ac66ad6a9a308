/* SPDX-License-Identifier: MIT */
#include "tests/harness/play.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

#define PLAYED_MAX  8
#define KEYS_MAX    256
#define CONTENT_MAX 16384
#define KEY_UPDATE  24

/* A socket. */
struct played {
	uint64_t cookie;
	pthread_mutex_t lock;
	struct ktls_traffic_key tx, rx;
	bool rekeys;
	bool waits; /* for a key to receive with */
	bool reused;
	int fail_installs, fail_records, fail_error;
	uint8_t keys[KEYS_MAX][32]; /* for sending, so far */
	int keys_len;
	uint8_t record[KEYED_RECORD_MAX];
	uint8_t content[KEYED_RECORD_MAX]; /* of a record that was opened */
	size_t len, at;
	bool opened;
	uint8_t type;
};

static struct played *table;
static int table_len;

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	(void)getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	return cookie;
}

/* Locked. */
static struct played *played(int fd)
{
	uint64_t cookie = cookie_of(fd);

	for (int i = 0; i < table_len; i++) {
		if (table[i].cookie != cookie)
			continue;
		pthread_mutex_lock(&table[i].lock);
		return &table[i];
	}
	return NULL;
}

static void done(struct played *p)
{
	pthread_mutex_unlock(&p->lock);
}

static void key_is_new(struct played *p, const struct ktls_traffic_key *key)
{
	for (int i = 0; i < p->keys_len; i++)
		if (memcmp(p->keys[i], key->key, sizeof(key->key)) == 0)
			p->reused = true;
	ASSERT_LT(p->keys_len, KEYS_MAX);
	memcpy(p->keys[p->keys_len++], key->key, sizeof(key->key));
}

void play_attach(int fd, const struct ktls_traffic_key *tx, const struct ktls_traffic_key *rx,
		 bool rekeys)
{
	pthread_mutexattr_t attr;
	struct played *p;

	if (!table)
		table = mmap(NULL, PLAYED_MAX * sizeof(*table), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(table != MAP_FAILED);
	ASSERT_LT(table_len, PLAYED_MAX);
	p = &table[table_len++];
	p->cookie = cookie_of(fd);
	p->tx = *tx;
	p->rx = *rx;
	p->rekeys = rekeys;
	key_is_new(p, tx);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&p->lock, &attr);
}

void play_fail_installs(int fd, int times)
{
	struct played *p = played(fd);

	p->fail_installs = times;
	done(p);
}

void play_fail_records(int fd, int times, int error)
{
	struct played *p = played(fd);

	p->fail_records = times;
	p->fail_error = error;
	done(p);
}

bool play_key_reused(int fd)
{
	struct played *p = played(fd);
	bool reused = p->reused;

	done(p);
	return reused;
}

int play_keys(int fd)
{
	struct played *p = played(fd);
	int n = p->keys_len;

	done(p);
	return n;
}

/* ---- keys ---------------------------------------------------------------------------------- */

static int play_get(int fd, bool transmit, struct ktls_traffic_key *out)
{
	struct played *p = played(fd);

	if (!p)
		return -ENOPROTOOPT;
	*out = transmit ? p->tx : p->rx;
	done(p);
	return 0;
}

static int play_version(int fd)
{
	struct ktls_traffic_key key;
	int ret = play_get(fd, false, &key);

	return ret < 0 ? ret : key.version;
}

static int install(struct played *p, bool transmit, const struct ktls_traffic_key *key, int *error)
{
	if (!p->rekeys) {
		*error = EBUSY;
		return -KTLS_R_SOCKET_HAS_KEYS;
	}
	if (p->fail_installs > 0) {
		p->fail_installs--;
		*error = ENOMEM;
		return -KTLS_R_NO_MEMORY;
	}
	if (transmit) {
		key_is_new(p, key);
		p->tx = *key;
	} else {
		p->rx = *key;
		p->waits = false;
	}
	return 0;
}

static int play_install(int fd, bool transmit, const struct ktls_traffic_key *key, int *error)
{
	struct played *p = played(fd);
	int ret = install(p, transmit, key, error);

	done(p);
	return ret;
}

/* ---- sending ------------------------------------------------------------------------------- */

static bool blocks(int fd, int flags)
{
	return !(flags & MSG_DONTWAIT) && !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* There is room for a record where poll() says that there is room for anything. */
static bool room(int fd, bool wait)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	return poll(&pfd, 1, wait ? 60000 : 0) == 1;
}

static ssize_t send_one(struct played *p, int fd, uint8_t type, const void *bytes, size_t len)
{
	uint8_t record[KEYED_RECORD_MAX];
	size_t record_len, at = 0;
	ssize_t n;

	if (type != RECORD_APPLICATION_DATA && p->fail_records > 0) {
		p->fail_records--;
		return p->fail_error;
	}
	record_len = keyed_seal(&p->tx, type, bytes, len, record);
	while (at < record_len) {
		n = send(fd, record + at, record_len - at, MSG_NOSIGNAL);
		/* TCP said already that it is over: it is taken, and vanishes. */
		if (n < 0 && errno == EPIPE)
			return (ssize_t)len;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n < 0)
			(void)room(fd, true);
		at += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)len;
}

static ssize_t play_send_record(int fd, uint8_t type, const void *bytes, size_t len, int flags)
{
	struct played *p;
	ssize_t n;

	if (!room(fd, blocks(fd, flags)))
		return -EAGAIN;
	p = played(fd);
	if (!p)
		return -ENOKEY;
	n = send_one(p, fd, type, bytes, len);
	done(p);
	return n;
}

/* Each buffer makes records of its own, which is as good as any. */
static ssize_t play_send(int fd, const struct msghdr *message, int flags)
{
	ssize_t total = 0, n;

	for (size_t i = 0; i < message->msg_iovlen; i++) {
		const uint8_t *at = message->msg_iov[i].iov_base;
		size_t left = message->msg_iov[i].iov_len;

		while (left > 0) {
			n = play_send_record(fd, RECORD_APPLICATION_DATA, at,
					     left < CONTENT_MAX ? left : CONTENT_MAX, flags);
			if (n < 0)
				return total > 0 ? total : n;
			at += n;
			left -= (size_t)n;
			total += n;
		}
	}
	return total;
}

static ssize_t play_sendfile(int fd, int in_fd, off_t *offset, size_t count)
{
	uint8_t bytes[CONTENT_MAX];
	ssize_t n = pread(in_fd, bytes, count < sizeof(bytes) ? count : sizeof(bytes), *offset);

	if (n > 0)
		n = play_send_record(fd, RECORD_APPLICATION_DATA, bytes, (size_t)n, 0);
	if (n > 0)
		*offset += n;
	return n;
}

/* ---- receiving ----------------------------------------------------------------------------- */

/* Opens the next record, if it is all there. */
static int open_next(struct played *p, int fd)
{
	int there = 0;
	size_t len;
	ssize_t n;

	if (p->waits)
		return -EKEYEXPIRED;
	n = recv(fd, p->record, 5, MSG_PEEK | MSG_DONTWAIT);
	if (n <= 0)
		return n == 0 ? -ENODATA : -errno;
	len = 5 + ((size_t)p->record[3] << 8 | p->record[4]);
	if (n < 5 || ioctl(fd, FIONREAD, &there) < 0 || (size_t)there < len)
		return -EAGAIN;
	ASSERT_EQ(len, recv(fd, p->record, len, MSG_DONTWAIT));
	n = keyed_open(&p->rx, p->record, len, &p->type, p->content);
	if (n < 0)
		return -EBADMSG;
	p->len = (size_t)n;
	p->at = 0;
	p->opened = true;
	if (p->rekeys && p->type == RECORD_HANDSHAKE && n > 0 && p->content[0] == KEY_UPDATE)
		p->waits = true;
	return 0;
}

static ssize_t recv_opened(struct played *p, const struct iovec *iov, size_t iov_len, bool peek)
{
	size_t at = p->at, part;

	for (size_t i = 0; i < iov_len; i++) {
		part = p->len - at < iov[i].iov_len ? p->len - at : iov[i].iov_len;
		if (part > 0)
			memcpy(iov[i].iov_base, p->content + at, part);
		at += part;
	}
	part = at - p->at;
	if (!peek)
		p->at = at;
	p->opened = p->at < p->len || (peek && p->len == 0);
	return (ssize_t)part;
}

static ssize_t recv_once(int fd, const struct iovec *iov, size_t iov_len, int flags, uint8_t *type,
			 bool *end)
{
	struct played *p = played(fd);
	ssize_t n = 0;

	if (!p)
		return -ENOKEY;
	if (!p->opened)
		n = open_next(p, fd);
	if (n == 0) {
		*type = p->type;
		n = recv_opened(p, iov, iov_len, flags & MSG_PEEK);
		*end = !p->opened;
	}
	done(p);
	return n;
}

static ssize_t play_recv(int fd, const struct iovec *iov, size_t iov_len, int flags, uint8_t *type,
			 bool *end)
{
	ssize_t n = recv_once(fd, iov, iov_len, flags, type, end);

	while (n == -EAGAIN && blocks(fd, flags)) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		(void)poll(&pfd, 1, 1000);
		n = recv_once(fd, iov, iov_len, flags, type, end);
	}
	return n;
}

const struct session_kernel play_kernel = {
	.recv = play_recv,
	.send = play_send,
	.sendfile = play_sendfile,
	.send_record = play_send_record,
	.version = play_version,
	.get = play_get,
	.install = play_install,
};
