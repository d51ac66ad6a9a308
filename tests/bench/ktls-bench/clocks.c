/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/clocks.h"

#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int cycles_open(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

uint64_t cycles_read(int fd)
{
	uint64_t value;

	return fd >= 0 && read(fd, &value, sizeof(value)) == sizeof(value) ? value : 0;
}

/* user, nice, system, idle, iowait, irq, softirq, steal: proc(5). Guests are in user already. */
uint64_t busy_now(const char *stat)
{
	FILE *file = fopen(stat, "re");
	uint64_t ticks[8] = { 0 }, busy = 0;
	const long hz = sysconf(_SC_CLK_TCK);

	if (!file)
		return 0;
	if (fscanf(file, "cpu") == 0)
		for (size_t i = 0; i < 8; i++)
			if (fscanf(file, "%" SCNu64, &ticks[i]) != 1)
				break;
	fclose(file);
	for (size_t i = 0; i < 8; i++)
		if (i != 3 && i != 4 && i != 7)
			busy += ticks[i];
	return hz > 0 ? busy * (UINT64_C(1000000000) / (uint64_t)hz) : 0;
}
