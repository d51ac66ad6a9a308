/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/run.h"

#include <stdlib.h>
#include <string.h>

#include <ktls.h>

#include "tests/bench/ktls-bench/clocks.h"

#define VERIFY_ALL (UINT64_C(8) << 20) /* bytes of all connections together, about */
#define VERIFY_MIN (UINT64_C(64) << 10)

volatile int run_interrupted;

/* What is done by every mode in turn. */
struct work {
	struct plan plan; /* but for the mode */
	size_t cells;     /* the first of the modes' cells */
	enum mode modes[MODES];
	size_t modes_len;
	enum result_payload payload[MODES];
};

static bool is_counted(enum pattern pattern)
{
	return pattern == PATTERN_REQUEST || pattern == PATTERN_CHURN;
}

/* Sizes of a sweep are those of calls, else of files and answers. */
static bool is_of_calls(enum pattern pattern)
{
	return pattern == PATTERN_WRITE || pattern == PATTERN_MORE;
}

/* ---- plans ------------------------------------------------------------------------------------
 */

/* Streams are cut somewhere: where nobody says where, as most programs do it. */
static uint32_t write_bytes(const struct options *o, enum pattern pattern, uint64_t size)
{
	if (size > 0)
		return is_of_calls(pattern) ? (uint32_t)size : 0;
	if (o->write_bytes > 0)
		return o->write_bytes;
	return pattern == PATTERN_WRITE ? 64 << 10 : pattern == PATTERN_MORE ? 16 << 10 : 0;
}

/* Calls are cut from a file that is as long as one of them at least. */
static uint64_t object_bytes(const struct options *o, enum pattern pattern, uint64_t size)
{
	if (size > 0 && (!is_of_calls(pattern) || size > o->file_bytes))
		return size;
	return pattern == PATTERN_REQUEST ? o->object_bytes : o->file_bytes;
}

/* Where it is not by time that a round ends: by bytes, answers or connections. */
static uint64_t limit(const struct options *o, enum pattern pattern, uint64_t size)
{
	if (o->bytes == 0)
		return 0;
	if (pattern == PATTERN_REQUEST)
		return o->count * object_bytes(o, pattern, size);
	return pattern == PATTERN_CHURN ? o->count : o->bytes;
}

static struct plan plan_of(const struct runner *r, enum pattern pattern,
			   enum result_direction direction, uint64_t size)
{
	const struct options *o = r->options;

	return (struct plan){
		.pattern = pattern,
		.direction = direction,
		.version = r->version,
		.suite = r->suite,
		.connections = pattern == PATTERN_CHURN ? o->threads : o->connections,
		.threads = o->threads,
		.object_bytes = object_bytes(o, pattern, size),
		.write_bytes = write_bytes(o, pattern, size),
		.record_bytes = o->record_bytes,
		.warmup_ms = o->warmup_ms,
		.round_ms = o->bytes ? 0 : o->duration_ms,
		.bytes = limit(o, pattern, size),
		.verify = o->verify_rounds,
		.switch_offload = o->switch_offload,
	};
}

static struct plan with_mode(const struct runner *r, const struct work *work, enum mode mode)
{
	struct plan plan = work->plan;

	plan.mode = mode;
	plan.daemon = r->station.ktls && mode_is_kernel(mode);
	return plan;
}

/* The same, a few bytes of it, that are hashed at both ends. */
static struct plan verifying(const struct plan *plan)
{
	struct plan v = *plan;

	v.verify = true;
	v.warmup_ms = v.round_ms = 0;
	v.bytes = VERIFY_ALL / v.connections;
	if (v.bytes < VERIFY_MIN)
		v.bytes = VERIFY_MIN;
	if (plan->bytes > 0 && plan->bytes < v.bytes)
		v.bytes = plan->bytes;
	if (v.pattern == PATTERN_REQUEST)
		v.bytes = v.object_bytes * 3;
	if (v.pattern == PATTERN_CHURN)
		v.bytes = 3;
	return v;
}

