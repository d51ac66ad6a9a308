/* SPDX-License-Identifier: MIT */
/*
 * Record-exact reading (RFC 9846, 5.1): what the peer sends after its last handshake record is for
 * the kernel, and what was taken out of a socket cannot be put back.
 *
 * Between records: a look at what there is (MSG_PEEK), the engine run over it, and one recv() of
 * exactly what the engine has dealt with. If the last record is incomplete, its arrived part is
 * taken as well and kept: left in the socket it would keep a small SO_RCVBUF from ever showing the
 * whole record. The rest of such a record is then received without a look, byte count known.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/conn/internal.h"

#define HEADER 5 /* bytes of a record's header */

void conn_input_wipe(struct conn *c)
{
	struct conn_input *in = &c->in;

	if (in->buf != in->head)
		pool_put(&c->loop->pool, in->buf);
	*in = (struct conn_input){ 0 };
}

/* Room for cap bytes; what is there is kept. */
static bool input_grow(struct conn *c, size_t cap)
{
	struct conn_input *in = &c->in;
	uint8_t *buf = in->head;

	if (cap <= in->cap)
		return true;
	if (cap > HEADER) {
		buf = pool_get(&c->loop->pool, cap);
		if (!buf)
			return false;
		if (in->len > 0)
			memcpy(buf, in->buf, in->len);
		if (in->buf != in->head)
			pool_put(&c->loop->pool, in->buf);
	}
	in->buf = buf;
	in->cap = cap;
	return true;
}

/* Keeps len bytes that were taken: a record's beginning, of which need bytes are known to come. */
static bool input_hold(struct conn *c, const uint8_t *bytes, size_t len, size_t need)
{
	if (!input_grow(c, need > len ? need : len))
		return false;
	memcpy(c->in.buf, bytes, len);
	c->in.len = len;
	c->in.need = need;
	return true;
}

bool conn_input_preread(struct conn *c, const uint8_t *bytes, size_t len)
{
	c->kick = len > 0;
	return len == 0 || input_hold(c, bytes, len, HEADER);
}

/* Removes bytes that were looked at. Less than that number means that somebody else reads, too. */
static bool input_take(struct conn *c, size_t len)
{
	ssize_t n;

	if (len == 0)
		return true;
	do
		n = recv(c->fd, NULL, len, MSG_TRUNC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		c->result.taken += (size_t)n;
	return n >= 0 && (size_t)n == len;
}

/* What a run of the engine, whose output is in the loop's buffer, means for the handshake. */
static void input_engine_ran(struct conn *c, enum ktls_engine_state state, size_t out_len)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(&c->secrets->engine);

	if (state == KTLS_ENGINE_FAILED) {
		conn_last_words(c, out_len);
		conn_end(c, facts->reason, c->result.error);
	} else if (!conn_output_add(c, c->loop->out, out_len)) {
		conn_fail(c, KTLS_R_NO_MEMORY, 0);
	} else if (state == KTLS_ENGINE_WAIT) {
		c->stage = CONN_WAIT;
	} else if (state == KTLS_ENGINE_DONE) {
		c->stage = CONN_FLUSH;
	}
}

/*
 * How many of the bytes looked at are to be taken. After a failure all of them: unread bytes would
 * make the application's close() a reset, which may overtake our alert. But what is no TLS at all
 * is left, for the application may know what it is.
 */
static size_t input_due(const struct conn *c, enum ktls_engine_state state,
			const struct ktls_engine_io *io)
{
	size_t rest = io->in_len - io->consumed;
	const struct ktls_engine_facts *facts = ktls_engine_facts(&c->secrets->engine);

	if (state == KTLS_ENGINE_FAILED && facts->reason != KTLS_R_NOT_TLS)
		return io->in_len;
	if (state == KTLS_ENGINE_READ && io->need > rest)
		return io->in_len;
	return io->consumed;
}

