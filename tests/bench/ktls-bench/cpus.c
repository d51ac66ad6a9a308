/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/cpus.h"

#include <ctype.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number below CPU_SETSIZE at *at, which moves behind it. */
static bool number(const char **at, unsigned long *out)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return false;
	*out = strtoul(*at, &end, 10);
	*at = end;
	return *out < CPU_SETSIZE;
}

static bool add(struct cpu_list *list, unsigned long first, unsigned long last)
{
	if (last < first)
		return false;
	for (; first <= last; first++) {
		if (list->len == CPUS_MAX)
			return false;
		list->cpus[list->len++] = (uint16_t)first;
	}
	return true;
}

bool cpu_list_parse(const char *text, struct cpu_list *out)
{
	struct cpu_list list = { .len = 0 };
	unsigned long first, last;

	for (;;) {
		if (!number(&text, &first))
			return false;
		last = first;
		if (*text == '-') {
			text++;
			if (!number(&text, &last))
				return false;
		}
		if (!add(&list, first, last))
			return false;
		if (*text == '\0')
			break;
		if (*text++ != ',')
			return false;
	}
	*out = list;
	return true;
}

void cpu_list_pin(const struct cpu_list *list, uint32_t thread)
{
	cpu_set_t set;

	if (!list || list->len == 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(list->cpus[thread % list->len], &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

/* The CPUs of a CPU's core; itself only where that is not told. */
static void core_of(unsigned int cpu, const char *folder, struct cpu_list *out)
{
	char path[256], line[256] = "";
	FILE *file;

	*out = (struct cpu_list){ .cpus = { (uint16_t)cpu }, .len = 1 };
	snprintf(path, sizeof(path), "%s/cpu%u/topology/thread_siblings_list", folder, cpu);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		(void)!cpu_list_parse(line, out);
	}
	fclose(file);
}

static bool has_one_of(const struct cpu_list *list, const struct cpu_list *cpus)
{
	for (uint32_t i = 0; i < list->len; i++)
		for (uint32_t j = 0; j < cpus->len; j++)
			if (list->cpus[i] == cpus->cpus[j])
				return true;
	return false;
}

bool cpu_lists_meet(const struct cpu_list *a, const struct cpu_list *b, const char *folder)
{
	struct cpu_list core;

	if (a->len == 0 || b->len == 0)
		return true;
	for (uint32_t i = 0; i < a->len; i++) {
		core_of(a->cpus[i], folder, &core);
		if (has_one_of(b, &core))
			return true;
	}
	return false;
}
