/* SPDX-License-Identifier: MIT */
/* What is written to a connection after its handshake. */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "lib/handoff/session.h"
#include "lib/ktls/kernel.h"

/* What has to be done before data goes out. 0, or why it may not. */
static int settle(struct ktls_session *session)
{
	return session_over_out(session) ? -EPROTO : 0;
}

ssize_t ktls_sendmsg(struct ktls_session *session, int fd, const struct msghdr *message, int flags)
{
	struct msghdr plain = { .msg_iov = message->msg_iov, .msg_iovlen = message->msg_iovlen };
	ssize_t n;

	if (!session || (flags & ~(MSG_DONTWAIT | MSG_MORE | MSG_NOSIGNAL)))
		return -EINVAL;
	session_out_lock(session);
	n = settle(session);
	if (n == 0)
		n = session->kernel->send(fd, &plain, flags);
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
	n = session->kernel->sendfile(fd, in_fd, offset, count);
	if (n == -EPIPE && !sigismember(&old, SIGPIPE))
		sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return n;
}

ssize_t ktls_sendfile(struct ktls_session *session, int fd, int in_fd, off_t *offset, size_t count)
{
	ssize_t n;

	if (!session)
		return -EINVAL;
	session_out_lock(session);
	n = settle(session);
	if (n == 0)
		n = sendfile_silently(session, fd, in_fd, offset, count);
	session_out_unlock(session, fd);
	return n;
}

bool ktls_update_owed(const struct ktls_session *session)
{
	(void)session;
	return false;
}

int ktls_update_keys(struct ktls_session *session, int fd, unsigned int flags)
{
	(void)fd;
	if (!session || (flags & ~KTLS_UPDATE_REQUEST))
		return -EINVAL;
	return -EOPNOTSUPP;
}

int ktls_maintain(struct ktls_session *session, int fd)
{
	(void)fd;
	return session_over_out(session) ? -EPROTO : 0;
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

int ktls_shutdown(struct ktls_session *session, int fd)
{
	int ret;

	if (!session)
		return close_notify(&session_kernel, fd);
	if (session_carrier(session, fd) == SESSION_RELAY)
		return shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
	session_out_lock(session);
	ret = close_notify(session->kernel, fd);
	session_out_unlock(session, fd);
	return ret;
}
