/* SPDX-License-Identifier: MIT */
/* What is read from a connection after its handshake. */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "lib/handoff/ops.h"
#include "lib/handoff/relayed.h"
#include "lib/handoff/session_keys.h"
#include "lib/ktls/kernel.h"
#include "lib/wire/update_limit.h"

#define WITHOUT_DATA_MAX   64   /* records read over in one call */
#define RENEGOTIATIONS_MAX 8    /* wishes for one that a stream refuses and goes on */
#define SCRATCH            4096 /* bytes of a record that is no data, at a time */
#define KEY_UPDATE         24   /* HandshakeType */

/* ---- how it ends --------------------------------------------------------------------------- */

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

/*
 * Another thread may have taken what is before the end, and not looked at it yet. Nobody waits for
 * the peer any more: at the end of a stream recv() returns.
 */
static void wait_for_readers(struct ktls_session *session)
{
	static const struct timespec pause = { .tv_nsec = 50000 };

	while (session->readers > 0)
		nanosleep(&pause, NULL);
}

/* Some kernels say these once only, and then -EAGAIN for ever; so they end the session. */
static int failed(struct ktls_session *session, int fd, int error)
{
	if (error == -ENODATA)
		wait_for_readers(session);
	/* Another thread has read the end: what is behind that says nothing new. */
	if (session_over_in(session))
		return session_result(session);
	if (error == -ENODATA && atomic_exchange(&session->reset, false))
		return -ECONNRESET;
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
	default:
		session_failed(session, fd, error);
		return error;
	}
}

/* ---- the peer's keys ----------------------------------------------------------------------- */

/*
 * What has to be done before the next record is read, or is still to be done since ktlsd was not
 * there. 0, or a negative errno; if that was the end, what session_result() says.
 */
static int catch_up(struct ktls_session *session, int fd)
{
	int follows = session->follows;
	enum ktls_reason why;
	int ret = 0;

	if (follows == SESSION_FOLLOWS_RESUME)
		ret = session_resume(session, fd);
	else if (follows != SESSION_FOLLOWS_NOTHING)
		ret = session_follow(session, fd, follows == SESSION_FOLLOWS_KEY_STOP, &why);
	if (ret == -EPROTO)
		return over(session, fd, why);
	if (ret < 0)
		return ret;
	session->follows = SESSION_FOLLOWS_NOTHING;
	if (follows == SESSION_FOLLOWS_KEY || follows == SESSION_FOLLOWS_KEY_STOP) {
		session->wish = SESSION_WISH_NONE;
		session->in_unseen = 0;
		if (session->follows_requested && !session->shut)
			session->owed = true;
		session->follows_requested = false;
	}
	return 0;
}

/* Whoever has read the KeyUpdate is another process, or was interrupted: the key is due. */
static int expired(struct ktls_session *session, int fd)
{
	int ret;

	pthread_mutex_lock(&session->in);
	if (session->follows == SESSION_FOLLOWS_NOTHING)
		session->follows = SESSION_FOLLOWS_KEY_STOP;
	ret = catch_up(session, fd);
	pthread_mutex_unlock(&session->in);
	return ret;
}

static void count_records(struct ktls_session *session, int fd, size_t n)
{
	session->in_unseen += n + 1;
	if (!session_count_due(session, session->in_unseen))
		return;
	session->in_unseen = 0;
	if (session_count_in(session, fd) == SESSION_SPENT)
		(void)over(session, fd, KTLS_R_KEY_EXHAUSTED);
}

/* ---- what is no data ----------------------------------------------------------------------- */

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

static int count_update(struct ktls_session *session, int fd, bool request)
{
	uint64_t records = session_records(session, fd, false);

	session->updates.asked += atomic_exchange(&session->asked, 0);
	if (records == UINT64_MAX)
		records = 0;
	return update_limit_count(&session->updates, request, records, (uint64_t)now_ms());
}

