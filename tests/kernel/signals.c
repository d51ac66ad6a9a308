/* SPDX-License-Identifier: MIT */
/*
 * Signals while a blocking send waits for a slow reader: a timer of a millisecond, whose handler
 * does nothing. The socket's buffers are small, so it waits in the middle of a record. Where the
 * probe says that this ends a connection, it does for plain calls, but for none of libktls's.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ktls-session.h>

#include "lib/ktls/loopback.h"
#include "tests/harness/storm.h"
#include "tests/harness/tls_pair.h"

#define TOTAL ((size_t)1 << 18)
#define CHUNK 16384

struct signals_state {
	struct tls_pair pair;
	struct ktls_session *session;
	int fd, file;
	size_t at;
	size_t *read; /* by the other end */
	uint8_t *bytes;
};

FIXTURE(signals)
{
	struct signals_state s;
	pid_t reader;
};

FIXTURE_VARIANT(signals)
{
	/* Sends from there on; the result, or a negative errno. */
	ssize_t (*send)(struct signals_state * s, size_t len);
	int flags; /* SA_RESTART */
	bool ours; /* libktls's call */
};

/* ---- how it is sent ----------------------------------------------------------------------------
 */

static ssize_t errno_of(ssize_t n)
{
	return n < 0 ? -errno : n;
}

static ssize_t by_write(struct signals_state *s, size_t len)
{
	return errno_of(write(s->fd, s->bytes + s->at, len));
}

static ssize_t by_sendfile(struct signals_state *s, size_t len)
{
	off_t at = (off_t)s->at;

	return errno_of(sendfile(s->fd, s->file, &at, len));
}

static ssize_t by_ktls_send(struct signals_state *s, size_t len)
{
	return ktls_send(s->session, s->fd, s->bytes + s->at, len, 0);
}

static ssize_t by_ktls_sendmsg(struct signals_state *s, size_t len)
{
	struct iovec iov[2] = { { s->bytes + s->at, len / 3 },
				{ s->bytes + s->at + len / 3, len - len / 3 } };
	const struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };

	return ktls_sendmsg(s->session, s->fd, &message, 0);
}

static ssize_t by_ktls_sendfile(struct signals_state *s, size_t len)
{
	off_t at = (off_t)s->at;
	ssize_t n = ktls_sendfile(s->session, s->fd, s->file, &at, len);

	if (n >= 0)
		EXPECT_EQ((off_t)s->at + n, at);
	return n;
}

FIXTURE_VARIANT_ADD(signals, write){ by_write, 0, false };
FIXTURE_VARIANT_ADD(signals, write_restart){ by_write, SA_RESTART, false };
FIXTURE_VARIANT_ADD(signals, sendfile){ by_sendfile, 0, false };
FIXTURE_VARIANT_ADD(signals, sendfile_restart){ by_sendfile, SA_RESTART, false };
FIXTURE_VARIANT_ADD(signals, ktls_send){ by_ktls_send, 0, true };
FIXTURE_VARIANT_ADD(signals, ktls_send_restart){ by_ktls_send, SA_RESTART, true };
FIXTURE_VARIANT_ADD(signals, ktls_sendmsg){ by_ktls_sendmsg, 0, true };
FIXTURE_VARIANT_ADD(signals, ktls_sendfile){ by_ktls_sendfile, 0, true };
FIXTURE_VARIANT_ADD(signals, ktls_sendfile_restart){ by_ktls_sendfile, SA_RESTART, true };

/* ---- the other end -----------------------------------------------------------------------------
 */

/* Takes its time. The status says whether all came. */
static void read_slowly(struct signals_state *s)
{
	static uint8_t got[CHUNK];
	ssize_t n;

	close(s->pair.fd[SERVER]);
	while ((n = read(s->pair.fd[CLIENT], got, sizeof(got))) > 0) {
		if (memcmp(got, s->bytes + *s->read, (size_t)n) != 0)
			_exit(2);
		*s->read += (size_t)n;
		nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
	}
	/* close_notify: this call cannot have it. */
	_exit(n < 0 && errno == EIO && *s->read == TOTAL ? 0 : 1);
}

