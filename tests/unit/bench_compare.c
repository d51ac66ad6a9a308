/* SPDX-License-Identifier: MIT */
/* Two runs of ktls-bench side by side: what may be compared, and how that is told. */
#include <errno.h>
#include <jansson.h>

#include "tests/bench/ktls-bench/compare.h"
#include "tests/harness/harness.h"
#include "tests/unit/bench_run.h"

FIXTURE(compare)
{
	struct result_run *run, *other;
	struct comparison *of;
	char *text;
	json_t *json;
};

FIXTURE_SETUP(compare)
{
	(void)variant;
	self->run = made_run();
	self->other = made_run();
}

FIXTURE_TEARDOWN(compare)
{
	(void)variant;
	json_decref(self->json);
	comparison_free(self->of);
	free(self->text);
	result_run_free(self->run);
	result_run_free(self->other);
}

/* Both ways of telling it. */
static enum compare_status compare(struct test_self_compare *self)
{
	size_t len;
	FILE *out;

	json_decref(self->json);
	comparison_free(self->of);
	free(self->text);
	self->of = comparison_new(self->run, self->other);
	ASSERT_NOT_NULL(self->of);
	out = open_memstream(&self->text, &len);
	ASSERT_EQ(0, comparison_json(self->of, out));
	ASSERT_EQ(0, fflush(out));
	self->json = json_loads(self->text, JSON_REJECT_DUPLICATES, NULL);
	ASSERT_NOT_NULL(self->json);
	rewind(out);
	comparison_text(self->of, out);
	ASSERT_EQ(0, fclose(out));
	return self->of->status;
}

#define HAS(words)   (strstr(self->text, words) != NULL)
#define LACKS(words) (!HAS(words))

static const char *member(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "no such member";
}

static json_t *element(json_t *object, const char *name, size_t i)
{
	return json_array_get(json_object_get(object, name), i);
}

TEST_F(compare, of_the_same_run_twice_finds_no_difference)
{
	EXPECT_EQ(COMPARE_SAME, compare(self));
	EXPECT_TRUE(HAS("12 compared, 0 of their numbers differ"));
	EXPECT_TRUE(LACKS("not compared"));
	EXPECT_STREQ("ktls-bench comparison", member(self->json, "format"));
	EXPECT_EQ(1, json_integer_value(json_object_get(self->json, "version")));
	EXPECT_STREQ("same", member(self->json, "status"));
	EXPECT_STREQ("", member(self->json, "refusal"));
	EXPECT_STREQ(self->run->title, member(json_object_get(self->json, "a"), "title"));
	EXPECT_EQ(12, json_integer_value(json_object_get(self->json, "compared")));
	EXPECT_EQ(12, json_array_size(json_object_get(self->json, "cells")));
	EXPECT_EQ(0, json_array_size(json_object_get(self->json, "differences")));
}

TEST_F(compare, tells_which_cells_differ)
{
	json_t *cell, *metric;

	for (size_t i = 0; i < 5; i++)
		self->other->cells[3].rounds[i].wall_seconds *= 1.1;
	EXPECT_EQ(COMPARE_DIFFERS, compare(self));
	EXPECT_TRUE(HAS("16.0 ->      14.5  x 0.909  worse\n"));
	EXPECT_TRUE(HAS("12 compared, 1 of their numbers differ"));
	EXPECT_STREQ("differs", member(self->json, "status"));
	cell = element(self->json, "cells", 3);
	EXPECT_STREQ("ktls-sw", member(cell, "mode"));
	EXPECT_STREQ("TLS 1.2", member(cell, "tls"));
	EXPECT_STREQ("sendfile", member(json_object_get(cell, "workload"), "pattern"));
	EXPECT_STREQ("", member(cell, "not_compared"));
	EXPECT_NULL(json_object_get(cell, "missing"));
	metric = element(cell, "metrics", 0);
	EXPECT_STREQ("throughput", member(metric, "name"));
	EXPECT_STREQ("Gbit/s", member(metric, "unit"));
	EXPECT_STREQ("worse", member(metric, "verdict"));
	EXPECT_EQ(909, (int)(1000 * json_real_value(json_object_get(metric, "ratio"))));
	EXPECT_EQ(5, json_integer_value(json_object_get(json_object_get(metric, "b"), "rounds")));
	EXPECT_STREQ("within", member(element(cell, "metrics", 1), "verdict"));
}

TEST_F(compare, tells_what_is_better_and_where_four_rounds_say_nothing)
{
	for (size_t i = 0; i < 5; i++)
		self->other->cells[3].rounds[i].cpu_seconds[RESULT_SERVER] *= .5;
	for (size_t i = 0; i < 5; i++)
		self->other->cells[4].rounds[i].wall_seconds *= 2;
	self->other->cells[4].rounds_len = 4;
	EXPECT_EQ(COMPARE_DIFFERS, compare(self));
	EXPECT_TRUE(HAS("x 0.500  better\n"));
	EXPECT_TRUE(HAS("too few rounds to say"));
	EXPECT_STREQ("better",
		     member(element(element(self->json, "cells", 3), "metrics", 1), "verdict"));
	EXPECT_STREQ("unknown",
		     member(element(element(self->json, "cells", 4), "metrics", 0), "verdict"));
	self->other->cells[4].rounds_len = 5;
}

/* ---- machines -------------------------------------------------------------------------------- */

