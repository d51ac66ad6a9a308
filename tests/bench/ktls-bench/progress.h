/* SPDX-License-Identifier: MIT */
/* What goes on, on stderr: one line that changes on a terminal, else a line for each workload. */
#ifndef KTLS_BENCH_PROGRESS_H
#define KTLS_BENCH_PROGRESS_H

#include <stdbool.h>

struct progress {
	bool quiet, terminal;
	unsigned int done, all; /* rounds */
	double began;           /* seconds */
};

void progress_begin(struct progress *p, bool quiet, unsigned int rounds);

/* A workload begins, or something is worth a line of its own. */
__attribute__((format(printf, 2, 3))) void progress_line(struct progress *p, const char *format,
							 ...);

/* A round begins. */
__attribute__((format(printf, 2, 3))) void progress_round(struct progress *p, const char *format,
							  ...);

/* The changing line goes. */
void progress_end(struct progress *p);

#endif
