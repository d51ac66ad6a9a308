/* SPDX-License-Identifier: MIT */
/*
 * Data of a connection go over the program's own descriptor, by its own calls. Where one of them
 * meets something else, or it is time for a new key, ktls-session.h has the call for that.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "lib/run/run.h"

#define RETRY_MS 1000 /* ktlsd was not there for a new key */

/* ---- sessions ------------------------------------------------------------------------------ */

/* The parent's: what its threads do with it meanwhile nobody knows, so it is read and no more. */
static struct ktls_session *renewed(struct run_file *file)
{
	uint8_t sealed[KTLS_SESSION_MAX];
	size_t len = ktls_session_sealed(file->session, sealed, sizeof(sealed));

	return ktls_session_open(run_service(), len > 0 ? sealed : NULL, len);
}

struct ktls_session *run_session(struct run_file *file)
{
	struct ktls_session *session;

	if (__atomic_load_n(&file->generation, __ATOMIC_ACQUIRE) == run_generation)
		return file->session;
	pthread_mutex_lock(&file->lock);
	if (file->generation != run_generation) {
		session = renewed(file);
		if (session) {
			file->session = session;
			__atomic_store_n(&file->generation, run_generation, __ATOMIC_RELEASE);
		}
	}
	session = file->generation == run_generation ? file->session : NULL;
	pthread_mutex_unlock(&file->lock);
	return session;
}

/* ---- reading ------------------------------------------------------------------------------- */

bool run_read_over(struct run_file *file, ssize_t *n)
{
	int ended = atomic_load_explicit(&file->ended, memory_order_relaxed);

	if (ended == RUN_GOES_ON)
		return false;
	*n = ended == RUN_AT_END ? 0 : run_fail(ECONNRESET);
	return true;
}

static bool is_of_tls(int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
	case EFAULT:
	case ENOMEM:
	case ENOBUFS:
	case EBADF:
	case EOPNOTSUPP:
		return false;
	default:
		return true;
	}
}

static void read_lost(struct run_file *file, int fd)
{
	enum ktls_reason reason = ktls_session_reason(run_session(file));

	atomic_store(&file->ended, RUN_IS_LOST);
	run_tell("descriptor %d: %s", fd, ktls_reason_text((int)reason));
}

bool run_read_again(struct run_file *file, int fd, ssize_t *n)
{
	struct ktls_session *session;
	int ret;

	if (*n > 0 && !atomic_load_explicit(&file->heard, memory_order_relaxed))
		atomic_store(&file->heard, true);
	if (*n > 0 || (*n < 0 && !is_of_tls(errno)))
		return false;
	if (atomic_load(&file->shut_reading)) {
		*n = 0;
		return false;
	}
	session = run_session(file);
	if (!session) {
		*n = run_fail(ENOMEM);
		return false;
	}
	ret = ktls_recover(session, fd, *n == 0 ? 0 : errno);
	if (ret > 0)
		return true;
	if (ret == 0)
		atomic_store(&file->ended, RUN_AT_END);
	else if (ret == -EPROTO)
		read_lost(file, fd);
	if (!run_read_over(file, n))
		*n = run_fail(-ret);
	return false;
}

/* ---- writing ------------------------------------------------------------------------------- */

static int broken_pipe(int flags)
{
	if (!(flags & MSG_NOSIGNAL))
		raise(SIGPIPE);
	return run_fail(EPIPE);
}

static int maintain(struct run_file *file, struct ktls_session *session, int fd, int flags)
{
	int ret;

	if (run_now_ms() < atomic_load(&file->not_before))
		return 0;
	ret = ktls_maintain(session, fd);
	switch (ret) {
	case 0:
		atomic_store(&file->sends, 0);
		atomic_store(&file->sent, 0);
		return 0;
	case -EPIPE:
		return broken_pipe(flags);
	case -EPROTO:
		run_tell("descriptor %d: %s", fd,
			 ktls_reason_text((int)ktls_session_reason(session)));
		return broken_pipe(flags);
	case -EAGAIN:
	case -EINTR:
		return run_fail(-ret);
	default:
		/* No new key: the old one goes on until it is used up. */
		atomic_store(&file->not_before, run_now_ms() + RETRY_MS);
		return 0;
	}
}

int run_write_begin(struct run_file *file, int fd, int flags)
{
	struct ktls_session *session;

	if (atomic_load_explicit(&file->shut_writing, memory_order_relaxed))
		return broken_pipe(flags);
	if (file->relayed)
		return 0;
	session = run_session(file);
	if (!session)
		return run_fail(ENOMEM);
	if (ktls_update_owed(session) ||
	    atomic_load_explicit(&file->sends, memory_order_relaxed) >= file->sends_max ||
	    atomic_load_explicit(&file->sent, memory_order_relaxed) >= file->sent_max)
		return maintain(file, session, fd, flags);
	return 0;
}

/* Kernel TLS says once that TCP is at its end, and takes what is written afterwards. */
static void write_failed(struct run_file *file, int fd)
{
	struct pollfd pfd = { .fd = fd };
	int error = errno;

	if (error != EAGAIN && error != EINTR && !file->relayed && REAL(poll)(&pfd, 1, 0) == 1 &&
	    (pfd.revents & POLLHUP))
		atomic_store(&file->shut_writing, true);
	errno = error;
}

ssize_t run_write_end(struct run_file *file, int fd, ssize_t n)
{
	if (n > 0) {
		atomic_fetch_add_explicit(&file->sends, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&file->sent, (uint64_t)n, memory_order_relaxed);
	} else if (n < 0) {
		write_failed(file, fd);
	}
	return n;
}