TEST_F(compare, tells_what_else_differs)
{
	struct result_machine *server = &self->other->machines[RESULT_SERVER];
	json_t *difference;

	SET(server->kernel, "Linux 7.2.0");
	SET(server->nic_firmware, "22.1");
	server->nic_mtu = 9000;
	server->turbo = RESULT_YES;
	self->other->machines[RESULT_CLIENT].cpus = 16;
	self->other->parameters.round_seconds = .5;
	EXPECT_EQ(COMPARE_SAME, compare(self));
	EXPECT_TRUE(HAS("  server's kernel: Linux 6.12.1 #1 SMP | Linux 7.2.0\n"));
	EXPECT_TRUE(HAS("  server's firmware: - | 22.1\n"));
	EXPECT_TRUE(HAS("  server's MTU: 1500 | 9000\n"));
	EXPECT_TRUE(HAS("  server's turbo frequencies: no | yes\n"));
	EXPECT_TRUE(HAS("  client's CPUs: 8 | 16\n"));
	EXPECT_TRUE(HAS("  seconds of a round: 2 | 0.5\n"));
	EXPECT_EQ(6, json_array_size(json_object_get(self->json, "differences")));
	difference = element(self->json, "differences", 0);
	EXPECT_STREQ("server", member(difference, "of"));
	EXPECT_STREQ("kernel", member(difference, "name"));
	EXPECT_STREQ("Linux 7.2.0", member(difference, "b"));
	difference = element(self->json, "differences", 4);
	EXPECT_STREQ("client", member(difference, "of"));
	EXPECT_EQ(16, json_integer_value(json_object_get(difference, "b")));
	EXPECT_STREQ("parameters", member(element(self->json, "differences", 5), "of"));
}

/* There is a client's, but it is a copy. */
TEST_F(compare, tells_of_one_machine_once)
{
	self->run->parameters.one_machine = self->other->parameters.one_machine = true;
	for (int end = 0; end < RESULT_ENDS; end++)
		SET(self->other->machines[end].kernel, "Linux 7.2.0");
	EXPECT_EQ(COMPARE_SAME, compare(self));
	EXPECT_TRUE(HAS("  the kernel: Linux 6.12.1 #1 SMP | Linux 7.2.0\n"));
	EXPECT_EQ(1, json_array_size(json_object_get(self->json, "differences")));
}

/* ---- what must not be compared --------------------------------------------------------------- */

TEST_F(compare, is_refused_of_machines_that_differ_too_much)
{
	struct result_machine *m = &self->other->machines[RESULT_SERVER];

	m->emulated = true;
	EXPECT_EQ(COMPARE_REFUSED, compare(self));
	EXPECT_TRUE(HAS("These runs cannot be compared: the CPU of one run was emulated"));
	EXPECT_STREQ("refused", member(self->json, "status"));
	EXPECT_NOT_NULL(strstr(member(self->json, "refusal"), "emulated"));
	EXPECT_EQ(0, json_array_size(json_object_get(self->json, "cells")));
	m->emulated = false;
	SET(m->build, "address sanitizer");
	EXPECT_EQ(COMPARE_REFUSED, compare(self));
	EXPECT_TRUE(HAS("different builds"));
	SET(m->build, "release");
	self->other->parameters.one_machine = true;
	EXPECT_EQ(COMPARE_REFUSED, compare(self));
	EXPECT_TRUE(HAS("both ends on one machine"));
}

TEST_F(compare, is_refused_where_there_is_nothing_in_common)
{
	for (size_t i = 0; i < self->other->cells_len; i++)
		self->other->cells[i].workload.connections++;
	EXPECT_EQ(COMPARE_REFUSED, compare(self));
	EXPECT_TRUE(HAS("only the first run has it"));
	EXPECT_TRUE(HAS("only the second run has it"));
	EXPECT_TRUE(HAS("nothing in common"));
	EXPECT_EQ(24, json_array_size(json_object_get(self->json, "cells")));
	EXPECT_STREQ("only the second run has it",
		     member(element(self->json, "cells", 23), "not_compared"));
}

TEST_F(compare, leaves_out_cells_that_are_something_else)
{
	struct result_run *other = self->other;

	for (size_t i = 0; i < 5; i++)
		other->cells[4].rounds[i].tx[RESULT_SERVER] = (struct result_offload){ .sw = 16 };
	other->cells[0].rounds[0].payload = RESULT_CORRUPT;
	other->cells[1].rounds[0].bytes = other->cells[1].rounds[0].operations = 0;
	SET(other->cells[2].missing, "no libssl");
	EXPECT_EQ(COMPARE_SAME, compare(self));
	EXPECT_TRUE(HAS("a device had the records in one run, and not in the other"));
	EXPECT_TRUE(HAS("what arrived was not what was sent"));
	EXPECT_TRUE(HAS("rounds in which nothing was moved"));
	EXPECT_TRUE(HAS("the second run could not do it"));
	EXPECT_TRUE(HAS("8 compared"));
	EXPECT_STREQ("the second run could not do it",
		     member(element(self->json, "cells", 2), "not_compared"));
	EXPECT_EQ(0, json_array_size(json_object_get(element(self->json, "cells", 2), "metrics")));
}

TEST_F(compare, tells_of_a_full_disk)
{
	FILE *out = fopen("/dev/full", "w");

	ASSERT_NOT_NULL(out);
	self->of = comparison_new(self->run, self->other);
	EXPECT_EQ(-ENOSPC, comparison_json(self->of, out));
	fclose(out);
}

TEST_HARNESS_MAIN