static int key_update(struct ktls_session *session, int fd, int what)
{
	bool request = (what & STREAM_REQUESTED) != 0;
	int ret;

	if (session->kernel->version(fd) == KTLS_TLS_1_2)
		return -KTLS_R_MESSAGE_UNEXPECTED;
	if (!session->can_rekey)
		return -KTLS_R_KEY_UPDATE_UNSUPPORTED;
	ret = count_update(session, fd, request);
	if (ret < 0)
		return ret;
	session->follows = what & STREAM_STOPS ? SESSION_FOLLOWS_KEY_STOP : SESSION_FOLLOWS_KEY;
	session->follows_requested = request;
	return 0;
}

/* 0, or a negative reason. */
static int act(struct ktls_session *session, int fd, int what)
{
	int ret = 0;

	if (what & STREAM_RENEGOTIATION)
		ret = refuse_renegotiation(session, fd);
	if (ret == 0 && (what & STREAM_KEY_UPDATE))
		ret = key_update(session, fd, what);
	else if (what & STREAM_STOPS)
		session->follows = SESSION_FOLLOWS_RESUME;
	return ret;
}

/*
 * A record, or a part of one. Returns 1 where it is data, 0 where there is nothing in it for the
 * application, or a negative errno; if that was the end, what session_result() says.
 */
static int record(struct ktls_session *session, int fd, uint8_t type, const struct iovec *iov,
		  size_t n, bool end)
{
	int what, ret;

	pthread_mutex_lock(&session->in);
	session->fd = fd;
	what = stream_records(&session->stream, type, iov, n, end);
	ret = what > 0 ? act(session, fd, what) : what;
	if (ret < 0)
		ret = over(session, fd, (enum ktls_reason) - ret);
	else if (what & STREAM_DATA)
		ret = 1;
	else
		ret = catch_up(session, fd);
	if (!session_over_in(session))
		count_records(session, fd, n);
	pthread_mutex_unlock(&session->in);
	return ret;
}

/*
 * Linux says a reset before what has come in front of it, if it has yet to look for a record in
 * that (tls_rx_rec_wait()), and gives that to the next call. So the reset is said behind it.
 */
static ssize_t kernel_recv(struct ktls_session *session, int fd, const struct iovec *iov,
			   size_t iov_len, int flags, uint8_t *type, bool *end)
{
	ssize_t n = session->kernel->recv(fd, iov, iov_len, flags, type, end);

	if (n != -ECONNRESET)
		return n;
	session_failed(session, fd, -ECONNRESET);
	n = session->kernel->recv(fd, iov, iov_len, flags | MSG_DONTWAIT, type, end);
	session->reset = n != -ENODATA && n != -EAGAIN;
	return session->reset ? n : -ECONNRESET;
}

/* Returns as recv() does; if that is 0 or more, *what is what record() says. */
static ssize_t receive(struct ktls_session *session, int fd, const struct iovec *iov,
		       size_t iov_len, int flags, int *what)
{
	uint8_t type = 0;
	bool end = false;
	ssize_t n;

	session->readers++;
	n = kernel_recv(session, fd, iov, iov_len, flags, &type, &end);
	if (n >= 0)
		*what = record(session, fd, type, iov, (size_t)n, end);
	session->readers--;
	return n;
}

/*
 * Takes what is next out of the socket unless it is data: 1, there was something; 0, there is
 * nothing, or data; or as session_result(), a negative errno.
 */
static int take(struct ktls_session *session, int fd)
{
	uint8_t bytes[SCRATCH], type = 0;
	struct iovec iov = { .iov_base = bytes, .iov_len = 1 };
	bool end = false;
	ssize_t n = -EKEYEXPIRED;
	int ret = 0;

	if (!session->follows)
		n = kernel_recv(session, fd, &iov, 1, MSG_PEEK | MSG_DONTWAIT, &type, &end);
	if (n == -EAGAIN || (n >= 0 && type == RECORD_APPLICATION_DATA))
		return 0;
	iov.iov_len = sizeof(bytes);
	if (n >= 0)
		n = receive(session, fd, &iov, 1, MSG_DONTWAIT, &ret);
	if (n == -EKEYEXPIRED)
		ret = expired(session, fd);
	else if (n < 0)
		return failed(session, fd, (int)n);
	return ret < 0 || session_over_in(session) ? ret : 1;
}

/* ---- reading data -------------------------------------------------------------------------- */

/*
 * A relay says how the connection ended by the name of its socket. It cannot tell by the end of
 * file alone, nor can a reset, which comes where it had yet to read something.
 */
