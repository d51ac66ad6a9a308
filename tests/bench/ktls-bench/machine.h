/* SPDX-License-Identifier: MIT */
/* What this machine is, as far as it matters for a measurement. What cannot be seen is left empty.
 */
#ifndef KTLS_BENCH_MACHINE_H
#define KTLS_BENCH_MACHINE_H

#include "tests/bench/ktls-bench/counters.h"
#include "tests/bench/ktls-bench/cpus.h"
#include "tests/bench/ktls-bench/result.h"

/* All but the load. cpus: those that this end is pinned to; none: all count. */
void machine_describe(struct result_machine *machine, struct device *device,
		      const struct cpu_list *cpus);

/*
 * How many CPUs others have, as a look of MACHINE_LOOK_MS shows. Nothing is to go on
 * meanwhile but what others do. stat: CLOCKS_STAT, or a test's file.
 */
#define MACHINE_LOOK_MS 200
double machine_load(const char *stat);

/* Of machine_describe(), for tests with folders of their own instead of CPUS_FOLDER. */
void machine_frequency(struct result_machine *machine, const struct cpu_list *cpus,
		       const char *folder);

#endif
