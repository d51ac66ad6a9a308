/* SPDX-License-Identifier: MIT */
/*
 * Run by ktlsrun: signals while a blocking send waits for a slow reader. Some kernels give a
 * connection up for that; under ktlsrun it goes on, and EINTR is the worst that is heard of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/harness.h"
#include "tests/harness/storm.h"
#include "tests/harness/wrapped.h"

#define TOTAL  ((size_t)1 << 18)
#define BUFFER 4096 /* of the sockets: a record waits in the middle of it */
#define CHUNK  16384

static uint8_t *data;
static int file, pipes[2];
static size_t piped; /* bytes of the data that are in the pipe, or were */

/* ---- how it is sent ----------------------------------------------------------------------------
 */

static ssize_t by_write(int fd, size_t at, size_t len)
{
	return write(fd, data + at, len);
}

static ssize_t by_writev(int fd, size_t at, size_t len)
{
	struct iovec iov[3] = { { data + at, len / 3 },
				{ NULL, 0 },
				{ data + at + len / 3, len - len / 3 } };

	return writev(fd, iov, 3);
}

static ssize_t by_sendfile(int fd, size_t at, size_t len)
{
	off_t offset = (off_t)at;
	ssize_t n = sendfile(fd, file, &offset, len);

	if (n >= 0)
		EXPECT_EQ((off_t)at + n, offset);
	return n;
}

/* What is in the pipe already was put there by a call before, which may have been interrupted. */
static ssize_t by_splice(int fd, size_t at, size_t len)
{
	ssize_t n;

	if (piped == at) {
		n = write(pipes[1], data + at, len);
		if (n < 0)
			return n;
		piped += (size_t)n;
	}
	return splice(pipes[0], NULL, fd, NULL, piped - at, 0);
}

FIXTURE(signals)
{
	int listener, client, server;
};

FIXTURE_VARIANT(signals)
{
	ssize_t (*send)(int fd, size_t at, size_t len);
	int flags;
};

FIXTURE_VARIANT_ADD(signals, write){ by_write, 0 };
FIXTURE_VARIANT_ADD(signals, write_restart){ by_write, SA_RESTART };
FIXTURE_VARIANT_ADD(signals, writev){ by_writev, 0 };
FIXTURE_VARIANT_ADD(signals, sendfile){ by_sendfile, 0 };
FIXTURE_VARIANT_ADD(signals, sendfile_restart){ by_sendfile, SA_RESTART };
FIXTURE_VARIANT_ADD(signals, splice){ by_splice, 0 };

static void narrow(int fd, int buffer)
{
	const int size = BUFFER;

	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, buffer, &size, sizeof(size)));
}

FIXTURE_SETUP(signals)
{
	file = memfd_create("data", MFD_CLOEXEC);
	ASSERT_EQ(0, ftruncate(file, TOTAL));
	data = mmap(NULL, TOTAL, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ASSERT_TRUE(data != MAP_FAILED);
	for (size_t i = 0; i < TOTAL; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	ASSERT_EQ(0, pipe(pipes));
	piped = 0;
	self->listener = wrapped_bound(AF_INET, wrapped_port("listen ", 0), 0);
	narrow(self->listener, SO_RCVBUF);
	ASSERT_EQ(0, listen(self->listener, 1));
	wrapped_pair(self->listener, AF_INET, &self->client, &self->server);
	narrow(self->client, SO_SNDBUF);
}

FIXTURE_TEARDOWN(signals)
{
	close(self->client);
	close(self->server);
	close(self->listener);
}

/* ---- the other end -----------------------------------------------------------------------------
 */

struct reading {
	pthread_t thread;
	int fd;
	size_t got;
	int wrong, error;
};

static void *read_slowly(void *arg)
{
	static uint8_t buf[CHUNK];
	struct reading *r = arg;
	ssize_t n;

	while ((n = read(r->fd, buf, sizeof(buf))) > 0) {
		r->wrong |=
			r->got + (size_t)n > TOTAL || memcmp(buf, data + r->got, (size_t)n) != 0;
		r->got += (size_t)n;
		nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
	}
	r->error = n < 0 ? errno : 0;
	return NULL;
}

/* The signals are for the thread that sends. */
static void begin(struct reading *r, int flags)
{
	sigset_t alarm;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	ASSERT_EQ(0, pthread_create(&r->thread, NULL, read_slowly, r));
	pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
	storm_begin(flags);
}

TEST_F(signals, a_slow_reader_gets_every_byte)
{
	struct reading r = { .fd = self->server };
	unsigned int interrupted = 0;
	size_t done = 0;
	ssize_t n = 1;

	begin(&r, variant->flags);
	while (done < TOTAL && (n > 0 || errno == EINTR)) {
		storm_again();
		n = variant->send(self->client, done, TOTAL - done < CHUNK ? TOTAL - done : CHUNK);
		interrupted += n < 0;
		done += n > 0 ? (size_t)n : 0;
	}
	TH_LOG("%u times interrupted, %d signals", interrupted, (int)storm_ticks);
	EXPECT_EQ(TOTAL, done);
	EXPECT_EQ(0, close(self->client));
	self->client = -1;
	pthread_join(r.thread, NULL);
	storm_end();
	EXPECT_EQ(0, r.error);
	EXPECT_EQ(0, r.wrong);
	EXPECT_EQ(TOTAL, r.got);
}

TEST_HARNESS_MAIN
