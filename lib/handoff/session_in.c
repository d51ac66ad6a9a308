/* SPDX-License-Identifier: MIT */
/* What is read from a connection after its handshake. */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "lib/handoff/session.h"
#include "lib/ktls/kernel.h"

#define WITHOUT_DATA_MAX   64   /* records read over in one call */
#define RENEGOTIATIONS_MAX 8    /* wishes for one that a stream refuses and goes on */
#define SCRATCH            4096 /* bytes of a record that is no data, at a time */

/* ---- what is no data ----------------------------------------------------------------------- */

static int over(struct ktls_session *session, int fd, enum ktls_reason reason)
{
	session_end(session, fd, reason, session->stream.alert);
	return session_result(session);
}

/*
 * A record that does not decrypt is an error of the socket, too, which a send would report instead
 * of sending.
 */
static void clear_error(int fd)
{
	socklen_t len = sizeof(int);
	int error;

	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
}

/* Some kernels say these once only, and then -EAGAIN for ever; so they end the session. */
static int failed(struct ktls_session *session, int fd, int error)
{
	switch (error) {
	case -ENODATA:
		return over(session, fd, KTLS_R_TRUNCATED);
	case -EBADMSG:
		clear_error(fd);
		return over(session, fd, KTLS_R_RECORD_MAC);
	case -EMSGSIZE:
		return over(session, fd, KTLS_R_RECORD_TOO_LONG);
	case -EINVAL:
		return over(session, fd, KTLS_R_NOT_TLS);
	case -EKEYEXPIRED:
		return over(session, fd, KTLS_R_KEY_UPDATE_UNSUPPORTED);
	default:
		return error;
	}
}

/*
 * A server of TLS 1.2 may ask for a renegotiation, a client may begin one: the answer is a warning,
 * and all goes on (RFC 5246, 7.2.2 and 7.4.1.1); if there is room for it, for nobody waits for
 * that. TLS 1.3 has neither.
 */
static int refuse_renegotiation(struct ktls_session *session, int fd)
{
	static const uint8_t warning[2] = { 1, KTLS_ALERT_NO_RENEGOTIATION };

	if (session->kernel->version(fd) != KTLS_TLS_1_2)
		return -KTLS_R_MESSAGE_UNEXPECTED;
	if (session->renegotiations == RENEGOTIATIONS_MAX)
		return -KTLS_R_RENEGOTIATION_STORM;
	session->renegotiations++;
	(void)!session->kernel->send_record(fd, RECORD_ALERT, warning, sizeof(warning),
					    MSG_DONTWAIT);
	return 0;
}

static int follow_key_update(struct ktls_session *session, int fd)
{
	if (session->kernel->version(fd) == KTLS_TLS_1_2)
		return -KTLS_R_MESSAGE_UNEXPECTED;
	return -KTLS_R_KEY_UPDATE_UNSUPPORTED;
}

static int act(struct ktls_session *session, int fd, int what)
{
	int ret = 0;

	if (what & STREAM_RENEGOTIATION)
		ret = refuse_renegotiation(session, fd);
	if (ret == 0 && (what & STREAM_KEY_UPDATE))
		ret = follow_key_update(session, fd);
	return ret;
}

/* n bytes of a record, in several buffers. */
static int hear(struct stream *stream, uint8_t type, const struct iovec *iov, size_t n, bool end)
{
	int all = 0, what;
	size_t part;

	do {
		part = iov->iov_len < n ? iov->iov_len : n;
		what = part > 0 || n == 0
			       ? stream_record(stream, type, iov->iov_base, part, end && part == n)
			       : 0;
		if (what < 0)
			return what;
		all |= what;
		n -= part;
		iov++;
	} while (n > 0);
	return all;
}

/*
 * A record, or a part of one. Returns 1 where it is data, 0 where there is nothing in it for the
 * application; if that was the end, what session_result() says.
 */
static int record(struct ktls_session *session, int fd, uint8_t type, const struct iovec *iov,
		  size_t n, bool end)
{
	int what, ret;

	pthread_mutex_lock(&session->in);
	what = hear(&session->stream, type, iov, n, end);
	ret = what > 0 ? act(session, fd, what) : what;
	if (ret < 0)
		ret = over(session, fd, (enum ktls_reason) - ret);
	else
		ret = what & STREAM_DATA;
	pthread_mutex_unlock(&session->in);
	return ret;
}

/* ---- reading data -------------------------------------------------------------------------- */

/* A relay says how the connection ended by the name of its socket. */
static ssize_t recv_relayed(struct ktls_session *session, int fd, const struct iovec *iov,
			    size_t iov_len, int flags)
{
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)iov,
				  .msg_iovlen = iov_len };
	ssize_t n = recvmsg(fd, &message, flags);

	if (n < 0)
		return -errno;
	return n > 0 ? n : over(session, fd, KTLS_R_PEER_CLOSE_NOTIFY);
}

static ssize_t recv_some(struct ktls_session *session, int fd, const struct iovec *iov,
			 size_t iov_len, int flags)
{
	uint8_t type = 0;
	bool end = false;
	ssize_t n;
	int what;

	if (session_carrier(session, fd) == SESSION_RELAY)
		return recv_relayed(session, fd, iov, iov_len, flags);
	for (int i = 0; i < WITHOUT_DATA_MAX; i++) {
		n = session->kernel->recv(fd, iov, iov_len, flags, &type, &end);
		if (n < 0)
			return failed(session, fd, (int)n);
		what = record(session, fd, type, iov, (size_t)n, end);
		if (what > 0)
			return n;
		if (session_over_in(session))
			return what;
	}
	return -EINTR;
}

