/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/format.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends to what is there already, as much as fits. */
__attribute__((format(printf, 3, 4))) static void append(char *out, size_t size, const char *format,
							 ...)
{
	size_t len = strlen(out);
	va_list args;

	va_start(args, format);
	vsnprintf(out + len, size - len, format, args);
	va_end(args);
}

/* ---- numbers --------------------------------------------------------------------------------- */

void format_number(char *out, size_t size, double value)
{
	int digits = 0;

	if (value > 0 && value < 100)
		digits = 2 - (int)floor(log10(value));
	if (digits > 6)
		digits = 6;
	snprintf(out, size, "%.*f", digits, value);
}

void format_bytes(char *out, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	size_t unit = 0;

	while (unit < 4 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	snprintf(out, size, "%" PRIu64 " %s", bytes, units[unit]);
}

static void append_bytes(char *out, size_t size, const char *what, uint64_t bytes)
{
	char text[32];

	if (bytes == 0)
		return;
	format_bytes(text, sizeof(text), bytes);
	append(out, size, ", %s of %s", what, text);
}

static void append_count(char *out, size_t size, const char *what, uint32_t n)
{
	if (n > 0)
		append(out, size, ", %" PRIu32 " %s%s", n, what, n == 1 ? "" : "s");
}

/* ---- what was done --------------------------------------------------------------------------- */

void format_workload(char *out, size_t size, const struct result_workload *w)
{
	static const char *const directions[] = {
		[RESULT_TO_CLIENT] = "to the client",
		[RESULT_TO_SERVER] = "to the server",
		[RESULT_BOTH_WAYS] = "both ways",
	};

	snprintf(out, size, "%s %s", w->pattern, directions[w->direction]);
	append_bytes(out, size, "objects", w->object_bytes);
	append_bytes(out, size, "writes", w->write_bytes);
	append_bytes(out, size, "records", w->record_bytes);
	append_count(out, size, "connection", w->connections);
	append_count(out, size, "thread", w->threads);
}

void format_mode(char *out, size_t size, const struct result_run *run,
		 const struct result_cell *cell, bool all)
{
	const struct result_mode *mode = result_mode_find(run, cell->mode);

	snprintf(out, size, "%s", mode && mode->label[0] ? mode->label : cell->mode);
	if (all && cell->tls[0])
		append(out, size, ", %s", cell->tls);
	if (all && cell->suite[0])
		append(out, size, " %s", cell->suite);
}

static void append_nic(char *out, size_t size, const struct result_machine *m)
{
	append(out, size, ", %s", m->nic);
	if (m->nic_driver[0])
		append(out, size, " (%s%s%s%s", m->nic_driver, m->nic_firmware[0] ? " " : "",
		       m->nic_firmware, m->nic_mbit ? "" : ")");
	if (m->nic_driver[0] && m->nic_mbit)
		append(out, size, ", %g Gbit/s)", m->nic_mbit / 1000.0);
	if (m->nic_tls_tx == RESULT_YES || m->nic_tls_rx == RESULT_YES)
		append(out, size, " with TLS offload%s%s", m->nic_tls_tx == RESULT_YES ? " tx" : "",
		       m->nic_tls_rx == RESULT_YES ? " rx" : "");
}

void format_machine(char *out, size_t size, const struct result_machine *m)
{
	snprintf(out, size, "%s", m->kernel[0] ? m->kernel : "a kernel not known");
	if (m->cpu_model[0])
		append(out, size, ", %s", m->cpu_model);
	append_count(out, size, "CPU", m->cpus);
	if (m->governor[0])
		append(out, size, ", governor %s", m->governor);
	if (m->hypervisor[0] || m->emulated)
		append(out, size, ", %s", m->hypervisor[0] ? m->hypervisor : "emulated");
	if (m->nic[0])
		append_nic(out, size, m);
	if (m->version[0])
		append(out, size, "; ktls-bench %s", m->version);
	if (m->build[0] && strcmp(m->build, "release") != 0)
		append(out, size, " (%s)", m->build);
	if (m->libssl[0])
		append(out, size, ", libssl %s", m->libssl);
}

void format_parameters(char *out, size_t size, const struct result_run *run)
{
	const struct result_parameters *p = &run->parameters;

	snprintf(out, size, "%" PRIu32 " round%s", p->rounds, p->rounds == 1 ? "" : "s");
	if (p->round_seconds > 0)
		append(out, size, " of %g s", p->round_seconds);
	if (p->warmup_seconds > 0)
		append(out, size, " behind %g s of warming up", p->warmup_seconds);
	append(out, size, p->one_machine ? ", both ends on one machine" : ", two machines");
	if (p->pinning[0])
		append(out, size, ", pinned: %s", p->pinning);
}

/* ---- what spreads are worth ----------------------------------------------------------------- */

struct range {
	double low, high;
};

static void add_confidence(struct range *range, const struct estimate *e)
{
	const double sure = estimate_confidence(e->n);

	if (sure > 0 && (range->low <= 0 || sure < range->low))
		range->low = sure;
	if (sure > range->high)
		range->high = sure;
}

void format_confidence(char *out, size_t size, const struct result_run *run)
{
	struct range range = { 0 };

	out[0] = '\0';
	for (size_t i = 0; i < run->cells_len; i++) {
		const struct result_cell *cell = &run->cells[i], *base = cell_base(run, cell);

		for (enum metric m = 0; m < METRICS; m++) {
			const struct estimate own = estimate_cell(m, cell);
			const struct estimate ratio =
				base ? estimate_ratio(m, cell, base) : (struct estimate){ 0 };

			add_confidence(&range, &own);
			add_confidence(&range, &ratio);
		}
	}
	if (range.high > 0)
		append(out, size, "%s%.4g%% confidence", range.low < range.high ? "at least " : "",
		       100 * range.low);
}

/* ---- what hardware did ----------------------------------------------------------------------- */

static void count(const struct result_offload *o, uint64_t *hw, uint64_t *all, char *why_not)
{
	*hw += o->hw;
	*all += (uint64_t)o->hw + o->sw + o->unknown;
	if (why_not[0] == '\0' && o->sw + (uint64_t)o->unknown > 0)
		result_text(why_not, RESULT_NAME, "%s", o->why_not);
}

void hardware_of(const struct result_cell *cell, struct hardware *h)
{
	const enum result_direction direction = cell->workload.direction;

	memset(h, 0, sizeof(*h));
	for (size_t i = 0; i < cell->rounds_len; i++) {
		const struct result_round *r = &cell->rounds[i];

		if (direction != RESULT_TO_SERVER) {
			count(&r->tx[RESULT_SERVER], &h->tx_hw, &h->tx_all, h->why_not);
			count(&r->rx[RESULT_CLIENT], &h->rx_hw, &h->rx_all, h->why_not);
		}
		if (direction != RESULT_TO_CLIENT) {
			count(&r->tx[RESULT_CLIENT], &h->tx_hw, &h->tx_all, h->why_not);
			count(&r->rx[RESULT_SERVER], &h->rx_hw, &h->rx_all, h->why_not);
		}
	}
}

static void append_way(char *out, size_t size, const char *way, uint64_t hw, uint64_t all)
{
	if (all == 0)
		return;
	append(out, size, "%s%s ", out[0] ? ", " : "", way);
	if (hw == 0 || hw == all)
		append(out, size, hw ? "hw" : "sw");
	else
		append(out, size, "%.0f%% hw", 100.0 * (double)hw / (double)all);
}

void format_hardware(char *out, size_t size, const struct result_cell *cell)
{
	struct hardware h;

	hardware_of(cell, &h);
	out[0] = '\0';
	append_way(out, size, "tx", h.tx_hw, h.tx_all);
	append_way(out, size, "rx", h.rx_hw, h.rx_all);
	if (out[0] && h.why_not[0])
		append(out, size, ": %s", h.why_not);
}

const char *payload_of(const struct result_cell *cell)
{
	const char *text = cell->rounds_len > 0 ? "verified" : "";

	for (size_t i = 0; i < cell->rounds_len; i++)
		if (cell->rounds[i].payload == RESULT_CORRUPT)
			return "CORRUPT";
		else if (cell->rounds[i].payload == RESULT_UNCHECKED)
			text = "";
	return text;
}