static int over_relayed(struct ktls_session *session, int fd)
{
	uint8_t alert;
	enum ktls_reason reason = relayed_end(fd, &alert);

	session_ended(session, reason == KTLS_OK ? KTLS_R_RELAY_LOST : reason, alert);
	return session_result(session);
}

static ssize_t recv_relayed(struct ktls_session *session, int fd, const struct iovec *iov,
			    size_t iov_len, int flags)
{
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)iov,
				  .msg_iovlen = iov_len };
	ssize_t n = recvmsg(fd, &message, flags);

	if (n < 0 && errno != ECONNRESET)
		return -errno;
	return n > 0 ? n : over_relayed(session, fd);
}

static ssize_t recv_some(struct ktls_session *session, int fd, const struct iovec *iov,
			 size_t iov_len, int flags)
{
	ssize_t n;
	int what = 0;

	if (session_carrier(session, fd) == SESSION_RELAY)
		return recv_relayed(session, fd, iov, iov_len, flags);
	for (int i = 0; i < WITHOUT_DATA_MAX; i++) {
		n = session->follows ? -EKEYEXPIRED
				     : receive(session, fd, iov, iov_len, flags, &what);
		if (n == -EKEYEXPIRED)
			what = expired(session, fd);
		else if (n < 0)
			return failed(session, fd, (int)n);
		if (what > 0)
			return n;
		if (what < 0 || session_over_in(session))
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

/* An error that is said once, and comes where there is data to return: the next call says it. */
static void tell_later(struct ktls_session *session, ssize_t n)
{
	if (n < 0 && session->lost)
		session->untold = (int)n;
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
		tell_later(session, n);
		if (n <= 0)
			return (ssize_t)got;
		got += (size_t)n;
	}
}

/*
 * Data that was read with room to spare: behind it may be a KeyUpdate that the kernel has opened
 * already. Then poll() says nothing until the new key is there, so this is the moment. What else
 * there may be poll() tells; but an error that is said once only.
 */
static void look_ahead(struct ktls_session *session, int fd)
{
	uint8_t byte = 0, type = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	bool end;
	ssize_t n;

	if (!session->can_rekey)
		return;
	n = kernel_recv(session, fd, &iov, 1, MSG_PEEK | MSG_DONTWAIT, &type, &end);
	if (n == -EKEYEXPIRED || (n == 1 && type == RECORD_HANDSHAKE && byte == KEY_UPDATE))
		(void)take(session, fd);
	else if (n < 0 && n != -EAGAIN && n != -ENODATA)
		tell_later(session, failed(session, fd, (int)n));
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
	n = atomic_exchange(&session->untold, 0);
	if (n < 0)
		return n;
	n = recv_some(session, fd, iov, iov_len, flags);
	if (n > 0 && (size_t)n < size && (flags & MSG_WAITALL))
		n = recv_rest(session, fd, iov, iov_len, flags, (size_t)n);
	if (n > 0 && (size_t)n < size && !session_over_in(session))
		look_ahead(session, fd);
	return n;
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
	if (taken > 0 || error == 0 || error == EIO || error == EKEYEXPIRED || error == ECONNRESET)
		return 1;
	return error == EINVAL ? failed(session, fd, -EINVAL) : -error;
}

/* As kernel_recv(), where there was one. */
static int recover_reset(struct ktls_session *session, int fd)
{
	session_failed(session, fd, -ECONNRESET);
	if (!session->lost)
		return -ECONNRESET;
	session->reset = true;
	return recover(session, fd, ECONNRESET);
}

static int recover_relayed(struct ktls_session *session, int fd, int error)
{
	return error != 0 && error != ECONNRESET ? -error : over_relayed(session, fd);
}

int ktls_recover(struct ktls_session *session, int fd, int error)
{
	int untold;

	if (!session || error < 0)
		return -EINVAL;
	if (session_over_in(session))
		return session_result(session);
	untold = atomic_exchange(&session->untold, 0);
	if (untold < 0)
		return untold;
	if (session_carrier(session, fd) == SESSION_RELAY)
		return recover_relayed(session, fd, error);
	switch (error) {
	case ECONNRESET:
		return recover_reset(session, fd);
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
