/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/warnings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/ktls-bench/format.h"

#define LOAD_MAX             0.1  /* CPUs in use by others */
#define NOISE_MAX            0.1  /* width of the spread over the median */
#define RETRANSMITS_EACH_MAX 10   /* segments a thousand connections */
#define RETRANSMITS_MAX      100  /* segments a GiB: about one in ten thousand */
#define SECONDS_MIN          0.5  /* shorter rounds measure their beginning */
#define DRIFT_MAX            0.05 /* of a cell's halves */

/* Like result_warn(), of an end of the run. */
__attribute__((format(printf, 4, 5))) static void warn(struct result_run *run, const char *code,
						       const char *advice, const char *format, ...)
{
	char text[RESULT_LINE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	result_warn(run, code, text, advice);
}

/* ---- the machines ---------------------------------------------------------------------------- */

static const char *whose(const struct result_run *run, enum result_end end)
{
	if (run->parameters.one_machine)
		return "This machine";
	return end == RESULT_SERVER ? "The server's machine" : "The client's machine";
}

static void warn_cpu(struct result_run *run, const char *who, const struct result_machine *m)
{
	if (m->emulated)
		warn(run, "emulated-cpu",
		     "Believe counters, hashes and bytes; measure speed on a machine of its own.",
		     "%s has an emulated CPU: its AES is software, and times say nothing of a real "
		     "one, not even as ratios.",
		     who);
	else if (m->hypervisor[0])
		warn(run, "hypervisor",
		     "Measure on bare metal, or give the machine CPUs of its own and look at steal "
		     "time.",
		     "%s is a guest (%s): its neighbours and its host take time that is not seen.",
		     who, m->hypervisor);
	if (m->governor[0] && strcmp(m->governor, "performance") != 0)
		warn(run, "frequency-scaling",
		     "cpupower frequency-set -g performance, on both ends, and back afterwards.",
		     "%s changes its CPUs' frequency as load comes and goes (governor %s).", who,
		     m->governor);
	if (m->turbo == RESULT_YES)
		warn(run, "turbo",
		     "Switch it off: intel_pstate/no_turbo to 1, or cpufreq/boost to 0, below "
		     "/sys/devices/system/cpu.",
		     "%s has turbo frequencies on: fewer busy CPUs run faster, and heat decides.",
		     who);
}

static void warn_machine(struct result_run *run, enum result_end end)
{
	const struct result_machine *m = &run->machines[end];
	const char *who = whose(run, end);

	warn_cpu(run, who, m);
	if (m->load > LOAD_MAX)
		warn(run, "other-load", "Stop what else runs there: ps -eo pcpu,args --sort=-pcpu.",
		     "%s was busy before the run: others kept %.1f CPUs busy.", who, m->load);
	if (m->build[0] && strcmp(m->build, "release") != 0)
		warn(run, "debug-build", "make clean && make, without SAN and with -O2.",
		     "%s runs a ktls-bench that is no release (%s).", who, m->build);
}

static void warn_ends(struct result_run *run)
{
	const struct result_parameters *p = &run->parameters;

	/* Of one machine, too: each end has seen its own CPUs. */
	for (int end = 0; end < RESULT_ENDS; end++)
		warn_machine(run, end);
	if (p->one_machine && p->shared_cpu)
		warn(run, "shared-cpu",
		     "Pin the ends to different cores, or run ktls-bench serve on another machine.",
		     "Both ends may run on one core: they wait for each other, and throughput is "
		     "that of their sum.");
	if (strcmp(run->machines[RESULT_SERVER].nic, "lo") == 0)
		warn(run, "loopback",
		     "Read CPU time, not throughput; or use two machines, or two ports and a "
		     "network namespace.",
		     "The data goes over loopback: no device, no interrupts, segments of 64 KiB.");
	if (p->rounds < ESTIMATE_ROUNDS_MIN)
		warn(run, "few-rounds", "--rounds 5 or more.",
		     "There are fewer than five rounds: the spread is worth little, and nothing is "
		     "called better or worse.");
	if (p->round_seconds > 0 && p->round_seconds < SECONDS_MIN)
		warn(run, "short-rounds", "--duration 2 or more.",
		     "Rounds of %g s measure how connections begin.", p->round_seconds);
}

/* ---- the cells ------------------------------------------------------------------------------- */

/* A row's name in a warning: "kTLS, hardware: sendfile to the client". */
static void name_cell(char out[static RESULT_LINE], const struct result_run *run,
		      const struct result_cell *cell)
{
	char mode[RESULT_LINE / 2];

	format_mode(mode, sizeof(mode), run, cell, false);
	result_text(out, RESULT_LINE, "%s, %s", mode, cell->workload.pattern);
}

static void warn_failed(struct result_run *run, const struct result_cell *cell, const char *name)
{
	uint64_t failures = 0;

	for (size_t i = 0; i < cell->rounds_len; i++)
		failures += cell->rounds[i].failures;
	if (failures > 0)
		warn(run, "failures", "Find out why before believing the rest: ktlsctl log, dmesg.",
		     "%s: %llu operations failed and were not counted.", name,
		     (unsigned long long)failures);
	if (strcmp(payload_of(cell), "CORRUPT") == 0)
		warn(run, "corrupt",
		     "A bug: report it with this file, kernel and firmware. Turn the offload off.",
		     "%s: what arrived is not what was sent.", name);
}

static void warn_hardware(struct result_run *run, const struct result_cell *cell, const char *name)
{
	const struct result_mode *mode = result_mode_find(run, cell->mode);
	struct hardware h;

	if (!mode || !mode->wants_hardware)
		return;
	hardware_of(cell, &h);
	if (h.tx_hw == 0 && h.rx_hw == 0)
		warn(run, "not-hardware", "ktls-setup offload show says what stands in the way.",
		     "%s: no connection was in hardware%s%s.", name, h.why_not[0] ? ": " : "",
		     h.why_not);
	else if ((h.tx_hw > 0 && h.tx_hw < h.tx_all) || (h.rx_hw > 0 && h.rx_hw < h.rx_all))
		warn(run, "part-hardware",
		     "The device may be out of contexts: fewer connections, or see its counters.",
		     "%s: only some connections were in hardware%s%s.", name,
		     h.why_not[0] ? ": " : "", h.why_not);
}

static void warn_rounds(struct result_run *run, const struct result_cell *cell, const char *name)
{
	enum metric metric =
		workload_counts_operations(&cell->workload) ? METRIC_OPERATIONS : METRIC_THROUGHPUT;
	struct estimate e = estimate_cell(metric, cell);

	if (estimate_noise(&e) > NOISE_MAX)
		warn(run, "noisy",
		     "More and longer rounds; pin the ends; look for other load. Small differences "
		     "are none.",
		     "%s, and maybe others: the rounds differ by %.0f%%.", name,
		     100 * estimate_noise(&e));
}

/* A connection that loses its SYN waits for a second. */
static void warn_retransmits(struct result_run *run, const struct result_cell *cell,
			     const char *name)
{
	const struct estimate bytes = estimate_cell(METRIC_RETRANSMITS, cell);
	const struct estimate each = estimate_cell(METRIC_RETRANSMITS_OPERATION, cell);

	if (bytes.n > 0 && bytes.median > RETRANSMITS_MAX)
		warn(run, "retransmits",
		     "Look at the link (ethtool -S, pause frames, buffers): records that are sent "
		     "again cost a device much more than a CPU.",
		     "%s: %.0f segments a GiB were sent again.", name, bytes.median);
	if (bytes.n == 0 && each.n > 0 && each.median > RETRANSMITS_EACH_MAX)
		warn(run, "retransmits",
		     "Look at the link (ethtool -S), and at the queue of connections that wait to "
		     "be accepted (nstat TcpExtListenOverflows).",
		     "%s: %.0f segments were sent again in a thousand connections.", name,
		     each.median);
}

/* Values that are all higher, or all lower, in the second half: the machine warms up or slows down.
 */
static void warn_drift(struct result_run *run, const struct result_cell *cell, const char *name)
{
	struct result_cell first = *cell, second = *cell;
	struct estimate a, b;

	if (cell->rounds_len < 2 * ESTIMATE_ROUNDS_MIN)
		return;
	first.rounds_len = cell->rounds_len / 2;
	second.rounds += first.rounds_len;
	second.rounds_len -= first.rounds_len;
	a = estimate_cell(METRIC_THROUGHPUT, &first);
	b = estimate_cell(METRIC_THROUGHPUT, &second);
	if (estimate_differ(&a, &b) &&
	    (a.median > b.median * (1 + DRIFT_MAX) || b.median > a.median * (1 + DRIFT_MAX)))
		warn(run, "drift", "Warm up longer (--warmup), and look at temperatures.",
		     "%s, and maybe others: the first rounds differ from the last ones.", name);
}

void warnings_add(struct result_run *run)
{
	char name[RESULT_LINE];

	warn_ends(run);
	for (size_t i = 0; i < run->cells_len; i++) {
		const struct result_cell *cell = &run->cells[i];

		if (cell->rounds_len == 0)
			continue;
		name_cell(name, run, cell);
		warn_failed(run, cell, name);
		warn_hardware(run, cell, name);
		warn_rounds(run, cell, name);
		warn_retransmits(run, cell, name);
		warn_drift(run, cell, name);
	}
}