/* Takes n bytes off the beginning of some buffers. */
static void iov_skip(struct iovec **iov, size_t *iov_len, size_t n)
{
	while (*iov_len > 0 && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		(*iov_len)--;
	}
	if (*iov_len == 0)
		return;
	(*iov)->iov_base = (uint8_t *)(*iov)->iov_base + n;
	(*iov)->iov_len -= n;
}

/* More after got bytes, until the buffers are full or there is an end. */
static ssize_t recv_rest(struct ktls_session *session, int fd, const struct iovec *given,
			 size_t iov_len, int flags, size_t got)
{
	struct iovec copy[UIO_MAXIOV], *iov = copy;
	ssize_t n = (ssize_t)got;

	memcpy(copy, given, iov_len * sizeof(*given));
	for (;;) {
		iov_skip(&iov, &iov_len, (size_t)n);
		if (iov_len == 0)
			return (ssize_t)got;
		n = recv_some(session, fd, iov, iov_len, flags);
		if (n <= 0)
			return (ssize_t)got;
		got += (size_t)n;
	}
}

static size_t iov_size(const struct iovec *iov, size_t iov_len)
{
	size_t size = 0;

	for (size_t i = 0; i < iov_len; i++)
		size += iov[i].iov_len;
	return size;
}

static ssize_t recv_data(struct ktls_session *session, int fd, const struct iovec *iov,
			 size_t iov_len, int flags)
{
	size_t size;
	ssize_t n;

	if (!session || (flags & ~(MSG_DONTWAIT | MSG_WAITALL)))
		return -EINVAL;
	if (iov_len > UIO_MAXIOV)
		return -EMSGSIZE;
	if (session_over_in(session))
		return session_result(session);
	size = iov_size(iov, iov_len);
	if (size == 0)
		return 0;
	n = recv_some(session, fd, iov, iov_len, flags);
	if (n <= 0 || (size_t)n == size || !(flags & MSG_WAITALL))
		return n;
	return recv_rest(session, fd, iov, iov_len, flags, (size_t)n);
}

ssize_t ktls_recv(struct ktls_session *session, int fd, void *buf, size_t len, int flags)
{
	const struct iovec iov = { .iov_base = buf, .iov_len = len };

	return recv_data(session, fd, &iov, 1, flags);
}

ssize_t ktls_recvmsg(struct ktls_session *session, int fd, struct msghdr *message, int flags)
{
	return recv_data(session, fd, message->msg_iov, message->msg_iovlen, flags);
}

/* ---- recovering ---------------------------------------------------------------------------- */

/*
 * Takes what is next out of the socket unless it is data: 1, there was something; 0, there is
 * nothing, or data; or as session_result(), a negative errno.
 */
static int take(struct ktls_session *session, int fd)
{
	uint8_t bytes[SCRATCH], type = 0;
	struct iovec iov = { .iov_base = bytes, .iov_len = 1 };
	bool end = false;
	ssize_t n;

	n = session->kernel->recv(fd, &iov, 1, MSG_PEEK | MSG_DONTWAIT, &type, &end);
	if (n == -EAGAIN || (n >= 0 && type == RECORD_APPLICATION_DATA))
		return 0;
	iov.iov_len = sizeof(bytes);
	if (n >= 0)
		n = session->kernel->recv(fd, &iov, 1, MSG_DONTWAIT, &type, &end);
	if (n < 0)
		return failed(session, fd, (int)n);
	(void)record(session, fd, type, &iov, (size_t)n, end);
	return session_over_in(session) ? session_result(session) : 1;
}

/*
 * Looks before it takes: for the reader is one thread, what was seen is what is taken. EINVAL is
 * what splice() says of a record that is no data; where there is none, it is what the kernel says,
 * once, of a header that is none of TLS.
 */
static int recover(struct ktls_session *session, int fd, int error)
{
	int taken = 0, ret = 1;

	for (int i = 0; i < WITHOUT_DATA_MAX && ret > 0; i++) {
		ret = take(session, fd);
		taken += ret > 0;
		if (session_over_in(session) || ret < 0)
			return ret;
	}
	if (taken > 0 || error == 0 || error == EIO || error == EKEYEXPIRED)
		return 1;
	return error == EINVAL ? failed(session, fd, -EINVAL) : -error;
}

static int recover_relayed(struct ktls_session *session, int fd, int error)
{
	return error != 0 ? -error : over(session, fd, KTLS_R_PEER_CLOSE_NOTIFY);
}

int ktls_recover(struct ktls_session *session, int fd, int error)
{
	if (!session || error < 0)
		return -EINVAL;
	if (session_over_in(session))
		return session_result(session);
	if (session_carrier(session, fd) == SESSION_RELAY)
		return recover_relayed(session, fd, error);
	switch (error) {
	case 0:
	case EIO:
	case EINVAL:
	case EKEYEXPIRED:
	case EAGAIN:
	case EINTR:
		return recover(session, fd, error);
	default:
		return failed(session, fd, -error);
	}
}
