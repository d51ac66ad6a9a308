/* SPDX-License-Identifier: MIT */
/* Patterns on connections that stay: streams either way, and requests with answers. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "tests/bench/ktls-bench/clocks.h"
#include "tests/bench/ktls-bench/worker.h"

#define TURN      32 /* calls for a flow before others have a turn */
#define EVENTS    64
#define PIECE_MAX (1U << 20)

/* ---- sending ----------------------------------------------------------------------------------
 */

/* Bytes of the call that comes next, as the pattern cuts the stream. */
static size_t piece(const struct worker *w, const struct flow *f, bool *more)
{
	const struct plan *plan = w->plan;
	uint64_t len = plan->write_bytes ? plan->write_bytes - f->unit_at : PIECE_MAX;

	*more = plan->pattern == PATTERN_MORE && f->unit_at < PLAN_HEADER;
	if (*more)
		len = PLAN_HEADER - f->unit_at;
	if (len > w->round->content->len - f->at)
		len = w->round->content->len - f->at;
	if (plan->bytes > 0 && len > plan->bytes - f->sent)
		len = plan->bytes - f->sent;
	return (size_t)len;
}

static void count_sent(struct worker *w, struct flow *f, size_t n)
{
	const struct content *content = w->round->content;

	if (w->plan->verify)
		hash_update(&f->hash_sent, content->bytes + f->at, n);
	w->sent += n;
	f->sent += n;
	f->at += n;
	f->unit_at += n;
	if (w->plan->write_bytes == 0 || f->unit_at >= w->plan->write_bytes)
		f->unit_at = 0;
	if (f->at < content->len)
		return;
	f->at = 0;
	if (w->plan->pattern == PATTERN_SENDFILE || w->plan->pattern == PATTERN_SPLICE)
		w->operations++;
}

static ssize_t send_piece(struct worker *w, struct flow *f)
{
	const struct content *content = w->round->content;
	bool more;
	size_t len = piece(w, f, &more);
	ssize_t n;

	if (more)
		n = f->link.ops->send(&f->link, content->bytes + f->at, len, true);
	else
		n = link_send_file(&f->link, content->file, content->bytes, (off_t)f->at, len,
				   w->plan->pattern);
	if (n > 0)
		count_sent(w, f, (size_t)n);
	return n;
}

static bool stream_is_over(const struct worker *w, const struct flow *f)
{
	if (w->plan->bytes > 0 && f->sent >= w->plan->bytes)
		return true;
	if (f->busy || (w->plan->pattern == PATTERN_MORE && f->unit_at != 0))
		return false;
	return worker_over(w);
}

static int end_sending(struct flow *f)
{
	int r = link_finish(&f->link);

	f->all_sent = r == 0;
	f->flushing = r == -EAGAIN;
	return r;
}

/* 0, -EAGAIN, or a failure. */
static int send_stream(struct worker *w, struct flow *f)
{
	for (int turn = 0; turn < TURN; turn++) {
		ssize_t n;

		if (stream_is_over(w, f))
			return end_sending(f);
		n = send_piece(w, f);
		f->busy = n < 0;
		if (n < 0)
			return (int)n;
		worker_tick(w);
	}
	w->again = true;
	return 0;
}

/* ---- receiving --------------------------------------------------------------------------------
 */

static void count_received(struct worker *w, struct flow *f, const uint8_t *bytes, size_t n)
{
	if (w->plan->verify)
		hash_update(&f->hash_received, bytes, n);
	w->received += n;
	f->received += n;
}

/* Bytes, 0 at the end, -EAGAIN, or a failure. */
static ssize_t receive_some(struct worker *w, struct flow *f)
{
	const uint8_t *bytes;
	ssize_t n = f->link.ops->receive(&f->link, &bytes);

	if (n > 0)
		count_received(w, f, bytes, (size_t)n);
	if (n == 0)
		f->at_end = true;
	return n;
}

static int receive_stream(struct worker *w, struct flow *f)
{
	for (int turn = 0; turn < TURN; turn++) {
		ssize_t n = receive_some(w, f);

		if (n <= 0)
			return (int)n;
		worker_tick(w);
	}
	w->again = true;
	return 0;
}

/* ---- requests ---------------------------------------------------------------------------------
 */

/* Records that were made of it, where they are made in this process. */
static int flush(struct flow *f)
{
	int r = f->link.ops->flush ? f->link.ops->flush(&f->link) : 0;

	f->flushing = r == -EAGAIN;
	return r;
}

/* Sends what is owed from the content's beginning on. */
static int send_owed(struct worker *w, struct flow *f)
{
	const uint64_t object =
		w->round->end == RESULT_SERVER ? w->plan->object_bytes : PLAN_REQUEST;

	while (f->owed > 0) {
		uint64_t left = object - f->at;
		ssize_t n = f->link.ops->send(&f->link, w->round->content->bytes + f->at,
					      (size_t)left, false);

		if (n < 0)
			return (int)n;
		if (w->plan->verify)
			hash_update(&f->hash_sent, w->round->content->bytes + f->at, (size_t)n);
		f->at = (f->at + (uint64_t)n) % object;
		f->owed -= (uint64_t)n;
		f->sent += (uint64_t)n;
		w->sent += (uint64_t)n;
	}
	return flush(f);
}

