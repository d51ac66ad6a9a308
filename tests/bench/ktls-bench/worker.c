/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/worker.h"

#include <endian.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/ktls-bench/clocks.h"
#include "tests/bench/ktls-bench/cpus.h"

void round_fail(struct round *round, const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&round->lock);
	if (round->failed[0] == '\0') {
		va_start(args, format);
		vsnprintf(round->failed, sizeof(round->failed), format, args);
		va_end(args);
	}
	pthread_mutex_unlock(&round->lock);
}

/* ---- time -------------------------------------------------------------------------------------
 */

/* From here on it counts. */
static void begin_counting(struct worker *w)
{
	w->warm = true;
	w->sent = w->received = w->operations = w->failures = w->retransmits = 0;
	w->latencies.total = 0;
	memset(w->latencies.counts, 0, sizeof(w->latencies.counts));
	w->began = w->now;
	w->cpu_began = cpu_now();
	w->cycles_began = cycles_read(w->cycles);
}

void worker_tick(struct worker *w)
{
	w->now = wall_now();
	if (!w->warm && w->now >= w->warm_at)
		begin_counting(w);
}

bool worker_over(const struct worker *w)
{
	return atomic_load_explicit(&w->round->stop, memory_order_relaxed) ||
	       (w->plan->round_ms > 0 && w->now >= w->ends_at);
}

static void begin(struct worker *w)
{
	const uint64_t ms = 1000000;

	w->now = wall_now();
	w->warm_at = w->now + w->plan->warmup_ms * ms;
	w->ends_at = w->warm_at + w->plan->round_ms * ms;
	worker_tick(w);
}

static void end(struct worker *w)
{
	w->now = wall_now();
	if (!w->warm)
		begin_counting(w);
	w->wall = w->now - w->began;
	w->cpu = cpu_now() - w->cpu_began;
	w->cycles_used = cycles_read(w->cycles) - w->cycles_began;
}

/* ---- who has the records ----------------------------------------------------------------------
 */

static void count_state(struct result_offload *offload, enum ktls_state state, enum ktls_no_hw why)
{
	offload->hw += state == KTLS_STATE_HW;
	offload->sw += state == KTLS_STATE_SW;
	offload->unknown += state == KTLS_STATE_UNKNOWN;
	if (state != KTLS_STATE_HW && offload->why_not[0] == '\0')
		result_text(offload->why_not, sizeof(offload->why_not), "%s", ktls_no_hw_name(why));
}

void worker_count(struct worker *w, const struct link *link)
{
	w->version = link->version;
	w->suite = link->suite;
	if (!mode_is_kernel(w->plan->mode))
		return;
	count_state(&w->tx, link->tx, link->tx_no_hw);
	count_state(&w->rx, link->rx, link->rx_no_hw);
}

void worker_count_retransmits(struct worker *w, const struct link *link)
{
	struct tcp_info info = { .tcpi_total_retrans = 0 };
	socklen_t len = sizeof(info);

	if (link->fd >= 0 && getsockopt(link->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
		w->retransmits += info.tcpi_total_retrans;
}

/* ---- connections ------------------------------------------------------------------------------
 */

static void begin_flow(struct worker *w, struct flow *f)
{
	const struct plan *plan = w->plan;
	const enum result_end peer = w->round->end == RESULT_SERVER ? RESULT_CLIENT : RESULT_SERVER;

	f->sends = plan->pattern == PATTERN_REQUEST || plan_sends(plan, w->round->end);
	f->receives = plan->pattern == PATTERN_REQUEST || plan_sends(plan, peer);
	hash_init(&f->hash_sent, HASH_SHA256);
	hash_init(&f->hash_received, HASH_SHA256);
	worker_count(w, &f->link);
}

/* False where a connection failed: the others are not even tried. */
static bool open_flows(struct worker *w)
{
	for (uint32_t i = w->number; i < w->plan->connections; i += w->plan->threads) {
		struct flow *f = &w->round->flows[i];
		int fd = f->link.fd;

		if (link_open(&f->link, &w->maker, fd) < 0 || link_start(&f->link) < 0) {
			round_fail(w->round, "%s", w->maker.failed);
			return false;
		}
		begin_flow(w, f);
	}
	return true;
}

/* Of all connections together, whatever thread had which. */
static void join_hash(uint8_t into[static OUTCOME_HASH], struct hash *of, uint32_t index)
{
	const uint32_t wire_index = htobe32(index);
	uint8_t digest[OUTCOME_HASH];

	hash_update(of, &wire_index, sizeof(wire_index));
	hash_final(of, digest);
	for (size_t i = 0; i < OUTCOME_HASH; i++)
		into[i] ^= digest[i];
}

static void close_flows(struct worker *w)
{
	for (uint32_t i = w->number; i < w->plan->connections; i += w->plan->threads) {
		struct flow *f = &w->round->flows[i];

		worker_count_retransmits(w, &f->link);
		if (w->plan->verify) {
			join_hash(w->hash_sent, &f->hash_sent, f->index);
			join_hash(w->hash_received, &f->hash_received, f->index);
		}
		link_close(&f->link);
	}
}

/* ---- the thread -------------------------------------------------------------------------------
 */

/* Until both ends are ready. False where there is nothing to be measured. */
static bool pass_gate(struct round *round)
{
	bool go;

	pthread_mutex_lock(&round->lock);
	while (!round->go && !round->abandoned)
		pthread_cond_wait(&round->changed, &round->lock);
	go = round->go && !round->abandoned;
	pthread_mutex_unlock(&round->lock);
	return go;
}

static bool prepare(struct worker *w)
{
	struct link_maker *maker = &w->maker;

	cpu_list_pin(w->round->cpus, w->number);
	maker->plan = w->plan;
	maker->end = w->round->end;
	maker->credentials = w->round->credentials;
	maker->ktls = w->round->ktls;
	maker->profile = w->round->profile;
	w->cycles = cycles_open();
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll < 0)
		round_fail(w->round, "epoll: %m");
	if (link_maker_init(maker) < 0)
		round_fail(w->round, "%s", maker->failed);
	return w->epoll >= 0 && maker->failed[0] == '\0';
}

void *worker_run(void *arg)
{
	struct worker *w = arg;
	const bool churn = w->plan->pattern == PATTERN_CHURN;
	bool ready = prepare(w) && (churn || open_flows(w));

	atomic_fetch_add(&w->round->open, 1);
	if (pass_gate(w->round) && ready) {
		begin(w);
		if (churn)
			churn_run(w);
		else
			flows_run(w);
		end(w);
	}
	if (!churn)
		close_flows(w);
	link_maker_wipe(&w->maker);
	if (w->epoll >= 0)
		close(w->epoll);
	if (w->cycles >= 0)
		close(w->cycles);
	atomic_fetch_add(&w->round->done, 1);
	return NULL;
}
