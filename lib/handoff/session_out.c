/* SPDX-License-Identifier: MIT */
/* What is written to a connection after its handshake. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "lib/handoff/relayed.h"
#include "lib/handoff/session_keys.h"
#include "lib/ktls/kernel.h"

#define RECORD_MIN   64 /* bytes of content, in full records: the least TLS_TX_MAX_PAYLOAD_LEN */
#define SENDFILE_MIN 16384
#define SENDFILE_MAX 0x7ffff000 /* bytes that Linux sends at a time */

/* ---- before data goes out ------------------------------------------------------------------ */

static int over(struct ktls_session *session, int fd, enum ktls_reason reason)
{
	session_end(session, fd, reason, KTLS_ALERT_NONE);
	return -EPROTO;
}

static void count_records(struct ktls_session *session, int fd)
{
	uint64_t records = session_records(session, fd, true);

	session->out_unseen = 0;
	if (records != UINT64_MAX)
		session->use = session_use(session, records);
}

/* As session_update(); but the session is ended where it says so. */
static int update(struct ktls_session *session, int fd, bool request, enum ktls_reason *why)
{
	int wish = SESSION_WISH_NOW, ret;

	request |= session->wish == SESSION_WISH_NOW;
	ret = session_update(session, fd, request, why);
	if (ret == -EPROTO)
		return over(session, fd, *why);
	if (ret < 0) {
		session_failed(session, fd, ret);
		return ret;
	}
	session->use = SESSION_FRESH;
	session->out_unseen = 0;
	if (request) {
		session->asked++;
		atomic_compare_exchange_strong(&session->wish, &wish, SESSION_WISH_SENT);
	}
	return 0;
}

/*
 * An update that was not to be had. A KeyUpdate that is half sent, and one that the peer has asked
 * for, are due before any data. Otherwise it is only that a key has served half its time: that is
 * tried again when records are counted next, as long as there is a next time.
 */
static int without_update(struct ktls_session *session, int fd, int error, enum ktls_reason why)
{
	if (error == -EPROTO || session->sent > 0)
		return error;
	if (session->owed)
		return error == -EOPNOTSUPP ? over(session, fd, why) : error;
	if (session->use == SESSION_SPENT)
		return error == -EAGAIN ? error : over(session, fd, KTLS_R_KEY_EXHAUSTED);
	session->use = SESSION_FRESH;
	session->wish = SESSION_WISH_NONE;
	return 0;
}

/* TCP says EPIPE where kernel TLS would take what is written, and drop it. */
static int may_write(const struct ktls_session *session)
{
	if (session->lost || session->shut)
		return -EPIPE;
	return session_over_out(session) ? -EPROTO : 0;
}

/* What has to be done before data goes out. 0, or why it may not. */
static int settle(struct ktls_session *session, int fd)
{
	enum ktls_reason why;
	int ret;

	ret = may_write(session);
	if (ret < 0)
		return ret;
	if (session_count_due(session, session->out_unseen))
		count_records(session, fd);
	if (session->sent == 0 && !session->owed && session->use == SESSION_FRESH &&
	    session->wish != SESSION_WISH_NOW)
		return 0;
	ret = update(session, fd, false, &why);
	return ret < 0 ? without_update(session, fd, ret, why) : 0;
}

static bool blocks(int fd, int flags)
{
	return !(flags & MSG_DONTWAIT) && !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* For as long as a send would wait. */
static int wait_for_room(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	struct timeval t = { 0 };
	socklen_t len = sizeof(t);
	int timeout = -1, n;

	if (getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, &len) == 0 && (t.tv_sec || t.tv_usec))
		timeout = (int)(t.tv_sec * 1000 + t.tv_usec / 1000);
	n = poll(&pfd, 1, timeout);
	if (n < 0)
		return -errno;
	return n > 0 ? 0 : -EAGAIN;
}

static int settle_for(struct ktls_session *session, int fd, int flags)
{
	int ret = 0, room = 0;

	if (session_carrier(session, fd) == SESSION_RELAY)
		return 0;
	do {
		ret = settle(session, fd);
		if (ret == -EAGAIN && blocks(fd, flags))
			room = wait_for_room(fd);
		else
			return ret;
	} while (room == 0);
	return room;
}

/* A relay whose key is worn takes nothing more; else as the error has it, 0 for none. */
static int worn_relay(struct ktls_session *session, int fd, int error)
{
	uint8_t alert;

	if (relayed_end(fd, &alert) != KTLS_R_KEY_EXHAUSTED)
		return error;
	session_ended(session, KTLS_R_KEY_EXHAUSTED, alert);
	return -EPROTO;
}

static ssize_t sent(struct ktls_session *session, int fd, ssize_t n)
{
	if (n > 0)
		session->out_unseen += (uint64_t)n / RECORD_MIN + 1;
	else if (n < 0 && session->carrier == SESSION_KERNEL)
		session_failed(session, fd, (int)n);
	else if (n == -EPIPE)
		return worn_relay(session, fd, -EPIPE);
	return n;
}

