/* SPDX-License-Identifier: MIT */
/* One round as the running end has it: connections, handshakes, both ends' outcomes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/ktls-bench/run.h"

#define ANSWER_MS 40000
#define POLL_US   2000

struct playing {
	struct runner *runner;
	struct running running;
	struct ready ready;
	struct address peer;
};

static int lost(struct runner *r)
{
	memcpy(r->failed, r->control.failed, sizeof(r->failed));
	return -1;
}

/* ---- connections ------------------------------------------------------------------------------
 */

static int connect_one(struct playing *p, uint32_t index)
{
	int fd = net_connect(&p->peer);

	if (fd >= 0 && net_introduce(fd, p->ready.token, index) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int connect_for_churn(struct round *round)
{
	return connect_one(round->arg, 0);
}

static void begin_streams(struct playing *p)
{
	const uint32_t n = p->running.plan.connections;
	int *descriptors = malloc(n * sizeof(*descriptors));

	if (!descriptors)
		p->running.plan.threads = 0;
	for (uint32_t i = 0; descriptors && i < n; i++) {
		descriptors[i] = p->running.round.failed[0] ? -1 : connect_one(p, i);
		if (descriptors[i] < 0)
			round_fail(&p->running.round, "connection %u: %s", i, strerror(errno));
	}
	round_begin(&p->running, descriptors, NULL, p);
	free(descriptors);
}

/* ---- the conversation -------------------------------------------------------------------------
 */

/* FAILED is an answer, too: 1 then. */
static int ask(struct runner *r, enum message_type type, const struct writer *body,
	       enum message_type wanted, struct reader *answer)
{
	enum message_type seen;

	if (control_send(&r->control, type, body) < 0 ||
	    control_receive(&r->control, ANSWER_MS, &seen, answer) < 0)
		return lost(r);
	if (seen == wanted)
		return 0;
	if (seen == MESSAGE_FAILED && failed_read(answer, r->failed))
		return 1;
	result_text(r->failed, sizeof(r->failed), "the other end: an unexpected message");
	return -1;
}

static int send_plan(struct playing *p, const struct plan *plan)
{
	uint8_t bytes[128];
	struct writer w;
	struct reader answer;
	int r;

	writer_init(&w, bytes, sizeof(bytes));
	plan_write(&w, plan);
	r = ask(p->runner, MESSAGE_PLAN, &w, MESSAGE_READY, &answer);
	if (r != 0)
		return r;
	if (!ready_read(&answer, &p->ready)) {
		result_text(p->runner->failed, RESULT_LINE, "the other end: a malformed message");
		return -1;
	}
	p->peer = p->runner->peer;
	net_set_port(&p->peer, p->ready.port);
	return 0;
}

/* Our own reason says more than that the other end has lost us. */
static int give_up(struct playing *p)
{
	struct runner *r = p->runner;
	char text[RESULT_LINE];
	struct reader answer;
	int result = ask(r, MESSAGE_END, NULL, MESSAGE_OUTCOME, &answer);

	if (round_failed(&p->running, text))
		memcpy(r->failed, text, sizeof(text));
	round_abandon(&p->running);
	return result < 0 ? -1 : 1;
}

static void wait_until_done(struct playing *p)
{
	while (!round_done(&p->running)) {
		if (run_interrupted)
			round_stop(&p->running);
		usleep(POLL_US);
	}
}

/* Ours may wait for the other end's last bytes, which stops sending when it hears END: so that is
 * sent at once where the user has had enough. */
static int finish(struct playing *p, struct outcome *theirs)
{
	struct runner *r = p->runner;
	struct reader answer;
	int result;

	while (!round_done(&p->running) && !run_interrupted)
		usleep(POLL_US);
	result = ask(r, MESSAGE_END, NULL, MESSAGE_OUTCOME, &answer);
	if (result == 0 && !outcome_read(&answer, theirs)) {
		result_text(r->failed, sizeof(r->failed), "the other end: a malformed message");
		result = -1;
	}
	wait_until_done(p);
	return result;
}

static int measure(struct playing *p, struct outcome *theirs)
{
	struct reader answer;
	char text[RESULT_LINE];
	int r;

	while (!round_ready(&p->running))
		usleep(POLL_US / 10);
	if (round_failed(&p->running, text))
		return give_up(p);
	r = ask(p->runner, MESSAGE_GO, NULL, MESSAGE_GOING, &answer);
	if (r != 0) {
		round_abandon(&p->running);
		return r;
	}
	round_go(&p->running);
	return finish(p, theirs);
}

/* Where both ends count from the first byte to the last. */
static bool is_complete(const struct plan *plan, const struct outcome *ours,
			const struct outcome *theirs)
{
	if (plan->pattern == PATTERN_CHURN || plan->warmup_ms > 0 || run_interrupted)
		return true;
	return ours->sent == theirs->received && theirs->sent == ours->received;
}

static int conclude(struct runner *r, const struct plan *plan, int result, struct outcome *ours,
		    struct outcome *theirs)
{
	if (result == 0 && (ours->failed[0] || theirs->failed[0])) {
		memcpy(r->failed, ours->failed[0] ? ours->failed : theirs->failed, RESULT_LINE);
		result = 1;
	} else if (result == 0 && !is_complete(plan, ours, theirs)) {
		result_text(r->failed, sizeof(r->failed), "bytes that were sent did not come");
		result = 1;
	}
	if (result != 0) {
		outcome_wipe(ours);
		outcome_wipe(theirs);
	}
	return result;
}

int play_round(struct runner *r, const struct plan *plan, struct outcome *ours,
	       struct outcome *theirs)
{
	struct playing p = { .runner = r };
	int result;

	r->failed[0] = '\0';
	*theirs = (struct outcome){ .received = 0 };
	if (round_prepare(&p.running, &r->station, plan) < 0) {
		result_text(r->failed, sizeof(r->failed), "out of memory");
		return -1;
	}
	result = round_failed(&p.running, r->failed) ? 1 : send_plan(&p, plan);
	if (result == 0) {
		if (plan->pattern == PATTERN_CHURN)
			round_begin(&p.running, NULL, connect_for_churn, &p);
		else
			begin_streams(&p);
		result = measure(&p, theirs);
	} else {
		p.running.plan.threads = 0;
	}
	round_end(&p.running, ours);
	return conclude(r, plan, result, ours, theirs);
}
