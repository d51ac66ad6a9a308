/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/round.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/ktls-bench/clocks.h"

static int make_content(struct station *station, const struct plan *plan)
{
	const uint64_t len = plan->object_bytes > PLAN_REQUEST ? plan->object_bytes : PLAN_REQUEST;

	if (station->content.bytes && station->content.len == len)
		return 0;
	content_free(&station->content);
	return content_make(&station->content, len);
}

int round_prepare(struct running *r, struct station *station, const struct plan *plan)
{
	char text[RESULT_LINE];
	int error;

	memset(r, 0, sizeof(*r));
	r->plan = *plan;
	r->station = station;
	pthread_mutex_init(&r->round.lock, NULL);
	pthread_cond_init(&r->round.changed, NULL);
	r->round.flows = calloc(plan->connections, sizeof(*r->round.flows));
	r->workers = calloc(plan->threads, sizeof(*r->workers));
	if (!r->round.flows || !r->workers) {
		free(r->round.flows);
		free(r->workers);
		return -1;
	}
	for (uint32_t i = 0; i < plan->connections; i++)
		r->round.flows[i].link.fd = -1;
	error = make_content(station, plan);
	if (error < 0)
		round_fail(&r->round, "a file to be sent: %s", strerror(-error));
	if (plan->switch_offload &&
	    device_switch(&station->device, mode_is_hardware(plan->mode), text) < 0)
		round_fail(&r->round, "%s", text);
	r->before = counters_now(&station->device, station->end);
	return 0;
}

static void begin_worker(struct running *r, uint32_t i)
{
	struct worker *w = &r->workers[i];

	w->round = &r->round;
	w->plan = &r->plan;
	w->number = i;
	w->epoll = w->cycles = -1;
	if (pthread_create(&w->thread, NULL, worker_run, w) == 0)
		return;
	w->round = NULL;
	round_fail(&r->round, "no thread");
	atomic_fetch_add(&r->round.open, 1);
	atomic_fetch_add(&r->round.done, 1);
}

void round_begin(struct running *r, const int *descriptors, int (*connect)(struct round *),
		 void *arg)
{
	struct round *round = &r->round;

	round->plan = &r->plan;
	round->end = r->station->end;
	round->content = &r->station->content;
	round->credentials = &r->station->credentials;
	round->ktls = r->station->ktls;
	round->profile = r->station->profile;
	round->cpus = &r->station->cpus;
	round->connect = connect;
	round->arg = arg;
	for (uint32_t i = 0; descriptors && i < r->plan.connections; i++) {
		round->flows[i].index = i;
		round->flows[i].link.fd = descriptors[i];
	}
	for (uint32_t i = 0; i < r->plan.threads; i++)
		begin_worker(r, i);
}

bool round_ready(struct running *r)
{
	return atomic_load(&r->round.open) == r->plan.threads;
}

bool round_failed(struct running *r, char text[static RESULT_LINE])
{
	bool failed;

	pthread_mutex_lock(&r->round.lock);
	failed = r->round.failed[0] != '\0';
	if (failed)
		memcpy(text, r->round.failed, RESULT_LINE);
	pthread_mutex_unlock(&r->round.lock);
	return failed;
}

static void open_gate(struct running *r, bool go)
{
	pthread_mutex_lock(&r->round.lock);
	r->round.go = go;
	r->round.abandoned = !go;
	pthread_cond_broadcast(&r->round.changed);
	pthread_mutex_unlock(&r->round.lock);
}

void round_go(struct running *r)
{
	r->busy = busy_now(CLOCKS_STAT);
	open_gate(r, true);
}

void round_abandon(struct running *r)
{
	round_stop(r);
	open_gate(r, false);
}

void round_stop(struct running *r)
{
	atomic_store(&r->round.stop, true);
}

bool round_done(struct running *r)
{
	return atomic_load(&r->round.done) == r->plan.threads;
}

/* ---- what came of it --------------------------------------------------------------------------
 */

static void join_offload(struct result_offload *into, const struct result_offload *of)
{
	into->hw += of->hw;
	into->sw += of->sw;
	into->unknown += of->unknown;
	if (into->why_not[0] == '\0')
		result_text(into->why_not, sizeof(into->why_not), "%s", of->why_not);
}

static void join_worker(struct outcome *out, const struct worker *w, struct histogram *latencies)
{
	out->sent += w->sent;
	out->received += w->received;
	out->operations += w->operations;
	out->failures += w->failures;
	out->cpu_ns += w->cpu;
	out->cycles += w->cycles_used;
	out->retransmits += w->retransmits;
	join_offload(&out->tx, &w->tx);
	join_offload(&out->rx, &w->rx);
	if (w->wall > out->wall_ns)
		out->wall_ns = w->wall;
	if (w->version) {
		out->version = w->version;
		out->suite = w->suite;
	}
	for (size_t i = 0; i < OUTCOME_HASH; i++) {
		out->hash_sent[i] ^= w->hash_sent[i];
		out->hash_received[i] ^= w->hash_received[i];
	}
	histogram_join(latencies, &w->latencies);
}

/* What nobody may ask of single connections /proc/net/tls_stat tells of all that the namespace has.
 */
static void count_unknown(struct outcome *out, struct result_offload *offload, const char *name)
{
	const uint64_t hw = counters_find(out, RESULT_TLS_STAT, name);
	uint64_t more = hw > offload->hw ? hw - offload->hw : 0;

	if (more > offload->unknown)
		more = offload->unknown;
	offload->hw += (uint32_t)more;
	offload->sw += offload->unknown - (uint32_t)more;
	offload->unknown = 0;
	if (offload->sw == 0)
		offload->why_not[0] = '\0';
}

void round_end(struct running *r, struct outcome *out)
{
	struct histogram *latencies = calloc(1, sizeof(*latencies));

	*out = (struct outcome){ .received = 0 };
	for (uint32_t i = 0; i < r->plan.threads; i++) {
		if (!r->workers[i].round)
			continue;
		pthread_join(r->workers[i].thread, NULL);
		if (latencies)
			join_worker(out, &r->workers[i], latencies);
	}
	out->busy_ns = r->round.go ? busy_now(CLOCKS_STAT) - r->busy : 0;
	if (latencies) {
		out->p50_ns = histogram_at(latencies, 500);
		out->p99_ns = histogram_at(latencies, 990);
	}
	counters_since(r->before, &r->station->device, r->station->end, out);
	count_unknown(out, &out->tx, "TlsTxDevice");
	count_unknown(out, &out->rx, "TlsRxDevice");
	memcpy(out->failed, r->round.failed, sizeof(out->failed));
	pthread_mutex_destroy(&r->round.lock);
	pthread_cond_destroy(&r->round.changed);
	free(r->round.flows);
	free(r->workers);
	free(latencies);
}
