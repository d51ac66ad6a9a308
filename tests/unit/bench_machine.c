/* SPDX-License-Identifier: MIT */
/* What ktls-bench sees of a machine: its cores, their governors, and what others do there. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/ktls-bench/clocks.h"
#include "tests/bench/ktls-bench/machine.h"
#include "tests/harness/harness.h"

FIXTURE(machine)
{
	char folder[32];
	struct result_machine seen;
	struct cpu_list cpus, others;
};

FIXTURE_SETUP(machine)
{
	(void)variant;
	strcpy(self->folder, "/tmp/ktls-cpus-XXXXXX");
	ASSERT_NOT_NULL(mkdtemp(self->folder));
}

FIXTURE_TEARDOWN(machine)
{
	char line[64];

	(void)variant;
	snprintf(line, sizeof(line), "rm -r %s", self->folder);
	EXPECT_EQ(0, system(line));
}

/* A file of one line below the folder, and the folders that it is in. */
static void put(struct test_self_machine *self, const char *name, const char *line)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", self->folder, name);
	for (char *at = path + strlen(self->folder) + 1; (at = strchr(at, '/')); *at++ = '/') {
		*at = '\0';
		(void)mkdir(path, 0700);
	}
	file = fopen(path, "we");
	ASSERT_NOT_NULL(file);
	fprintf(file, "%s\n", line);
	ASSERT_EQ(0, fclose(file));
}

/* ---- cores ----------------------------------------------------------------------------------- */

static bool meet(struct test_self_machine *self, const char *a, const char *b)
{
	ASSERT_TRUE(cpu_list_parse(a, &self->cpus));
	ASSERT_TRUE(cpu_list_parse(b, &self->others));
	return cpu_lists_meet(&self->cpus, &self->others, self->folder);
}

/* Four cores of two threads, as most machines number them: 0 and 4 are one. */
TEST_F(machine, has_cores_that_two_cpus_are)
{
	put(self, "cpu0/topology/thread_siblings_list", "0,4");
	put(self, "cpu1/topology/thread_siblings_list", "1,5");
	put(self, "cpu4/topology/thread_siblings_list", "0,4");
	EXPECT_TRUE(meet(self, "0", "4"));
	EXPECT_TRUE(meet(self, "4", "0-3"));
	EXPECT_TRUE(meet(self, "1", "1"));
	EXPECT_FALSE(meet(self, "0", "1"));
	EXPECT_FALSE(meet(self, "0,1", "2,3,6,7"));
}

TEST_F(machine, that_says_nothing_of_cores_has_cpus)
{
	put(self, "cpu1/topology/thread_siblings_list", "no list");
	EXPECT_FALSE(meet(self, "0", "4"));
	EXPECT_FALSE(meet(self, "1", "5"));
	EXPECT_TRUE(meet(self, "1", "0-1"));
}

/* ---- frequencies ----------------------------------------------------------------------------- */

TEST_F(machine, has_a_governor_for_each_cpu)
{
	put(self, "cpu0/cpufreq/scaling_governor", "performance");
	put(self, "cpu1/cpufreq/scaling_governor", "performance");
	machine_frequency(&self->seen, &self->cpus, self->folder);
	EXPECT_STREQ("performance", self->seen.governor);
	put(self, "cpu12/cpufreq/scaling_governor", "powersave");
	put(self, "cpufreq/boost", "1");
	self->seen.governor[0] = '\0';
	machine_frequency(&self->seen, &self->cpus, self->folder);
	EXPECT_NOT_NULL(strstr(self->seen.governor, "powersave"));
	EXPECT_NOT_NULL(strstr(self->seen.governor, ", "));
	EXPECT_EQ(strlen("performance, powersave"), strlen(self->seen.governor));
	EXPECT_EQ(RESULT_YES, self->seen.turbo);
}

TEST_F(machine, has_governors_of_the_cpus_that_are_used)
{
	put(self, "cpu0/cpufreq/scaling_governor", "powersave");
	put(self, "cpu1/cpufreq/scaling_governor", "performance");
	put(self, "intel_pstate/no_turbo", "1");
	ASSERT_TRUE(cpu_list_parse("1", &self->cpus));
	machine_frequency(&self->seen, &self->cpus, self->folder);
	EXPECT_STREQ("performance", self->seen.governor);
	EXPECT_EQ(RESULT_NO, self->seen.turbo);
}

TEST_F(machine, without_frequencies_has_no_governor)
{
	machine_frequency(&self->seen, &self->cpus, self->folder);
	EXPECT_STREQ("", self->seen.governor);
	EXPECT_EQ(RESULT_UNKNOWN, self->seen.turbo);
}

/* ---- others' work ---------------------------------------------------------------------------- */

/* All that was done was done before: a run of one's own, say. */
TEST_F(machine, is_not_busy_for_what_it_did_before)
{
	char path[64];

	put(self, "stat", "cpu  999999 0 999999 5 0 0 0 0 0 0");
	snprintf(path, sizeof(path), "%s/stat", self->folder);
	EXPECT_TRUE(machine_load(path) <= 0);
	EXPECT_TRUE(machine_load("/nonexistent") <= 0);
}

TEST(a_machine_is_busy_while_others_work)
{
	const pid_t other = fork();

	if (other == 0)
		for (;;)
			(void)getppid();
	EXPECT_TRUE(machine_load(CLOCKS_STAT) > .2);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
}

TEST_HARNESS_MAIN
