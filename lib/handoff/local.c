/* SPDX-License-Identifier: MIT */
/* What an application does on its socket after the handshake, without ktlsd. */
#include <errno.h>
#include <sys/socket.h>

#include <ktls.h>

#include "lib/handoff/stream.h"
#include "lib/ktls/kernel.h"
#include "lib/wire/reason.h"

#define WITHOUT_DATA_MAX   64 /* records read over in one call */
#define RENEGOTIATIONS_MAX 8  /* wishes for one that a stream refuses and goes on */

static ssize_t result(const struct ktls_stream *stream)
{
	return stream->reason == KTLS_R_PEER_CLOSE_NOTIFY ? 0 : -EPROTO;
}

/* A record that does not decrypt is an error of the socket, too, which a send would report instead
 * of sending. */
static void clear_error(int fd)
{
	socklen_t len = sizeof(int);
	int error;

	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
}

/* The first reason stays. Its alert is sent if there is room: nobody waits for that. */
static ssize_t end(int fd, struct ktls_stream *stream, enum ktls_reason reason)
{
	uint8_t alert[2] = { 2, (uint8_t)reason_find((int)reason)->alert };

	stream->reason = reason;
	if (reason == KTLS_R_PEER_ALERT)
		return result(stream);
	stream->alert = alert[1];
	if (alert[1] != KTLS_ALERT_NONE)
		(void)!kernel_record_send(fd, RECORD_ALERT, alert, sizeof(alert), MSG_DONTWAIT);
	return result(stream);
}

/* Some kernels say these once only, and then -EAGAIN for ever; so they are kept in the stream. */
static ssize_t failed(int fd, struct ktls_stream *stream, ssize_t error)
{
	switch (error) {
	case -ENODATA:
		return end(fd, stream, KTLS_R_TRUNCATED);
	case -EBADMSG:
		clear_error(fd);
		return end(fd, stream, KTLS_R_RECORD_MAC);
	case -EMSGSIZE:
		return end(fd, stream, KTLS_R_RECORD_TOO_LONG);
	case -EINVAL:
		return end(fd, stream, KTLS_R_NOT_TLS);
	case -EKEYEXPIRED:
		return end(fd, stream, KTLS_R_KEY_UPDATE_UNSUPPORTED);
	default:
		return error;
	}
}

/*
 * A server of TLS 1.2 may ask for a renegotiation, a client may begin one: the answer is a warning,
 * and all goes on (RFC 5246, 7.2.2 and 7.4.1.1); if there is room for it, for nobody waits for
 * that. TLS 1.3 has neither.
 */
static int refuse_renegotiation(int fd, struct ktls_stream *stream)
{
	static const uint8_t warning[2] = { 1, KTLS_ALERT_NO_RENEGOTIATION };

	if (kernel_version(fd) != KTLS_TLS_1_2)
		return -KTLS_R_MESSAGE_UNEXPECTED;
	if (stream->renegotiations == RENEGOTIATIONS_MAX)
		return -KTLS_R_RENEGOTIATION_STORM;
	stream->renegotiations++;
	(void)!kernel_record_send(fd, RECORD_ALERT, warning, sizeof(warning), MSG_DONTWAIT);
	return 0;
}

static ssize_t recv_some(int fd, void *buf, size_t len, int flags, struct ktls_stream *stream)
{
	uint8_t type;
	ssize_t n;
	int what;

	for (int i = 0; i < WITHOUT_DATA_MAX; i++) {
		n = kernel_record_recv(fd, buf, len, flags, &type);
		if (n < 0)
			return failed(fd, stream, n);
		what = stream_record(stream, type, buf, (size_t)n, (size_t)n < len);
		if (what == STREAM_DATA)
			return n;
		if (what == STREAM_RENEGOTIATION)
			what = refuse_renegotiation(fd, stream);
		if (what < 0)
			return end(fd, stream, (enum ktls_reason) - what);
	}
	return -EINTR;
}

ssize_t ktls_recv(int fd, void *buf, size_t len, int flags, struct ktls_stream *stream)
{
	size_t got = 0;
	ssize_t n;

	if (!stream || (flags & ~(MSG_DONTWAIT | MSG_WAITALL)))
		return -EINVAL;
	if (stream->reason != KTLS_OK)
		return result(stream);
	if (len == 0)
		return 0;
	do {
		n = recv_some(fd, (uint8_t *)buf + got, len - got, flags, stream);
		if (n > 0)
			got += (size_t)n;
	} while (n > 0 && (flags & MSG_WAITALL) && got < len);
	return got > 0 ? (ssize_t)got : n;
}

int ktls_shutdown(int fd)
{
	static const uint8_t close_notify[2] = { 1, KTLS_ALERT_CLOSE_NOTIFY };
	ssize_t n = kernel_record_send(fd, RECORD_ALERT, close_notify, sizeof(close_notify), 0);

	if (n < 0)
		return (int)n;
	return n == sizeof(close_notify) ? 0 : -ENOMEM;
}