/* Runs the engine over the first len bytes of the scratch buffer, which are still in the socket. */
static void input_feed_peeked(struct conn *c, size_t len)
{
	struct conn_loop *loop = c->loop;
	struct ktls_engine_io io = {
		.in = loop->scratch, .in_len = len, .out = loop->out, .out_cap = sizeof(loop->out)
	};
	enum ktls_engine_state state = ktls_engine_run(&c->secrets->engine, &io);
	size_t due = input_due(c, state, &io);

	if (!input_take(c, due)) {
		conn_fail(c, KTLS_R_SOCKET_DISTURBED, 0);
		return;
	}
	if (state == KTLS_ENGINE_READ && due == 0)
		conn_fail(c, KTLS_R_INTERNAL, 0);
	else if (state == KTLS_ENGINE_READ && due > io.consumed &&
		 !input_hold(c, loop->scratch + io.consumed, due - io.consumed, io.need))
		conn_fail(c, KTLS_R_NO_MEMORY, 0);
	else
		input_engine_ran(c, state, io.out_len);
}

/* Drops the first len bytes of those that are held. */
static void input_drop(struct conn *c, size_t len)
{
	c->in.len -= len;
	if (c->in.len == 0)
		conn_input_wipe(c);
	else
		memmove(c->in.buf, c->in.buf + len, c->in.len);
}

/* Runs the engine over what is held; which may be nothing. */
static void input_feed_held(struct conn *c)
{
	struct conn_loop *loop = c->loop;
	struct ktls_engine_io io = {
		.in = c->in.len > 0 ? c->in.buf : c->in.head,
		.in_len = c->in.len,
		.out = loop->out,
		.out_cap = sizeof(loop->out),
	};
	enum ktls_engine_state state = ktls_engine_run(&c->secrets->engine, &io);
	bool stuck = state == KTLS_ENGINE_READ && io.in_len > 0 && io.consumed == 0 &&
		     io.need <= io.in_len;

	input_drop(c, io.consumed);
	c->kick = false;
	c->in.need = io.need;
	if (stuck)
		conn_fail(c, KTLS_R_INTERNAL, 0);
	else if (state == KTLS_ENGINE_DONE && c->in.len > 0)
		conn_fail(c, KTLS_R_REQUEST_VALUE, 0);
	else if (state == KTLS_ENGINE_READ && c->in.len > 0 && !input_grow(c, io.need))
		conn_fail(c, KTLS_R_NO_MEMORY, 0);
	else
		input_engine_ran(c, state, io.out_len);
}

/* recv(), and what its failures mean. Returns 0 where there is nothing to be had now. */
static size_t input_recv(struct conn *c, uint8_t *buf, size_t len, int flags)
{
	ssize_t n;

	do
		n = recv(c->fd, buf, len, flags | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return (size_t)n;
	if (c->send_error != 0)
		conn_fail_socket(c, "send", c->send_error);
	else if (n == 0)
		conn_fail(c, KTLS_R_PEER_EOF, 0);
	else if (errno != EAGAIN)
		conn_fail_socket(c, "recv", errno);
	return 0;
}

/* Receives what is missing of the record at hand, and no more. */
static bool input_fill(struct conn *c)
{
	struct conn_input *in = &c->in;
	size_t n = input_recv(c, in->buf + in->len, in->need - in->len, 0);

	in->len += n;
	c->result.taken += n;
	return n > 0;
}

static bool input_peek(struct conn *c)
{
	size_t n = input_recv(c, c->loop->scratch, sizeof(c->loop->scratch), MSG_PEEK);

	if (n == 0)
		return false;
	input_feed_peeked(c, n);
	return true;
}

bool conn_input_step(struct conn *c)
{
	struct conn_input *in = &c->in;

	if (c->kick || (in->len > 0 && in->len >= in->need)) {
		input_feed_held(c);
		return true;
	}
	return in->len > 0 ? input_fill(c) : input_peek(c);
}