/* ---- data ---------------------------------------------------------------------------------- */

ssize_t ktls_sendmsg(struct ktls_session *session, int fd, const struct msghdr *message, int flags)
{
	struct msghdr plain = { .msg_iov = message->msg_iov, .msg_iovlen = message->msg_iovlen };
	ssize_t n;

	if (!session || (flags & ~(MSG_DONTWAIT | MSG_MORE | MSG_NOSIGNAL)))
		return -EINVAL;
	session_out_lock(session);
	n = settle_for(session, fd, flags);
	if (n == 0)
		n = sent(session, fd, session_sender(session)->send(fd, &plain, flags));
	session_out_unlock(session, fd);
	return n;
}

ssize_t ktls_send(struct ktls_session *session, int fd, const void *buf, size_t len, int flags)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = len };
	const struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	return ktls_sendmsg(session, fd, &message, flags);
}

/* sendfile() knows no MSG_NOSIGNAL. Where SIGPIPE is blocked already, it stays as it is. */
static ssize_t sendfile_silently(struct ktls_session *session, int fd, int in_fd, off_t *offset,
				 size_t count)
{
	const struct timespec now = { 0 };
	sigset_t pipe, old;
	ssize_t n;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &old);
	n = session_sender(session)->sendfile(fd, in_fd, offset, count);
	if (n == -EPIPE && !sigismember(&old, SIGPIPE))
		sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return n;
}

/* As many bytes at a time as records can be counted behind. */
static size_t sendfile_max(const struct ktls_session *session)
{
	uint64_t max = session->records_max;

	if (max == 0 || max > SENDFILE_MAX)
		return SENDFILE_MAX;
	return max > SENDFILE_MIN ? (size_t)max : SENDFILE_MIN;
}

ssize_t ktls_sendfile(struct ktls_session *session, int fd, int in_fd, off_t *offset, size_t count)
{
	ssize_t n;

	if (!session)
		return -EINVAL;
	if (count > sendfile_max(session))
		count = sendfile_max(session);
	session_out_lock(session);
	n = settle_for(session, fd, 0);
	if (n == 0)
		n = sent(session, fd, sendfile_silently(session, fd, in_fd, offset, count));
	session_out_unlock(session, fd);
	return n;
}

/* ---- keys ---------------------------------------------------------------------------------- */

/* A writer of plain calls looks here: what it has to hear of ktls_maintain() tells. */
bool ktls_update_owed(const struct ktls_session *session)
{
	return session->owed || session->lost;
}

int ktls_update_keys(struct ktls_session *session, int fd, unsigned int flags)
{
	enum ktls_reason why;
	int ret;

	if (!session || (flags & ~KTLS_UPDATE_REQUEST))
		return -EINVAL;
	if (session_carrier(session, fd) == SESSION_RELAY)
		return -EOPNOTSUPP;
	session_out_lock(session);
	ret = may_write(session);
	if (ret == 0)
		ret = update(session, fd, flags != 0, &why);
	session_out_unlock(session, fd);
	return ret;
}

int ktls_maintain(struct ktls_session *session, int fd)
{
	int ret;

	if (!session)
		return -EINVAL;
	if (session_carrier(session, fd) == SESSION_RELAY)
		return worn_relay(session, fd, 0);
	session_out_lock(session);
	count_records(session, fd);
	if (session_count_in(session, fd) == SESSION_SPENT)
		session_end(session, fd, KTLS_R_KEY_EXHAUSTED, KTLS_ALERT_NONE);
	ret = settle(session, fd);
	session_out_unlock(session, fd);
	return ret;
}

/* ---- the end ------------------------------------------------------------------------------- */

static int close_notify(const struct session_kernel *kernel, int fd)
{
	static const uint8_t alert[2] = { 1, KTLS_ALERT_CLOSE_NOTIFY };
	ssize_t n = kernel->send_record(fd, RECORD_ALERT, alert, sizeof(alert), 0);

	if (n < 0)
		return (int)n;
	return n == sizeof(alert) ? 0 : -ENOMEM;
}

/* The last of what is sent. Behind a KeyUpdate the old key may not even say good-bye. */
static int finish(struct ktls_session *session, int fd)
{
	enum ktls_reason why;
	int ret = 0;

	if (session->shut)
		return 0;
	if (session->lost)
		return -EPIPE;
	if (session->sent > 0)
		ret = update(session, fd, false, &why);
	if (ret == 0)
		ret = close_notify(session->kernel, fd);
	if (ret < 0) {
		session_failed(session, fd, ret);
		return ret;
	}
	session->shut = true;
	session->owed = false;
	return 0;
}

int ktls_shutdown(struct ktls_session *session, int fd)
{
	int ret;

	if (session ? session_carrier(session, fd) == SESSION_RELAY : relayed_is(fd))
		return shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
	if (!session)
		return close_notify(&session_kernel_steady, fd);
	session_out_lock(session);
	ret = finish(session, fd);
	session_out_unlock(session, fd);
	return ret;
}
