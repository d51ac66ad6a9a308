/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/message.h"

#include <stdlib.h>
#include <string.h>

static void write_text(struct writer *w, const char *text)
{
	writer_vec(w, 2, text, strlen(text));
}

/* Printable ASCII that fits; PEM has newlines, too. */
static bool read_text(struct reader *r, char *out, size_t size)
{
	struct reader text;

	if (!reader_vec16(r, &text) || text.left >= size)
		return false;
	for (size_t i = 0; i < text.left; i++)
		if ((text.at[i] < 0x20 && text.at[i] != '\n') || text.at[i] > 0x7e)
			return false;
	memset(out, 0, size);
	return reader_copy(&text, out, text.left);
}

static bool read_bool(struct reader *r, bool *out)
{
	uint8_t byte;

	if (!reader_u8(r, &byte) || byte > 1)
		return false;
	*out = byte == 1;
	return true;
}

/* A number below limit. */
static bool read_enum(struct reader *r, unsigned int limit, uint8_t *out)
{
	return reader_u8(r, out) && *out < limit;
}

/* ---- hello, ready, failed ---------------------------------------------------------------------
 */

void hello_write(struct writer *w, const struct hello *hello)
{
	writer_u16(w, hello->version);
	writer_u8(w, hello->rsa);
	writer_u8(w, hello->want_trust);
}

bool hello_read(struct reader *r, struct hello *out)
{
	struct hello hello;

	if (!reader_u16(r, &hello.version) || !read_bool(r, &hello.rsa) ||
	    !read_bool(r, &hello.want_trust) || !reader_empty(r))
		return false;
	*out = hello;
	return true;
}

void ready_write(struct writer *w, const struct ready *ready)
{
	writer_u16(w, ready->port);
	writer_bytes(w, ready->token, sizeof(ready->token));
}

bool ready_read(struct reader *r, struct ready *out)
{
	struct ready ready;

	if (!reader_u16(r, &ready.port) || !reader_copy(r, ready.token, sizeof(ready.token)) ||
	    ready.port == 0 || !reader_empty(r))
		return false;
	*out = ready;
	return true;
}

void failed_write(struct writer *w, const char *text)
{
	write_text(w, text);
}

bool failed_read(struct reader *r, char out[static RESULT_LINE])
{
	char text[RESULT_LINE];

	if (!read_text(r, text, sizeof(text)) || !reader_empty(r))
		return false;
	memcpy(out, text, sizeof(text));
	return true;
}

/* ---- the machine ------------------------------------------------------------------------------
 */

static void write_machine(struct writer *w, const struct result_machine *m)
{
	write_text(w, m->kernel);
	write_text(w, m->cpu_model);
	writer_u32(w, m->cpus);
	write_text(w, m->governor);
	writer_u8(w, (uint8_t)m->turbo);
	write_text(w, m->hypervisor);
	writer_u8(w, m->emulated);
	writer_u32(w, (uint32_t)(m->load * 1000));
	write_text(w, m->nic);
	write_text(w, m->nic_driver);
	write_text(w, m->nic_firmware);
	writer_u32(w, m->nic_mbit);
	writer_u32(w, m->nic_mtu);
	writer_u8(w, (uint8_t)m->nic_tls_tx);
	writer_u8(w, (uint8_t)m->nic_tls_rx);
	write_text(w, m->version);
	write_text(w, m->build);
	write_text(w, m->libssl);
}

static bool read_known(struct reader *r, enum result_known *out)
{
	uint8_t known;

	if (!read_enum(r, RESULT_KNOWNS, &known))
		return false;
	*out = (enum result_known)known;
	return true;
}

