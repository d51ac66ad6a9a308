/* SPDX-License-Identifier: MIT */
#include "tests/harness/processes.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/harness.h"

static long count_descriptors(pid_t pid)
{
	char path[64];
	long n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	/* Two are no descriptors, and one's own has the folder open. */
	return n - 2 - (pid == getpid());
}

static void look_at_status(pid_t pid, struct process *out)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	ASSERT_NOT_NULL(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "VmRSS:", 6) == 0)
			out->resident = atol(line + 6);
		else if (strncmp(line, "VmData:", 7) == 0)
			out->data = atol(line + 7);
		else if (strncmp(line, "Threads:", 8) == 0)
			out->threads = atol(line + 8);
	}
	fclose(f);
}

static void look_at(pid_t pid, struct process *out)
{
	char path[64];
	size_t n;
	FILE *f;

	*out = (struct process){ .pid = pid };
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	f = fopen(path, "re");
	ASSERT_NOT_NULL(f);
	n = fread(out->name, 1, sizeof(out->name) - 1, f);
	out->name[n] = '\0';
	fclose(f);
	if (strrchr(out->name, '/'))
		memmove(out->name, strrchr(out->name, '/') + 1,
			strlen(strrchr(out->name, '/') + 1) + 1);
	look_at_status(pid, out);
	out->descriptors = count_descriptors(pid);
}

void processes_look(pid_t daemon, struct processes *out)
{
	char path[64];
	int pid;
	FILE *f;

	out->len = 0;
	look_at(getpid(), &out->list[out->len++]);
	look_at(daemon, &out->list[out->len++]);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)daemon, (int)daemon);
	f = fopen(path, "re");
	ASSERT_NOT_NULL(f);
	while (out->len < PROCESSES_MAX && fscanf(f, "%d", &pid) == 1)
		look_at(pid, &out->list[out->len++]);
	fclose(f);
}

static bool same_descriptors(const struct processes *a, const struct processes *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (a->list[i].descriptors != b->list[i].descriptors ||
		    a->list[i].threads != b->list[i].threads)
			return false;
	return true;
}

void processes_settle(pid_t daemon, const struct processes *before, struct processes *out)
{
	struct processes last = { .len = 0 };
	int same = 0;

	for (int i = 0; i < 150 && same < 15; i++) {
		processes_look(daemon, out);
		if (before && same_descriptors(before, out))
			return;
		same = same_descriptors(&last, out) ? same + 1 : 0;
		last = *out;
		usleep(100000);
	}
}

static void say(const char *when, const struct process *p)
{
	TH_LOG("%s: %-12s %3ld descriptors, %ld threads, %6ld KiB resident, %6ld KiB data", when,
	       p->name, p->descriptors, p->threads, p->resident, p->data);
}

void processes_expect_same(const struct processes *before, const struct processes *after)
{
	ASSERT_EQ(before->len, after->len);
	for (size_t i = 0; i < before->len; i++) {
		const struct process *a = &before->list[i], *b = &after->list[i];

		say("before", a);
		say("after ", b);
		EXPECT_EQ(a->pid, b->pid);
		EXPECT_EQ(a->descriptors, b->descriptors);
		EXPECT_LE(b->threads, a->threads);
#if !defined(__SANITIZE_ADDRESS__) /* which keeps what was freed */
		EXPECT_LE(b->resident, a->resident + PROCESSES_GROWTH);
		EXPECT_LE(b->data, a->data + PROCESSES_GROWTH);
#endif
	}
}
