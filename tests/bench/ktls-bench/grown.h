/* SPDX-License-Identifier: MIT */
/* The counters of a table's modes: each once, summed over a mode's rounds. */
#ifndef KTLS_BENCH_GROWN_H
#define KTLS_BENCH_GROWN_H

#include "tests/bench/ktls-bench/rows.h"

#define COUNTERS_SHOWN 128 /* different ones; devices have thousands, of which few are TLS's */

struct counters {
	size_t len, rows;
	const struct result_counter *which[COUNTERS_SHOWN]; /* the first of its name */
	uint64_t *values;                                   /* [which][row] */
};

/* NULL: no memory. The rows must stay. */
struct counters *counters_new(const struct rows *rows);
void counters_free(struct counters *c);

/* Whether a row has any. */
bool counters_any(const struct counters *c, size_t row);

/* "server's TlsTxDevice", "client's tx_tls_ctx (ethtool)" */
void counters_name(char *out, size_t size, const struct counters *c, size_t i);
void counters_value(char *out, size_t size, const struct counters *c, size_t i, size_t row);

#endif
