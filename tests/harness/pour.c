/* SPDX-License-Identifier: MIT */
#include "tests/harness/pour.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/crypto/hash.h"
#include "lib/crypto/util.h"

#define SOURCE   ((size_t)1 << 20) /* bytes that all that is sent is cut from */
#define PIECE    65536             /* bytes at once, at most; what a pipe holds */
#define VECTORS  16
#define DIGEST   32
#define STALL_MS 120000

/* One direction. */
struct flow {
	struct pour *p;
	uint64_t state;  /* of what draws */
	uint8_t *source; /* a file, mapped */
	int file;
	int pipe[2];
	struct hash hash;
};

uint64_t pour_bytes(uint64_t usual)
{
	const char *text = getenv("KTLS_BULK_BYTES");

	return text ? strtoull(text, NULL, 0) : usual;
}

uint64_t pour_seed(void)
{
	const char *text = getenv("KTLS_BULK_SEED");
	uint64_t seed;

	if (text)
		return strtoull(text, NULL, 0);
	random_bytes(&seed, sizeof(seed));
	return seed;
}

const char *pour_way_name(enum pour_way way)
{
	static const char *const names[] = { "bytes", "vectors", "messages",
					     "files", "splices", "mixed" };

	return (size_t)way < sizeof(names) / sizeof(names[0]) ? names[way] : NULL;
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* xorshift64*: good enough for sizes. */
static uint64_t draw(struct flow *f)
{
	f->state ^= f->state >> 12;
	f->state ^= f->state << 25;
	f->state ^= f->state >> 27;
	return f->state * UINT64_C(2685821657736338717);
}

/* Of all orders of magnitude, and at most max. */
static size_t draw_size(struct flow *f, uint64_t max)
{
	uint64_t size = 1 + draw(f) % (UINT64_C(1) << (1 + draw(f) % 17));

	size = size > PIECE ? PIECE : size;
	return (size_t)(size > max ? max : size);
}

static enum pour_way draw_way(struct flow *f)
{
	return f->p->way == POUR_MIXED ? (enum pour_way)(draw(f) >> 32) % POUR_WAYS : f->p->way;
}

static void pause_maybe(struct flow *f)
{
	if (f->p->pauses && draw(f) % 256 == 0)
		usleep((useconds_t)(draw(f) % 5000));
}

/* ---- out ------------------------------------------------------------------------------------- */

static ssize_t out_vectors(struct flow *f, const uint8_t *at, size_t len)
{
	struct iovec iov[VECTORS];
	size_t used = 0, n = 0;

	while (used < len && n < VECTORS) {
		size_t piece = n == VECTORS - 1 ? len - used : (size_t)(draw(f) % (len - used + 1));

		iov[n++] = (struct iovec){ (void *)(uintptr_t)(at + used), piece };
		used += piece;
	}
	return writev(f->p->fd, iov, (int)n);
}

static ssize_t out_message(struct flow *f, const uint8_t *at, size_t len, bool last)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)at, len / 3 },
				{ (void *)(uintptr_t)(at + len / 3), len - len / 3 } };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };

	return sendmsg(f->p->fd, &message,
		       MSG_NOSIGNAL | (!last && draw(f) % 4 == 0 ? MSG_MORE : 0));
}

/* All that goes into the pipe comes out of it. */
static ssize_t out_splice(struct flow *f, const uint8_t *at, size_t len)
{
	ssize_t filled = write(f->pipe[1], at, len);

	for (ssize_t done = 0, n; done < filled; done += n) {
		n = splice(f->pipe[0], NULL, f->p->fd, NULL, (size_t)(filled - done), 0);
		if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){ .fd = f->p->fd, .events = POLLOUT }, 1, STALL_MS);
			n = 0;
		}
		if (n < 0)
			return -1;
	}
	return filled;
}

/* A piece of the source in one of the ways. */
static ssize_t out(struct flow *f, size_t from, size_t len, bool last)
{
	const uint8_t *at = f->source + from;
	off_t offset = (off_t)from;

	switch (draw_way(f)) {
	case POUR_VECTORS:
		return out_vectors(f, at, len);
	case POUR_MESSAGES:
		return out_message(f, at, len, last);
	case POUR_FILES:
		return sendfile(f->p->fd, f->file, &offset, len);
	case POUR_SPLICES:
		return out_splice(f, at, len);
	default:
		return write(f->p->fd, at, len);
	}
}

static bool wait_for_room(struct flow *f)
{
	struct pollfd pfd = { .fd = f->p->fd, .events = POLLOUT };

	return errno == EINTR || (errno == EAGAIN && poll(&pfd, 1, STALL_MS) == 1);
}

static int out_all(struct flow *f)
{
	struct pour *p = f->p;

	while (p->sent < p->bytes) {
		size_t len = draw_size(f, p->bytes - p->sent);
		size_t from = (size_t)(draw(f) % (SOURCE - len + 1));
		int r = p->before_send ? p->before_send(p->arg, p->fd, p->sent) : 0;
		ssize_t n;

		if (r < 0) {
			errno = -r;
			if (!wait_for_room(f))
				return -r;
			continue;
		}
		n = out(f, from, len, p->bytes - p->sent == len);
		if (n < 0 && !wait_for_room(f))
			return errno;
		if (n > 0) {
			hash_update(&f->hash, f->source + from, (size_t)n);
			p->sent += (uint64_t)n;
		}
		pause_maybe(f);
	}
	return 0;
}

