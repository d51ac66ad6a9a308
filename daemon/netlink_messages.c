/* SPDX-License-Identifier: MIT */
/* What workers ask the netlink role, and what it answers: bytes and structs. */
#include <string.h>
#include <sys/socket.h>

#include "daemon/netlink_role.h"

/* ---- before the handshake -------------------------------------------------------------------- */

void route_question_write(struct writer *w, const struct route_question *question)
{
	const struct netlink_flow *flow = &question->flow;

	writer_u64(w, question->netns);
	writer_u32(w, flow->family);
	writer_u32(w, flow->mark);
	writer_u32(w, (uint32_t)flow->bound_to);
	writer_bytes(w, flow->local, sizeof(flow->local));
	writer_bytes(w, flow->peer, sizeof(flow->peer));
}

bool route_question_read(struct reader *r, struct route_question *out)
{
	struct route_question q = { 0 };
	uint32_t bound_to;

	if (!reader_u64(r, &q.netns) || !reader_u32(r, &q.flow.family) ||
	    !reader_u32(r, &q.flow.mark) || !reader_u32(r, &bound_to) ||
	    !reader_copy(r, q.flow.local, sizeof(q.flow.local)) ||
	    !reader_copy(r, q.flow.peer, sizeof(q.flow.peer)))
		return false;
	if ((q.flow.family != AF_INET && q.flow.family != AF_INET6) || bound_to > INT32_MAX)
		return false;
	q.flow.bound_to = (int32_t)bound_to;
	*out = q;
	return true;
}

void route_answer_write(struct writer *w, const struct conn_route *answer)
{
	writer_u8(w, (uint8_t)answer->tx);
	writer_u8(w, (uint8_t)answer->rx);
	writer_bytes(w, answer->device, sizeof(answer->device));
	writer_u8(w, answer->untold);
}

bool route_answer_read(struct reader *r, struct conn_route *out)
{
	struct conn_route a;
	uint8_t tx, rx, untold;

	if (!reader_u8(r, &tx) || tx > KTLS_NO_HW_BOND || !reader_u8(r, &rx) ||
	    rx > KTLS_NO_HW_BOND || !reader_copy(r, (uint8_t *)a.device, sizeof(a.device)) ||
	    !memchr(a.device, 0, sizeof(a.device)) || !reader_u8(r, &untold) || untold > 1)
		return false;
	a.tx = (enum ktls_no_hw)tx;
	a.rx = (enum ktls_no_hw)rx;
	a.untold = untold;
	*out = a;
	return true;
}

/* ---- after it -------------------------------------------------------------------------------- */

void look_question_write(struct writer *w, const struct look_question *question)
{
	const struct netlink_socket *socket = &question->socket;
	const struct route_question route = { .netns = question->netns, .flow = socket->flow };

	route_question_write(w, &route);
	writer_u16(w, socket->local_port);
	writer_u16(w, socket->peer_port);
	writer_u64(w, socket->cookie);
}

bool look_question_read(struct reader *r, struct look_question *out)
{
	struct look_question q = { 0 };
	struct route_question route;

	if (!route_question_read(r, &route) || !reader_u16(r, &q.socket.local_port) ||
	    !reader_u16(r, &q.socket.peer_port) || !reader_u64(r, &q.socket.cookie))
		return false;
	q.netns = route.netns;
	q.socket.flow = route.flow;
	*out = q;
	return true;
}

static void write_direction(struct writer *w, enum ktls_state state, enum ktls_no_hw why)
{
	writer_u8(w, (uint8_t)state);
	writer_u8(w, (uint8_t)why);
}

void look_answer_write(struct writer *w, const struct conn_verdict *answer)
{
	write_direction(w, answer->tx, answer->tx_no_hw);
	write_direction(w, answer->rx, answer->rx_no_hw);
}

/* A direction is with a device, or there is a reason why it is not. */
static bool read_direction(struct reader *r, enum ktls_state *state, enum ktls_no_hw *why)
{
	uint8_t s, y;

	if (!reader_u8(r, &s) || s < KTLS_STATE_SW || s > KTLS_STATE_UNKNOWN || !reader_u8(r, &y) ||
	    y > KTLS_NO_HW_BOND || (s == KTLS_STATE_HW) != (y == KTLS_NO_HW_NONE))
		return false;
	*state = (enum ktls_state)s;
	*why = (enum ktls_no_hw)y;
	return true;
}

bool look_answer_read(struct reader *r, struct conn_verdict *out)
{
	struct conn_verdict v;

	if (!read_direction(r, &v.tx, &v.tx_no_hw) || !read_direction(r, &v.rx, &v.rx_no_hw))
		return false;
	*out = v;
	return true;
}
