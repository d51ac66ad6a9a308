/* SPDX-License-Identifier: MIT */
/* Sending: at once as far as the socket takes it, the rest from the pool when there is room. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/conn/internal.h"

/* Returns the number of bytes that the socket took. */
static size_t output_send(struct conn *c, const uint8_t *bytes, size_t len)
{
	size_t sent = 0;
	ssize_t n;

	while (sent < len && c->send_error == 0) {
		n = send(c->fd, bytes + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			c->send_error = errno;
	}
	return sent;
}

static bool output_keep(struct conn *c, const uint8_t *bytes, size_t len)
{
	struct conn_output *out = &c->out;
	size_t waiting = out->len - out->sent;
	uint8_t *buf = pool_get(&c->loop->pool, waiting + len);

	if (!buf)
		return false;
	if (waiting > 0)
		memcpy(buf, out->buf + out->sent, waiting);
	memcpy(buf + waiting, bytes, len);
	conn_output_wipe(c);
	*out = (struct conn_output){ .buf = buf, .len = waiting + len };
	return true;
}

bool conn_output_add(struct conn *c, const uint8_t *bytes, size_t len)
{
	size_t sent = conn_output_flush(c) ? output_send(c, bytes, len) : 0;

	if (sent == len || c->send_error != 0)
		return true;
	return output_keep(c, bytes + sent, len - sent);
}

bool conn_output_flush(struct conn *c)
{
	struct conn_output *out = &c->out;

	if (!out->buf)
		return true;
	out->sent += output_send(c, out->buf + out->sent, out->len - out->sent);
	if (out->sent < out->len)
		return false;
	conn_output_wipe(c);
	return true;
}

void conn_output_wipe(struct conn *c)
{
	pool_put(&c->loop->pool, c->out.buf);
	c->out = (struct conn_output){ 0 };
}