/* ---- cells ------------------------------------------------------------------------------------
 */

static void describe(struct result_cell *cell, const struct work *work, enum mode mode)
{
	const struct plan *plan = &work->plan;
	struct result_workload *w = &cell->workload;
	const bool whole = plan->pattern == PATTERN_SENDFILE || plan->pattern == PATTERN_SPLICE ||
			   plan->pattern == PATTERN_REQUEST;

	result_text(cell->mode, sizeof(cell->mode), "%s", mode_name(mode));
	result_text(w->pattern, sizeof(w->pattern), "%s", pattern_name(plan->pattern));
	w->direction = plan->direction;
	w->object_bytes = whole ? plan->object_bytes : 0;
	w->write_bytes = plan->write_bytes;
	w->record_bytes = plan->record_bytes;
	w->connections = plan->connections;
	w->threads = plan->threads;
}

static int add_cells(struct runner *r, struct work *work)
{
	work->cells = r->run->cells_len;
	work->modes_len = 0;
	for (unsigned int i = 0; i < MODES; i++) {
		struct result_cell *cell;

		if (!(r->options->modes & 1U << i))
			continue;
		cell = result_cell_add(r->run);
		if (!cell)
			return -1;
		describe(cell, work, (enum mode)i);
		work->modes[work->modes_len++] = (enum mode)i;
	}
	return 0;
}

static struct result_cell *cell_of(struct runner *r, const struct work *work, size_t i)
{
	return &r->run->cells[work->cells + i];
}

/* ---- what came of a round ---------------------------------------------------------------------
 */

static void name_suite(struct result_cell *cell, const struct outcome *o)
{
	if (o->version == 0)
		return;
	result_text(cell->tls, sizeof(cell->tls), "%s", ktls_version_name(o->version));
	result_text(cell->suite, sizeof(cell->suite), "%s", ktls_suite_name(o->suite));
}

static void copy_counters(struct result_round *to, const struct outcome *from)
{
	for (size_t i = 0; i < from->counters.counters_len; i++) {
		struct result_counter *counter = result_counter_add(to);

		if (counter)
			*counter = from->counters.counters[i];
	}
}

static void fill_end(struct result_round *round, enum result_end end, const struct outcome *o)
{
	round->cpu_seconds[end] = (double)o->cpu_ns / 1e9;
	round->busy_seconds[end] = (double)o->busy_ns / 1e9;
	round->cycles[end] = o->cycles;
	round->tx[end] = o->tx;
	round->rx[end] = o->rx;
	round->retransmits += o->retransmits;
	copy_counters(round, o);
}

/* By who receives: what is on its way when the round ends has been sent, but not delivered. */
static void fill_work(struct result_round *round, const struct plan *plan,
		      const struct outcome *client, const struct outcome *server)
{
	const bool to_client = plan_sends(plan, RESULT_SERVER);
	const bool to_server = plan_sends(plan, RESULT_CLIENT);
	uint64_t wall = to_client ? client->wall_ns : 0;

	if (to_server && server->wall_ns > wall)
		wall = server->wall_ns;
	round->wall_seconds = (double)wall / 1e9;
	round->failures = client->failures;
	round->latency_p50_ns = client->p50_ns;
	round->latency_p99_ns = client->p99_ns;
	if (plan->pattern != PATTERN_CHURN)
		round->bytes =
			(to_client ? client->received : 0) + (to_server ? server->received : 0);
	round->operations = is_counted(plan->pattern) ? client->operations
						      : client->operations + server->operations;
}

static enum result_payload compare(const struct plan *plan, const struct outcome *client,
				   const struct outcome *server)
{
	if (plan->pattern == PATTERN_CHURN)
		return RESULT_UNCHECKED;
	if (memcmp(client->hash_received, server->hash_sent, OUTCOME_HASH) != 0 ||
	    memcmp(client->hash_sent, server->hash_received, OUTCOME_HASH) != 0)
		return RESULT_CORRUPT;
	return RESULT_VERIFIED;
}

