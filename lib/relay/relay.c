/* SPDX-License-Identifier: MIT */
/* One relay: its beginning, what its sockets are polled for, its end. */
#include "lib/relay/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/crypto/util.h"
#include "lib/handoff/relayed.h"
#include "lib/relay/internal.h"
#include "lib/wire/reason.h"

#define EVENTS      64
#define LINGER_MS   5000
#define CONTENT_MAX 16384
#define RECORDS_MAX (UINT64_C(1) << 24) /* of AES-GCM: the limit leaves room for some more */

/* ---- memory ---------------------------------------------------------------------------------- */

uint8_t *relay_buffer(struct relay *r, size_t len)
{
	uint8_t *buf = malloc(len);

	if (buf)
		r->loop->bytes += len;
	return buf;
}

void relay_buffer_free(struct relay *r, uint8_t **buf, size_t len)
{
	r->loop->bytes -= len;
	free(*buf);
	*buf = NULL;
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

void relay_note(struct relay *r, enum ktls_reason reason, uint8_t alert, int error)
{
	if (r->end.reason != KTLS_OK || reason == KTLS_OK)
		return;
	r->end.reason = reason;
	r->end.alert = alert;
	r->end.error = error;
}

/* The name must be there before the end of file is. */
void relay_name_end(struct relay *r, enum ktls_reason reason, uint8_t alert)
{
	struct sockaddr_un name;
	uint64_t unique;
	socklen_t len;

	if (r->named)
		return;
	r->named = true;
	random_bytes(&unique, sizeof(unique));
	len = relayed_name(&name, reason, alert, unique);
	if (bind(r->application.fd, (struct sockaddr *)&name, len) < 0 && r->end.error == 0)
		r->end.error = errno;
}

void relay_receive_over(struct relay *r, enum ktls_reason reason, uint8_t alert)
{
	if (r->in.over)
		return;
	r->in.over = true;
	relay_note(r, reason, alert, 0);
	relay_name_end(r, reason == KTLS_OK ? KTLS_R_PEER_CLOSE_NOTIFY : reason, alert);
}

void relay_stop_application(struct relay *r)
{
	r->out.app_over = true;
	shutdown(r->application.fd, SHUT_RD);
}

void relay_fail(struct relay *r, enum ktls_reason reason)
{
	const struct reason *row = reason_find(reason);

	if (r->in.discard && r->out.app_over)
		return;
	if (reason != KTLS_R_KEY_EXHAUSTED)
		r->last_alert = (uint8_t)row->alert;
	r->in.content_left = 0;
	relay_receive_over(r, reason, (uint8_t)row->alert);
	r->in.discard = true;
	relay_stop_application(r);
}

void relay_lost(struct relay *r, int error)
{
	relay_note(r,
		   error == ECONNRESET || error == EPIPE ? KTLS_R_PEER_RESET : KTLS_R_SOCKET_ERROR,
		   KTLS_ALERT_NONE, error);
	relay_receive_over(r, r->end.reason, KTLS_ALERT_NONE);
	r->in.peer_over = true;
	r->out.over = true;
}

/* ---- polling --------------------------------------------------------------------------------- */

/* A socket that nothing is wanted of may still say that it was closed; then it leaves the set. */
static void watch(struct relay_side *side, uint32_t events, bool wanted)
{
	struct epoll_event event = { .events = events, .data.ptr = side };
	int epoll = side->relay->loop->epoll;

	if (!wanted) {
		if (side->watched)
			epoll_ctl(epoll, EPOLL_CTL_DEL, side->fd, NULL);
		side->watched = false;
		return;
	}
	if (side->watched && side->events == events)
		return;
	if (epoll_ctl(epoll, side->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, side->fd, &event) < 0) {
		relay_lost(side->relay, errno);
		return;
	}
	side->watched = true;
	side->events = events;
}

static bool wants_input(const struct relay *r)
{
	return !r->in.peer_over && r->in.content_left == 0 && (!r->in.over || r->in.discard);
}

static void poll_for(struct relay *r)
{
	bool output = r->out.at < r->out.len && r->out.buf;
	bool app_input = !output && !r->out.app_over && !r->out.over;
	uint32_t peer = (wants_input(r) ? EPOLLIN : 0U) | (output ? EPOLLOUT : 0U);
	uint32_t app = (r->in.content_left > 0 ? EPOLLOUT : 0U) | (app_input ? EPOLLIN : 0U);

	watch(&r->peer, peer, peer != 0);
	/* Whoever has closed for good has nothing more to say. */
	watch(&r->application, app,
	      app != 0 || !(r->in.discard || (r->in.over && r->out.app_over)));
}

/* ---- the end --------------------------------------------------------------------------------- */

static void unlink_relay(struct relay *r)
{
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
}

static void release(struct relay *r)
{
	struct relay_loop *loop = r->loop;

	if (r->in.buf)
		relay_buffer_free(r, &r->in.buf, RELAY_BUFFER);
	if (r->out.buf)
		relay_buffer_free(r, &r->out.buf, RELAY_BUFFER);
	if (r->message.buf)
		relay_buffer_free(r, &r->message.buf, r->message.cap);
	secret_wipe(r->s, sizeof(*r->s));
	arena_put(loop->arena, r->s);
	timer_stop(&loop->timers, &r->timer);
	loop->bytes -= sizeof(*r) + sizeof(*r->s);
	loop->count--;
}

/*
 * Should this process be killed, the peer is not to take that for an end of the stream. SO_LINGER
 * was the application's before; close() does not wait with either of these.
 */
static void set_linger(int fd, int on)
{
	struct linger linger = { .l_onoff = on };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/*
 * A record is as long as what there was to send, and no longer one will come of waiting: Nagle's
 * algorithm would hold back the end of each until the peer has acknowledged the rest, which may
 * take it 40 ms. The application cannot ask for this: its socket is no TCP socket any more.
 */
static void send_at_once(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

static void finish(struct relay *r)
{
	r->ended = true;
	watch(&r->peer, 0, false);
	watch(&r->application, 0, false);
	if (!r->dropped)
		set_linger(r->peer.fd, 0);
	close(r->peer.fd);
	close(r->application.fd);
	release(r);
	r->next_ended = r->loop->ended;
	r->loop->ended = r;
}

static bool is_over(const struct relay *r)
{
	bool received = r->in.discard ? r->in.peer_over : r->in.over && r->in.shut;

	return r->out.over && (received || r->in.peer_over) && r->in.content_left == 0;
}

/*
 * Nobody waits for what the peer has to say. It gets a while to take what we had to, and longer as
 * long as it goes on taking.
 */
static void linger(struct relay *r)
{
	if (!r->in.discard || (r->lingers && r->out.moved == r->lingers_at))
		return;
	if (r->lingers)
		timer_stop(&r->loop->timers, &r->timer);
	r->lingers = true;
	r->lingers_at = r->out.moved;
	timer_start(&r->loop->timers, &r->timer,
		    timer_now() + (uint64_t)r->loop->config.linger_ms * 1000000);
}

/* What receiving asked for. */
static bool owes(const struct relay *r)
{
	return r->update_owed || r->refusals > 0 || r->out.app_over;
}

static void advance(struct relay *r, bool receive, bool send)
{
	if (receive)
		relay_receive(r);
	if (send || owes(r))
		relay_send(r);
	/* What sending found out may be the end of receiving. */
	if (r->in.over && !r->in.shut)
		relay_receive(r);
	if (!is_over(r)) {
		linger(r);
		poll_for(r);
	}
	if (is_over(r))
		finish(r);
}

/* The application has closed its socket altogether: what the peer says is for nobody. */
static void application_gone(struct relay *r)
{
	if (r->in.over)
		return;
	r->in.discard = true;
	r->in.over = true;
	r->in.shut = true;
	r->in.content_left = 0;
}

/* ---- loop ------------------------------------------------------------------------------------ */

static int open_loop(struct relay_loop *loop)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	int err = timers_init(&loop->timers, loop->config.relays_max);

	if (err < 0)
		return err;
	loop->arena = arena_new(sizeof(struct relay_secrets), loop->config.relays_max);
	if (!loop->arena)
		return -ENOMEM;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return -errno;
	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->timers.fd, &event) < 0 ? -errno : 0;
}

int relay_loop_new(const struct relay_config *config, struct relay_loop **out)
{
	struct relay_loop *loop;
	int err;

	if (config->relays_max == 0)
		return -EINVAL;
	loop = calloc(1, sizeof(*loop));
	if (!loop)
		return -ENOMEM;
	loop->config = *config;
	if (loop->config.linger_ms == 0)
		loop->config.linger_ms = LINGER_MS;
	loop->epoll = -1;
	loop->timers.fd = -1;
	err = open_loop(loop);
	if (err < 0) {
		relay_loop_free(loop);
		return err;
	}
	*out = loop;
	return 0;
}

static void bury(struct relay_loop *loop, bool tell)
{
	struct relay *r;

	while (loop->ended) {
		r = loop->ended;
		loop->ended = r->next_ended;
		if (tell && r->request.ended)
			r->request.ended(r->request.arg, &r->end);
		unlink_relay(r);
		free(r);
	}
}

void relay_loop_free(struct relay_loop *loop)
{
	if (!loop)
		return;
	for (struct relay *r = loop->all; r; r = r->next) {
		r->dropped = true;
		if (!r->ended)
			finish(r);
	}
	bury(loop, false);
	timers_wipe(&loop->timers);
	arena_free(loop->arena);
	if (loop->epoll >= 0)
		close(loop->epoll);
	free(loop);
}

int relay_loop_fd(const struct relay_loop *loop)
{
	return loop->epoll;
}

size_t relay_loop_count(const struct relay_loop *loop)
{
	return loop->count;
}

size_t relay_loop_orphans(const struct relay_loop *loop)
{
	size_t n = 0;

	for (const struct relay *r = loop->all; r; r = r->next)
		n += !r->ended && r->in.discard;
	return n;
}

size_t relay_loop_bytes(const struct relay_loop *loop)
{
	return loop->bytes;
}

static void run_timers(struct relay_loop *loop)
{
	struct timer *timer = timers_due(&loop->timers, timer_now());

	for (; timer; timer = timers_due(&loop->timers, timer_now()))
		finish((struct relay *)(void *)((char *)timer - offsetof(struct relay, timer)));
}

static void run_side(struct relay_side *side, uint32_t events)
{
	struct relay *r = side->relay;
	bool in = events & (EPOLLIN | EPOLLHUP | EPOLLERR), out = events & (EPOLLOUT | EPOLLERR);

	if (r->ended)
		return;
	if (side == &r->application && (events & EPOLLHUP))
		application_gone(r);
	advance(r, side == &r->peer ? in : out, side == &r->peer ? out : in);
}

void relay_loop_run(struct relay_loop *loop)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(loop->epoll, events, EVENTS, 0);

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			run_side(events[i].data.ptr, events[i].events);
		else
			run_timers(loop);
	}
	bury(loop, true);
}

