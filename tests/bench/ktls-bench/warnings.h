/* SPDX-License-Identifier: MIT */
/*
 * What spoils a measurement, as far as a finished run shows it, each with what to do about it. What
 * only the measuring program saw it adds itself with result_warn().
 */
#ifndef KTLS_BENCH_WARNINGS_H
#define KTLS_BENCH_WARNINGS_H

#include "tests/bench/ktls-bench/result.h"

void warnings_add(struct result_run *run);

#endif