static bool read_cpu(struct reader *r, struct result_machine *m)
{
	uint32_t load;

	if (!read_text(r, m->kernel, sizeof(m->kernel)) ||
	    !read_text(r, m->cpu_model, sizeof(m->cpu_model)) || !reader_u32(r, &m->cpus) ||
	    !read_text(r, m->governor, sizeof(m->governor)) || !read_known(r, &m->turbo) ||
	    !read_text(r, m->hypervisor, sizeof(m->hypervisor)) || !read_bool(r, &m->emulated) ||
	    !reader_u32(r, &load))
		return false;
	m->load = load / 1000.0;
	return true;
}

static bool read_machine(struct reader *r, struct result_machine *m)
{
	return read_cpu(r, m) && read_text(r, m->nic, sizeof(m->nic)) &&
	       read_text(r, m->nic_driver, sizeof(m->nic_driver)) &&
	       read_text(r, m->nic_firmware, sizeof(m->nic_firmware)) &&
	       reader_u32(r, &m->nic_mbit) && reader_u32(r, &m->nic_mtu) &&
	       read_known(r, &m->nic_tls_tx) && read_known(r, &m->nic_tls_rx) &&
	       read_text(r, m->version, sizeof(m->version)) &&
	       read_text(r, m->build, sizeof(m->build)) &&
	       read_text(r, m->libssl, sizeof(m->libssl));
}

void greeting_write(struct writer *w, const struct greeting *greeting)
{
	write_machine(w, &greeting->machine);
	write_text(w, greeting->trust);
	write_text(w, greeting->name);
	writer_u8(w, greeting->rsa);
}

bool greeting_read(struct reader *r, struct greeting *out)
{
	struct greeting *g = calloc(1, sizeof(*g));
	bool good = g && read_machine(r, &g->machine) && read_text(r, g->trust, sizeof(g->trust)) &&
		    read_text(r, g->name, sizeof(g->name)) && read_bool(r, &g->rsa) &&
		    reader_empty(r);

	if (good)
		*out = *g;
	free(g);
	return good;
}

/* ---- the plan ---------------------------------------------------------------------------------
 */

void plan_write(struct writer *w, const struct plan *p)
{
	writer_u8(w, (uint8_t)p->mode);
	writer_u8(w, (uint8_t)p->pattern);
	writer_u8(w, (uint8_t)p->direction);
	writer_u16(w, p->version);
	writer_u16(w, p->suite);
	writer_u32(w, p->connections);
	writer_u32(w, p->threads);
	writer_u64(w, p->object_bytes);
	writer_u32(w, p->write_bytes);
	writer_u32(w, p->record_bytes);
	writer_u32(w, p->warmup_ms);
	writer_u32(w, p->round_ms);
	writer_u64(w, p->bytes);
	writer_u8(w, p->verify);
	writer_u8(w, p->daemon);
	writer_u8(w, p->switch_offload);
}

static bool read_kind(struct reader *r, struct plan *p)
{
	uint8_t mode, pattern, direction;

	if (!read_enum(r, MODES, &mode) || !read_enum(r, PATTERNS, &pattern) ||
	    !read_enum(r, RESULT_DIRECTIONS, &direction))
		return false;
	p->mode = (enum mode)mode;
	p->pattern = (enum pattern)pattern;
	p->direction = (enum result_direction)direction;
	return true;
}

bool plan_read(struct reader *r, struct plan *out)
{
	struct plan p;

	if (!read_kind(r, &p) || !reader_u16(r, &p.version) || !reader_u16(r, &p.suite) ||
	    !reader_u32(r, &p.connections) || !reader_u32(r, &p.threads) ||
	    !reader_u64(r, &p.object_bytes) || !reader_u32(r, &p.write_bytes) ||
	    !reader_u32(r, &p.record_bytes) || !reader_u32(r, &p.warmup_ms) ||
	    !reader_u32(r, &p.round_ms) || !reader_u64(r, &p.bytes) || !read_bool(r, &p.verify) ||
	    !read_bool(r, &p.daemon) || !read_bool(r, &p.switch_offload) || !reader_empty(r) ||
	    plan_check(&p))
		return false;
	*out = p;
	return true;
}

