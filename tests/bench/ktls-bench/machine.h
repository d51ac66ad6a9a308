/* SPDX-License-Identifier: MIT */
/* What this machine is, as far as it matters for a measurement. What cannot be seen is left empty.
 */
#ifndef KTLS_BENCH_MACHINE_H
#define KTLS_BENCH_MACHINE_H

#include "tests/bench/ktls-bench/counters.h"
#include "tests/bench/ktls-bench/result.h"

void machine_describe(struct result_machine *machine, struct device *device);

#endif