static int out_digest(struct flow *f)
{
	uint8_t digest[DIGEST];

	hash_final(&f->hash, digest);
	for (size_t at = 0; at < DIGEST;) {
		ssize_t n = send(f->p->fd, digest + at, DIGEST - at, MSG_NOSIGNAL);

		if (n < 0 && !wait_for_room(f))
			return errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* ---- in -------------------------------------------------------------------------------------- */

static ssize_t in_vectors(struct flow *f, uint8_t *at, size_t len)
{
	struct iovec iov[3] = { { at, len / 4 },
				{ at + len / 4, len / 2 },
				{ at + len / 4 + len / 2, len - len / 4 - len / 2 } };

	return readv(f->p->fd, iov, 3);
}

/* With room for the type of a record, which is to be data. */
static ssize_t in_message(struct flow *f, uint8_t *at, size_t len)
{
	struct iovec iov = { at, len };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	return recvmsg(f->p->fd, &message, 0);
}

static ssize_t in_splice(struct flow *f, uint8_t *at, size_t len)
{
	ssize_t n = splice(f->p->fd, NULL, f->pipe[1], NULL, len, 0);

	for (ssize_t done = 0, got; done < n; done += got) {
		got = read(f->pipe[0], at + done, (size_t)(n - done));
		if (got <= 0)
			return -1;
	}
	return n;
}

static ssize_t in(struct flow *f, uint8_t *at, size_t len)
{
	switch (draw_way(f)) {
	case POUR_VECTORS:
		return in_vectors(f, at, len);
	case POUR_MESSAGES:
		return in_message(f, at, len);
	case POUR_FILES:
		return recv(f->p->fd, at, len, MSG_WAITALL);
	case POUR_SPLICES:
		return in_splice(f, at, len);
	default:
		return read(f->p->fd, at, len);
	}
}

/* Nothing came. True: try again. */
static bool in_again(struct flow *f, ssize_t n)
{
	struct pollfd pfd = { .fd = f->p->fd, .events = POLLIN };
	int error = n == 0 ? 0 : errno;

	if (error == EINTR)
		return true;
	if (error == EAGAIN)
		return poll(&pfd, 1, STALL_MS) == 1;
	if (f->p->recover && f->p->recover(f->p->arg, f->p->fd, error) == 1)
		return true;
	errno = error != 0 ? error : ENODATA;
	return false;
}

static int in_all(struct flow *f, uint8_t *buf)
{
	struct pour *p = f->p;

	while (p->received < p->bytes) {
		size_t len = draw_size(f, p->bytes - p->received);
		ssize_t n = in(f, buf, len);

		if (n <= 0) {
			if (!in_again(f, n))
				return errno;
			continue;
		}
		hash_update(&f->hash, buf, (size_t)n);
		p->received += (uint64_t)n;
		pause_maybe(f);
	}
	return 0;
}

static int in_digest(struct flow *f)
{
	uint8_t mine[DIGEST], peers[DIGEST];

	hash_final(&f->hash, mine);
	for (size_t at = 0; at < DIGEST;) {
		ssize_t n = recv(f->p->fd, peers + at, DIGEST - at, 0);

		if (n <= 0 && !in_again(f, n))
			return errno;
		at += n > 0 ? (size_t)n : 0;
	}
	f->p->same = memcmp(mine, peers, DIGEST) == 0;
	return 0;
}

/* ---- both ------------------------------------------------------------------------------------ */

static bool flow_open(struct flow *f, struct pour *p, uint64_t seed)
{
	*f = (struct flow){ .p = p, .state = seed * 2 + 1, .pipe = { -1, -1 } };
	hash_init(&f->hash, HASH_SHA256);
	f->file = memfd_create("pour", MFD_CLOEXEC);
	if (f->file < 0 || ftruncate(f->file, (off_t)SOURCE) < 0 || pipe2(f->pipe, O_CLOEXEC) < 0)
		return false;
	f->source = mmap(NULL, SOURCE, PROT_READ | PROT_WRITE, MAP_SHARED, f->file, 0);
	if (f->source == MAP_FAILED)
		return false;
	for (size_t at = 0; at < SOURCE; at += 8) {
		uint64_t word = draw(f);

		memcpy(f->source + at, &word, 8);
	}
	return true;
}

static void flow_close(struct flow *f)
{
	if (f->source && f->source != MAP_FAILED)
		munmap(f->source, SOURCE);
	close(f->file);
	close(f->pipe[0]);
	close(f->pipe[1]);
}

/* Who cannot go on says so to the peer, which would wait for ever. */
static void *send_it(void *arg)
{
	struct pour *p = arg;
	struct flow f;
	sigset_t pipe;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, NULL);
	p->send_error = flow_open(&f, p, p->seed) ? out_all(&f) : errno;
	if (p->send_error == 0)
		p->send_error = out_digest(&f);
	if (p->send_error != 0)
		shutdown(p->fd, SHUT_RDWR);
	flow_close(&f);
	return NULL;
}

static void recv_it(struct pour *p)
{
	uint8_t *buf = malloc(PIECE);
	struct flow f;

	p->recv_error = flow_open(&f, p, p->seed + 1) && buf ? in_all(&f, buf) : errno;
	if (p->recv_error == 0)
		p->recv_error = in_digest(&f);
	if (p->recv_error != 0)
		shutdown(p->fd, SHUT_RDWR);
	flow_close(&f);
	free(buf);
}

bool pour_both(struct pour *p)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, send_it, p) != 0)
		return false;
	recv_it(p);
	pthread_join(thread, NULL);
	return p->send_error == 0 && p->recv_error == 0 && p->same;
}
