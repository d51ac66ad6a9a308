/* SPDX-License-Identifier: MIT */
/* A run of ktls-bench that was never run: the same numbers each time, of every kind there is. */
#ifndef KTLS_TESTS_BENCH_RUN_H
#define KTLS_TESTS_BENCH_RUN_H

#include <stdlib.h>

#include "tests/bench/ktls-bench/result.h"

#define SET(field, ...) result_text(field, sizeof(field), __VA_ARGS__)

static inline void made_machine(struct result_machine *m)
{
	SET(m->kernel, "Linux 6.12.1 #1 SMP");
	SET(m->cpu_model, "Example CPU at 3 GHz");
	m->cpus = 8;
	SET(m->governor, "performance");
	m->turbo = RESULT_NO;
	SET(m->nic, "eth0");
	SET(m->nic_driver, "nicsim");
	m->nic_mbit = 100000;
	m->nic_mtu = 1500;
	m->nic_tls_tx = m->nic_tls_rx = RESULT_YES;
	SET(m->version, "0.1.0");
	SET(m->build, "release");
	SET(m->libssl, "3.0.19");
}

static inline void made_modes(struct result_run *run)
{
	static const char *const modes[][2] = {
		{ "tcp", "plain TCP" },
		{ "user", "userspace, own engine" },
		{ "libssl", "userspace, OpenSSL" },
		{ "ktls-sw", "kTLS, software" },
		{ "ktls-hw", "kTLS, hardware" },
		{ "ktls-hw-zc", "kTLS, hardware, zerocopy" },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct result_mode *m = result_mode_add(run);

		SET(m->name, "%s", modes[i][0]);
		SET(m->label, "%s", modes[i][1]);
		m->wants_hardware = i >= 4;
	}
}

static inline void made_offload(struct result_round *r, size_t mode, uint32_t connections)
{
	struct result_offload *tx = &r->tx[RESULT_SERVER], *rx = &r->rx[RESULT_CLIENT];

	if (mode < 3)
		return;
	if (mode >= 4)
		tx->hw = connections;
	else
		tx->sw = connections;
	rx->sw = connections;
	SET(rx->why_not, "feature-off");
}

/* A round of two seconds whose speed and cost are those of the mode, give or take a hundredth. */
static inline void made_round(struct result_cell *cell, size_t mode, size_t i)
{
	static const double gbit[] = { 38, 11, 14, 16, 29, 36 },
			    cpu[] = { .11, .52, .4, .34, .16, .12 };
	struct result_round *r = result_round_add(cell);
	double shake = 1 + ((double)((i * 7 + mode * 3) % 5) - 2) / 200;
	double objects = cell->workload.object_bytes < 65536 ? .04 : 1;
	double gib;

	r->began_seconds = (double)(i * 6 + mode) * 2.5;
	r->wall_seconds = 2;
	r->bytes = (uint64_t)(gbit[mode] * shake * objects * 2e9 / 8);
	r->operations = r->bytes / cell->workload.object_bytes;
	gib = (double)r->bytes / 1073741824.0;
	r->cpu_seconds[RESULT_SERVER] = cpu[mode] * gib / objects * (2 - shake);
	r->cpu_seconds[RESULT_CLIENT] = .3 * gib / objects * shake;
	r->busy_seconds[RESULT_SERVER] = r->cpu_seconds[RESULT_SERVER] * 1.1;
	r->cycles[RESULT_SERVER] = (uint64_t)(r->cpu_seconds[RESULT_SERVER] * 3e9);
	r->cycles[RESULT_CLIENT] = (uint64_t)(r->cpu_seconds[RESULT_CLIENT] * 3e9);
	r->payload = RESULT_VERIFIED;
	if (strcmp(cell->workload.pattern, "request") == 0) {
		r->latency_p50_ns = (uint64_t)(1.2e6 / gbit[mode] * shake);
		r->latency_p99_ns = r->latency_p50_ns * 3;
	}
	made_offload(r, mode, cell->workload.connections);
}

static inline void made_cell(struct result_run *run, size_t mode, const char *pattern,
			     uint64_t object)
{
	struct result_cell *cell = result_cell_add(run);

	SET(cell->mode, "%s", run->modes[mode].name);
	SET(cell->workload.pattern, "%s", pattern);
	cell->workload.object_bytes = object;
	cell->workload.connections = 16;
	cell->workload.threads = 2;
	if (mode > 0) {
		SET(cell->tls, "TLS 1.2");
		SET(cell->suite, "ECDHE-RSA-AES128-GCM-SHA256");
	}
	for (size_t i = 0; i < run->parameters.rounds; i++)
		made_round(cell, mode, i);
}

static inline struct result_run *made_run(void)
{
	struct result_run *run = result_run_new();
	struct result_counter *counter;

	SET(run->date, "2026-01-31T12:00:00Z");
	SET(run->title, "A run that was <never> run & its \"numbers\"");
	SET(run->base, "libssl");
	SET(run->parameters.command, "ktls-bench run server.example --rounds 5");
	run->parameters.rounds = 5;
	run->parameters.warmup_seconds = .5;
	run->parameters.round_seconds = 2;
	for (int end = 0; end < RESULT_ENDS; end++)
		made_machine(&run->machines[end]);
	made_modes(run);
	for (size_t mode = 0; mode < run->modes_len; mode++)
		made_cell(run, mode, "sendfile", 1 << 20);
	for (size_t mode = 0; mode < run->modes_len; mode++)
		made_cell(run, mode, "request", 1024);
	counter = result_counter_add(&run->cells[4].rounds[0]);
	counter->source = RESULT_ETHTOOL;
	SET(counter->name, "tx_tls_encrypted_packets");
	counter->value = 123456;
	return run;
}

#endif