static int answer_requests(struct worker *w, struct flow *f)
{
	ssize_t n = 1;

	for (int turn = 0; turn < TURN && !f->at_end; turn++) {
		uint64_t before = f->received / PLAN_REQUEST;
		int r = send_owed(w, f);

		if (r < 0)
			return r;
		n = receive_some(w, f);
		if (n < 0)
			return (int)n;
		f->owed += (f->received / PLAN_REQUEST - before) * w->plan->object_bytes;
		worker_tick(w);
	}
	w->again = true;
	return f->at_end ? end_sending(f) : 0;
}

static void ask(struct worker *w, struct flow *f)
{
	f->owed = PLAN_REQUEST;
	f->answer = w->plan->object_bytes;
	f->asked = wall_now();
}

static void take_answer(struct worker *w, struct flow *f, uint64_t n)
{
	f->answer -= n < f->answer ? n : f->answer;
	if (f->answer > 0)
		return;
	worker_tick(w);
	w->operations++;
	histogram_add(&w->latencies, w->now - f->asked);
}

static bool requests_are_over(const struct worker *w, const struct flow *f)
{
	return worker_over(w) || (w->plan->bytes > 0 && f->received >= w->plan->bytes);
}

static int make_requests(struct worker *w, struct flow *f)
{
	for (int turn = 0; turn < TURN; turn++) {
		ssize_t n;
		int r;

		if (f->answer == 0 && f->owed == 0) {
			if (requests_are_over(w, f))
				return f->all_sent ? (int)receive_some(w, f) : end_sending(f);
			ask(w, f);
		}
		r = send_owed(w, f);
		if (r < 0)
			return r;
		n = receive_some(w, f);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return f->answer > 0 ? -ECONNRESET : 0;
		take_answer(w, f, (uint64_t)n);
	}
	w->again = true;
	return 0;
}

/* ---- all of a thread's flows ------------------------------------------------------------------
 */

static bool is_over(const struct flow *f)
{
	return (!f->sends || f->all_sent) && (!f->receives || f->at_end);
}

static int step(struct worker *w, struct flow *f)
{
	int r = 0;

	if (w->plan->pattern == PATTERN_REQUEST)
		return w->round->end == RESULT_SERVER ? answer_requests(w, f) : make_requests(w, f);
	if (f->sends && !f->all_sent)
		r = send_stream(w, f);
	if (f->receives && !f->at_end && (r == 0 || r == -EAGAIN))
		r = receive_stream(w, f);
	return r;
}

/* What epoll has to wait for, now that nothing more can be done at once. */
static void wait_for(struct worker *w, struct flow *f)
{
	struct epoll_event event = { .data.ptr = f };

	if (f->receives && !f->at_end)
		event.events |= EPOLLIN;
	if (w->plan->pattern == PATTERN_REQUEST ? f->owed > 0 || f->flushing
						: f->sends && !f->all_sent)
		event.events |= EPOLLOUT;
	if (event.events == f->events)
		return;
	epoll_ctl(w->epoll, f->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, f->link.fd, &event);
	f->events = event.events;
}

/* True where the flow is through, well or not. */
static bool run_flow(struct worker *w, struct flow *f)
{
	int r = step(w, f);

	if (r < 0 && r != -EAGAIN) {
		round_fail(w->round, "connection %u: %s", f->index,
			   w->maker.failed[0] ? w->maker.failed : strerror(-r));
		f->all_sent = f->at_end = true;
	}
	if (!is_over(f)) {
		wait_for(w, f);
		return false;
	}
	if (f->events)
		epoll_ctl(w->epoll, EPOLL_CTL_DEL, f->link.fd, NULL);
	f->events = 0;
	return true;
}

static uint32_t run_all(struct worker *w)
{
	uint32_t left = 0;

	for (uint32_t i = w->number; i < w->plan->connections; i += w->plan->threads)
		if (!is_over(&w->round->flows[i]))
			left += !run_flow(w, &w->round->flows[i]);
	return left;
}

/* A peer from which nothing comes for so long is gone. */
static void abandon(struct worker *w)
{
	round_fail(w->round, "nothing has come or gone for %d seconds", WORKER_PATIENCE_S);
	for (uint32_t i = w->number; i < w->plan->connections; i += w->plan->threads)
		w->round->flows[i].all_sent = w->round->flows[i].at_end = true;
}

/* Where some have more to do all have a turn; else those that epoll names. */
void flows_run(struct worker *w)
{
	struct epoll_event events[EVENTS];
	uint32_t left = run_all(w);

	while (left > 0) {
		int n;

		if (w->again) {
			w->again = false;
			left = run_all(w);
			continue;
		}
		n = epoll_wait(w->epoll, events, EVENTS, WORKER_PATIENCE_S * 1000);
		worker_tick(w);
		if (n == 0) {
			abandon(w);
			return;
		}
		for (int i = 0; i < n; i++)
			left -= run_flow(w, events[i].data.ptr);
	}
}