/* ---- beginning ------------------------------------------------------------------------------- */

static struct relay *allocate(struct relay_loop *loop, const struct relay_request *request)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->s = arena_get(loop->arena);
	if (!r->s) {
		free(r);
		return NULL;
	}
	r->loop = loop;
	r->timer.at = TIMER_OFF;
	r->request = *request;
	r->peer = (struct relay_side){ .relay = r, .fd = request->peer };
	r->application = (struct relay_side){ .relay = r, .fd = request->application };
	r->end.alert = KTLS_ALERT_NONE;
	r->last_alert = KTLS_ALERT_CLOSE_NOTIFY;
	return r;
}

static void set_limits(struct relay_request *request)
{
	if (request->content_max == 0 || request->content_max > CONTENT_MAX)
		request->content_max = CONTENT_MAX;
	if (request->records_max == 0 || (request->records_max > RECORDS_MAX &&
					  request->records_max <= KTLS_AES_GCM_RECORDS_MAX))
		request->records_max = RECORDS_MAX;
}

/* What the key has protected up to here: a Finished, or tickets. */
static uint64_t records_before(const struct ktls_traffic_key *key)
{
	uint64_t records = 0;

	for (size_t i = 0; i < sizeof(key->seq); i++)
		records = records << 8 | key->seq[i];
	return records;
}