/* before: what the pass before the rounds has shown. */
static int add_round(struct runner *r, struct result_cell *cell, const struct plan *plan,
		     uint64_t began, const struct outcome *client, const struct outcome *server,
		     enum result_payload before)
{
	struct result_round *round = result_round_add(cell);

	if (!round)
		return -1;
	round->began_seconds = (double)(began - r->began) / 1e9;
	fill_work(round, plan, client, server);
	fill_end(round, RESULT_CLIENT, client);
	fill_end(round, RESULT_SERVER, server);
	name_suite(cell, client);
	round->payload =
		plan->verify && before != RESULT_CORRUPT ? compare(plan, client, server) : before;
	return 0;
}

static void miss(struct result_cell *cell, const char *why)
{
	result_text(cell->missing, sizeof(cell->missing), "%s", why);
}

/* ---- before the rounds: does it work, and is it what it is called? ----------------------------
 */

static const char *text_of_no_hw(const char *name)
{
	for (int i = 0; i < 64; i++)
		if (strcmp(ktls_no_hw_name((enum ktls_no_hw)i), name) == 0)
			return ktls_no_hw_text((enum ktls_no_hw)i);
	return name;
}

/* Hardware has to be, somewhere; software must not. */
static void check_offload(struct result_cell *cell, enum mode mode, const struct outcome *client,
			  const struct outcome *server)
{
	const uint32_t hw = client->tx.hw + client->rx.hw + server->tx.hw + server->rx.hw;
	const char *ours = client->tx.why_not, *theirs = server->tx.why_not;
	char text[RESULT_LINE];

	if (mode == MODE_SW && hw > 0)
		miss(cell, "a device takes these keys: --switch-offload turns that off and on");
	if (!mode_is_hardware(mode) || hw > 0)
		return;
	result_text(text, sizeof(text), "client: %s; server: %s", text_of_no_hw(ours),
		    text_of_no_hw(theirs));
	miss(cell, strcmp(ours, theirs) == 0 ? text_of_no_hw(ours) : text);
}

/* 0, or -1 where the other end is gone. */
static int try_mode(struct runner *r, struct work *work, size_t i)
{
	struct plan plan = with_mode(r, work, work->modes[i]);
	struct result_cell *cell = cell_of(r, work, i);
	struct outcome client, server;
	int result;

	plan = verifying(&plan);
	progress_round(&r->progress, "%s %s: does it work?", pattern_name(plan.pattern),
		       mode_name(plan.mode));
	result = play_round(r, &plan, &client, &server);
	if (result > 0)
		miss(cell, r->failed);
	if (result != 0)
		return result < 0 ? -1 : 0;
	if (r->options->verify)
		work->payload[i] = compare(&plan, &client, &server);
	check_offload(cell, plan.mode, &client, &server);
	name_suite(cell, &client);
	outcome_wipe(&client);
	outcome_wipe(&server);
	return 0;
}

/* ---- the rounds -------------------------------------------------------------------------------
 */

static int one_round(struct runner *r, struct work *work, size_t i, unsigned int number)
{
	const struct plan plan = with_mode(r, work, work->modes[i]);
	const uint64_t began = wall_now();
	struct outcome client, server;
	int result;

	progress_round(&r->progress, "%s %s %s, round %u of %u", pattern_name(plan.pattern),
		       direction_name(plan.direction), mode_name(plan.mode), number + 1,
		       r->options->rounds);
	result = play_round(r, &plan, &client, &server);
	if (result > 0) {
		progress_line(&r->progress, "%s: a round failed: %s", mode_name(plan.mode),
			      r->failed);
		if (cell_of(r, work, i)->rounds_len == 0)
			miss(cell_of(r, work, i), r->failed);
	}
	if (result != 0)
		return result < 0 ? -1 : 0;
	if (!run_interrupted)
		result = add_round(r, cell_of(r, work, i), &plan, began, &client, &server,
				   work->payload[i]);
	outcome_wipe(&client);
	outcome_wipe(&server);
	return result;
}

