/* SPDX-License-Identifier: MIT */
/* CPUs that threads are pinned to: "0-3,8", thread n to the n-th of them, over and over. */
#ifndef KTLS_BENCH_CPUS_H
#define KTLS_BENCH_CPUS_H

#include <stdbool.h>
#include <stdint.h>

#define CPUS_MAX 256

struct cpu_list {
	uint16_t cpus[CPUS_MAX];
	uint32_t len; /* 0: threads go where they like */
};

bool cpu_list_parse(const char *text, struct cpu_list *out) __attribute__((warn_unused_result));

/* The calling thread; what the system refuses is left at that. NULL: no list. */
void cpu_list_pin(const struct cpu_list *list, uint32_t thread);

/* Where the kernel tells of CPUs: tests have folders of their own. */
#define CPUS_FOLDER "/sys/devices/system/cpu"

/*
 * Whether some core may run threads of both: a CPU that both have, or hyperthreads of one core, as
 * the folder says. Lists of no CPUs are of all.
 */
bool cpu_lists_meet(const struct cpu_list *a, const struct cpu_list *b, const char *folder);

#endif