static void add(struct relay_loop *loop, struct relay *r)
{
	r->next = loop->all;
	r->link = &loop->all;
	if (r->next)
		r->next->link = &r->next;
	loop->all = r;
	loop->count++;
	loop->bytes += sizeof(*r) + sizeof(*r->s);
}

int relay_start(struct relay_loop *loop, const struct relay_request *request)
{
	struct relay *r;
	int result;

	if (loop->count >= loop->config.relays_max)
		return -KTLS_R_TOO_MANY;
	r = allocate(loop, request);
	if (!r)
		return -KTLS_R_NO_MEMORY;
	result = ktls_record_init(&r->s->layer, request->tx, request->rx);
	if (result < 0) {
		arena_put(loop->arena, r->s);
		free(r);
		return result;
	}
	r->s->secrets = *request->secrets;
	r->records = records_before(request->tx);
	r->received = records_before(request->rx);
	r->received_max =
		request->records_max > 0 && request->records_max < KTLS_AES_GCM_RECORDS_MAX;
	r->request.secrets = NULL;
	r->request.tx = NULL;
	r->request.rx = NULL;
	set_limits(&r->request);
	add(loop, r);
	set_linger(r->peer.fd, 1);
	send_at_once(r->peer.fd);
	poll_for(r);
	return 0;
}
