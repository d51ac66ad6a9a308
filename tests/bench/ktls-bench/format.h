/* SPDX-License-Identifier: MIT */
/* Numbers and facts of a run in words, for people: the same in every kind of report. */
#ifndef KTLS_BENCH_FORMAT_H
#define KTLS_BENCH_FORMAT_H

#include "tests/bench/ktls-bench/stats.h"

/* Three digits that count: "0.0123", "1.23", "12.3", "123", "12345". */
void format_number(char *out, size_t size, double value);

/* "64 KiB", "1500 bytes" */
void format_bytes(char *out, size_t size, uint64_t bytes);

/* "sendfile to the client, objects of 1 MiB, 4 connections, 2 threads" */
void format_workload(char *out, size_t size, const struct result_workload *w);

/* The mode's label, and version and suite where `all` is set. */
void format_mode(char *out, size_t size, const struct result_run *run,
		 const struct result_cell *cell, bool all);

/* "Linux 6.1.0, Intel Xeon, 2 CPUs, KVM, eth0 (mlx5_core, 100 Gbit/s)" */
void format_machine(char *out, size_t size, const struct result_machine *m);

/* "5 rounds of 2 s, both ends on one machine" */
void format_parameters(char *out, size_t size, const struct result_run *run);

/*
 * How sure the spreads of a run are, in a sentence about them: "93.75% confidence", or "at least
 * 50% confidence" where cells have different numbers of rounds; "" where there are no spreads.
 */
void format_confidence(char *out, size_t size, const struct result_run *run);

/* ---- what hardware did in a cell ------------------------------------------------------------- */

/* Of the ends that the data goes out of (tx) and into (rx), all rounds together. */
struct hardware {
	uint64_t tx_hw, tx_all, rx_hw, rx_all; /* connections */
	char why_not[RESULT_NAME];             /* the first reason given; or "" */
};

void hardware_of(const struct result_cell *cell, struct hardware *h);

/* "tx hw, rx sw: feature-off"; "" where nothing is known. */
void format_hardware(char *out, size_t size, const struct result_cell *cell);

/* "verified", "CORRUPT", or "" where some rounds were not checked. */
const char *payload_of(const struct result_cell *cell);

#endif