/* ---- the outcome ------------------------------------------------------------------------------
 */

static void write_offload(struct writer *w, const struct result_offload *offload)
{
	writer_u32(w, offload->hw);
	writer_u32(w, offload->sw);
	writer_u32(w, offload->unknown);
	write_text(w, offload->why_not);
}

static bool read_offload(struct reader *r, struct result_offload *out)
{
	return reader_u32(r, &out->hw) && reader_u32(r, &out->sw) && reader_u32(r, &out->unknown) &&
	       read_text(r, out->why_not, sizeof(out->why_not));
}

static void write_counters(struct writer *w, const struct result_round *counters)
{
	const size_t n = counters->counters_len < MESSAGE_COUNTERS ? counters->counters_len
								   : MESSAGE_COUNTERS;

	writer_u8(w, (uint8_t)n);
	for (size_t i = 0; i < n; i++) {
		writer_u8(w, (uint8_t)counters->counters[i].source);
		write_text(w, counters->counters[i].name);
		writer_u64(w, counters->counters[i].value);
	}
}

static bool read_counters(struct reader *r, struct result_round *out)
{
	uint8_t n, source;

	if (!reader_u8(r, &n) || n > MESSAGE_COUNTERS)
		return false;
	while (n-- > 0) {
		struct result_counter *counter = result_counter_add(out);

		if (!counter || !read_enum(r, RESULT_SOURCES, &source) ||
		    !read_text(r, counter->name, sizeof(counter->name)) ||
		    !reader_u64(r, &counter->value) || counter->value > INT64_MAX)
			return false;
		counter->source = (enum result_source)source;
		counter->end = RESULT_SERVER;
	}
	return true;
}

#define NUMBERS 11

/* All of an outcome's numbers, in the order in which they travel. */
static void numbers_of(struct outcome *o, uint64_t *out[static NUMBERS])
{
	uint64_t *const all[NUMBERS] = {
		&o->received, &o->sent,   &o->operations, &o->failures, &o->wall_ns,     &o->cpu_ns,
		&o->cycles,   &o->p50_ns, &o->p99_ns,     &o->busy_ns,  &o->retransmits,
	};

	memcpy(out, all, sizeof(all));
}

void outcome_write(struct writer *w, const struct outcome *outcome)
{
	struct outcome copy = *outcome;
	uint64_t *numbers[NUMBERS];

	numbers_of(&copy, numbers);
	for (size_t i = 0; i < NUMBERS; i++)
		writer_u64(w, *numbers[i]);
	write_offload(w, &outcome->tx);
	write_offload(w, &outcome->rx);
	writer_bytes(w, outcome->hash_sent, OUTCOME_HASH);
	writer_bytes(w, outcome->hash_received, OUTCOME_HASH);
	writer_u16(w, outcome->version);
	writer_u16(w, outcome->suite);
	write_text(w, outcome->failed);
	write_counters(w, &outcome->counters);
}

static bool read_numbers(struct reader *r, struct outcome *o)
{
	uint64_t *numbers[NUMBERS];

	numbers_of(o, numbers);
	for (size_t i = 0; i < NUMBERS; i++)
		if (!reader_u64(r, numbers[i]) || *numbers[i] > INT64_MAX)
			return false;
	return true;
}

bool outcome_read(struct reader *r, struct outcome *out)
{
	struct outcome o = { .received = 0 };

	if (!read_numbers(r, &o) || !read_offload(r, &o.tx) || !read_offload(r, &o.rx) ||
	    !reader_copy(r, o.hash_sent, OUTCOME_HASH) ||
	    !reader_copy(r, o.hash_received, OUTCOME_HASH) || !reader_u16(r, &o.version) ||
	    !reader_u16(r, &o.suite) || !read_text(r, o.failed, sizeof(o.failed)) ||
	    !read_counters(r, &o.counters) || !reader_empty(r)) {
		outcome_wipe(&o);
		return false;
	}
	*out = o;
	return true;
}