FIXTURE_SETUP(signals)
{
	static const struct tls_pair_spec spec = { KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256 };
	const struct timeval never = { 0, 0 };
	struct signals_state *s = &self->s;
	int narrow[2], fd[2];

	ASSERT_EQ(0, loopback_narrow_pair(narrow, 4096));
	fd[SERVER] = narrow[0];
	fd[CLIENT] = narrow[1];
	tls_pair_open_over(&s->pair, &spec, CLIENT_BY_KERNEL, fd);
	if (!s->pair.ready)
		return;
	s->fd = s->pair.fd[SERVER];
	/* With a time limit no call is restarted. */
	ASSERT_EQ(0, setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &never, sizeof(never)));
	signal(SIGPIPE, SIG_IGN);
	s->session = ktls_session_open(NULL, NULL, 0);
	s->file = memfd_create("signals", MFD_CLOEXEC);
	ASSERT_EQ(0, ftruncate(s->file, TOTAL));
	s->read = mmap(NULL, sizeof(*s->read), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	ASSERT_TRUE(s->read != MAP_FAILED);
	s->bytes = mmap(NULL, TOTAL, PROT_READ | PROT_WRITE, MAP_SHARED, s->file, 0);
	ASSERT_TRUE(s->bytes != MAP_FAILED);
	tls_pair_fill(s->bytes, TOTAL, 5);
	self->reader = fork();
	if (self->reader == 0)
		read_slowly(s);
}

FIXTURE_TEARDOWN(signals)
{
	ktls_session_free(self->s.session);
	tls_pair_close(&self->s.pair);
}

/* ---- the storm ---------------------------------------------------------------------------------
 */

/* Everything, as far as it goes. 0, or an errno. */
static int send_all(struct signals_state *s, const struct test_variant_signals *variant)
{
	unsigned int interrupted = 0, partly = 0, for_nothing = 0;
	ssize_t n = 0;

	while (s->at < TOTAL && (n >= 0 || n == -EINTR) && for_nothing < 100) {
		size_t len = TOTAL - s->at < 4 * CHUNK ? TOTAL - s->at : 4 * CHUNK;
		int before = storm_ticks;

		storm_again();
		n = variant->send(s, len);
		interrupted += n == -EINTR;
		for_nothing += n == -EINTR && storm_ticks == before;
		partly += n >= 0 && (size_t)n < len;
		s->at += n > 0 ? (size_t)n : 0;
	}
	TH_LOG("%zu bytes sent, %u times interrupted, %u times in part, %d signals: %s", s->at,
	       interrupted, partly, (int)storm_ticks, n < 0 ? strerror((int)-n) : "all");
	/* What Linux 6.1 does with its own is another matter. */
	if (variant->ours && (variant->flags & SA_RESTART))
		EXPECT_EQ(0u, interrupted);
	return n < 0 ? (int)-n : 0;
}

static int finish(struct signals_state *s)
{
	int ret;

	do
		ret = ktls_shutdown(s->session, s->fd);
	while (ret == -EINTR);
	return ret;
}

TEST_F(signals, a_slow_reader_gets_every_byte)
{
	struct signals_state *s = &self->s;
	int status, error, ret;

	if (!s->pair.ready)
		return;
	close(s->pair.fd[CLIENT]);
	s->pair.fd[CLIENT] = -1;
	storm_begin(variant->flags);
	error = send_all(s, variant);
	if (!variant->ours)
		storm_end();
	ret = finish(s);
	storm_end();
	close(s->fd);
	s->pair.fd[SERVER] = -1;
	ASSERT_EQ(self->reader, waitpid(self->reader, &status, 0));
	if (!variant->ours && tls_pair_kernel.interrupt != 0) {
		EXPECT_NE(0, error);
		return;
	}
	EXPECT_EQ(0, error);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(TOTAL, s->at);
	EXPECT_EQ(TOTAL, *s->read);
	EXPECT_EQ(0, status);
}

int main(int argc, char **argv)
{
	return tls_pair_main(argc, argv);
}