/* Each mode once, and in each round another one first: none is always the warm one. */
static int turn(struct runner *r, struct work *work, unsigned int number)
{
	for (size_t n = 0; n < work->modes_len && !run_interrupted; n++) {
		const size_t i = (n + number) % work->modes_len;

		if (cell_of(r, work, i)->missing[0])
			continue;
		if (one_round(r, work, i, number) < 0)
			return -1;
	}
	return 0;
}

static void tell_missing(struct runner *r, const struct work *work)
{
	for (size_t i = 0; i < work->modes_len; i++)
		if (cell_of(r, work, i)->missing[0])
			progress_line(&r->progress, "  without %s: %s", mode_name(work->modes[i]),
				      cell_of(r, work, i)->missing);
}

static int run_work(struct runner *r, enum pattern pattern, enum result_direction direction,
		    uint64_t size)
{
	struct work work = { .plan = plan_of(r, pattern, direction, size) };
	const char *wrong = plan_check(&work.plan);
	int result = 0;

	if (wrong) {
		result_text(r->failed, sizeof(r->failed), "%s: %s", pattern_name(pattern), wrong);
		return -1;
	}
	if (add_cells(r, &work) < 0)
		return -1;
	progress_line(&r->progress, "%s, %s", pattern_name(pattern),
		      is_counted(pattern) ? "to-client" : direction_name(direction));
	for (size_t i = 0; i < work.modes_len && result == 0 && !run_interrupted; i++)
		result = try_mode(r, &work, i);
	tell_missing(r, &work);
	for (unsigned int i = 0; i < r->options->rounds && result == 0 && !run_interrupted; i++)
		result = turn(r, &work, i);
	for (size_t i = 0; i < work.modes_len; i++)
		if (cell_of(r, &work, i)->rounds_len == 0 && !cell_of(r, &work, i)->missing[0])
			miss(cell_of(r, &work, i), "the run ended before its turn");
	return result;
}

static unsigned int bits(unsigned int set)
{
	return (unsigned int)__builtin_popcount(set);
}

static unsigned int count_rounds(const struct options *o)
{
	const unsigned int streams =
		bits(o->patterns & ~(1U << PATTERN_REQUEST | 1U << PATTERN_CHURN));
	const unsigned int requests = bits(o->patterns & 1U << PATTERN_REQUEST);
	const unsigned int churn = bits(o->patterns & 1U << PATTERN_CHURN);
	const unsigned int sizes = o->sizes_len ? o->sizes_len : 1;
	const unsigned int works = (streams * bits(o->directions) + requests) * sizes + churn;

	return works * bits(o->modes) * (o->rounds + 1);
}

/* Churn has no size. */
static int run_sizes(struct runner *r, enum pattern pattern, enum result_direction direction)
{
	const struct options *o = r->options;
	int result = 0;

	if (o->sizes_len == 0 || pattern == PATTERN_CHURN)
		return run_work(r, pattern, direction, 0);
	for (unsigned int i = 0; i < o->sizes_len && result == 0 && !run_interrupted; i++)
		result = run_work(r, pattern, direction, o->sizes[i]);
	return result;
}

int run_all(struct runner *r)
{
	const struct options *o = r->options;

	r->began = wall_now();
	progress_begin(&r->progress, o->quiet, count_rounds(o));
	for (unsigned int p = 0; p < PATTERNS; p++)
		for (unsigned int d = 0; d < RESULT_DIRECTIONS; d++) {
			if (!(o->patterns & 1U << p) || run_interrupted)
				continue;
			if (is_counted((enum pattern)p) ? d != 0 : !(o->directions & 1U << d))
				continue;
			if (run_sizes(r, (enum pattern)p, (enum result_direction)d) < 0) {
				progress_end(&r->progress);
				return -1;
			}
		}
	progress_end(&r->progress);
	return 0;
}
