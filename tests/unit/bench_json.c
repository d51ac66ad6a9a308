/* SPDX-License-Identifier: MIT */
/* ktls-bench's results as JSON: what is written is what is read; what is wrong is said. */
#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "tests/bench/ktls-bench/result_json.h"
#include "tests/harness/harness.h"
#include "tests/unit/bench_run.h"

static char *json_of(const struct result_run *run, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	ASSERT_NOT_NULL(out);
	ASSERT_EQ(0, result_json_write(run, out));
	ASSERT_EQ(0, fclose(out));
	return text;
}

FIXTURE(json)
{
	struct result_run *run;
	char *text;
	size_t len;
	char why[RESULT_LINE];
};

FIXTURE_SETUP(json)
{
	(void)variant;
	self->run = made_run();
	result_warn(self->run, "load", "busy", "wait");
	self->text = json_of(self->run, &self->len);
}

FIXTURE_TEARDOWN(json)
{
	(void)variant;
	result_run_free(self->run);
	free(self->text);
}

TEST_F(json, is_read_as_it_was_written)
{
	struct result_run *again = result_json_read(self->text, self->len, self->why);
	const struct result_round *r;
	size_t len;
	char *text;

	ASSERT_NOT_NULL(again);
	text = json_of(again, &len);
	ASSERT_EQ(self->len, len);
	EXPECT_MEMEQ(self->text, text, len);
	EXPECT_STREQ("nicsim", again->machines[RESULT_CLIENT].nic_driver);
	EXPECT_TRUE(result_mode_find(again, "ktls-hw")->wants_hardware);
	ASSERT_EQ(12, again->cells_len);
	ASSERT_EQ(5, again->cells[4].rounds_len);
	r = &again->cells[4].rounds[0];
	EXPECT_EQ(16, r->tx[RESULT_SERVER].hw);
	EXPECT_EQ(RESULT_VERIFIED, r->payload);
	EXPECT_TRUE(r->cpu_seconds[RESULT_CLIENT] == self->run->cells[4].rounds[0].cpu_seconds[1]);
	ASSERT_EQ(1, r->counters_len);
	EXPECT_EQ(123456, r->counters[0].value);
	EXPECT_EQ(RESULT_ETHTOOL, r->counters[0].source);
	EXPECT_STREQ("wait", again->warnings[0].advice);
	free(text);
	result_run_free(again);
}

TEST_F_TIMEOUT(json, truncated_anywhere_is_refused, 60)
{
	for (size_t len = 0; len < self->len - 1; len += len < 3000 ? 1 : 97) {
		ASSERT_NULL(result_json_read(self->text, len, self->why));
		ASSERT_STRNE("", self->why);
	}
}

TEST_F(json, numbers_that_json_does_not_have_are_not_written)
{
	FILE *out = fopen("/dev/null", "w");

	ASSERT_NOT_NULL(out);
	self->run->cells[0].rounds[0].wall_seconds = NAN;
	EXPECT_EQ(-EINVAL, result_json_write(self->run, out));
	self->run->cells[0].rounds[0].wall_seconds = 1;
	self->run->cells[0].rounds[0].bytes = UINT64_MAX;
	EXPECT_EQ(-EINVAL, result_json_write(self->run, out));
	fclose(out);
}

TEST_F(json, a_full_disk_is_told)
{
	FILE *out = fopen("/dev/full", "w");

	ASSERT_NOT_NULL(out);
	EXPECT_EQ(-ENOSPC, result_json_write(self->run, out));
	fclose(out);
}

/* ---- what is wrong --------------------------------------------------------------------------- */

#define HEAD "{\"format\": \"ktls-bench\", \"version\": 1, "
#define MODE "\"modes\": [{\"name\": \"tcp\"}], "
#define CELL HEAD MODE "\"cells\": [{\"mode\": \"tcp\", "

static const struct {
	const char *text, *why;
} mistakes[] = {
	{ "", "line 1" },
	{ "[]", "not a result of ktls-bench" },
	{ "{\"format\": \"perf\"}", "not a result of ktls-bench" },
	{ "{\"format\": 5}", "not a result of ktls-bench" },
	{ "{\"format\": \"ktls-bench\", \"version\": 2}", "version 2 of the format" },
	{ "{\"format\": \"ktls-bench\"}", "version 0 of the format" },
	{ HEAD "\"date\": 5}", "\"date\" is not text" },
	{ HEAD "\"date\": \"\\u0000\"}", "line 1" },
	{ HEAD "\"date\": \"\\ud800\"}", "line 1" },
	{ HEAD "\"date\": \"a\", \"date\": \"b\"}", "line 1" },
	{ HEAD "\"base\": \"0123456789012345678901234567890123456789012345678\"}", "too long" },
	{ HEAD "\"parameters\": []}", "\"parameters\" is not an object" },
	{ HEAD "\"parameters\": {\"rounds\": -1}}", "\"rounds\" is out of range" },
	{ HEAD "\"parameters\": {\"rounds\": 4294967296}}", "\"rounds\" is out of range" },
	{ HEAD "\"parameters\": {\"rounds\": 1.5}}", "\"rounds\" is not a whole number" },
	{ HEAD "\"parameters\": {\"round_seconds\": -0.5}}", "\"round_seconds\" is negative" },
	{ HEAD "\"parameters\": {\"round_seconds\": 1e999}}", "line 1" },
	{ HEAD "\"parameters\": {\"one_machine\": 1}}", "neither true nor false" },
	{ HEAD "\"machines\": []}", "\"machines\" is not an object" },
	{ HEAD "\"machines\": {\"server\": {\"turbo\": \"maybe\"}}}", "none of the words" },
	{ HEAD "\"machines\": {\"client\": 7}}", "\"machines\" is not an object" },
	{ HEAD "\"modes\": {}}", "\"modes\" is not an array" },
	{ HEAD "\"modes\": [1]}", "\"modes\" has an element" },
	{ HEAD "\"warnings\": [[]]}", "\"warnings\" has an element" },
	{ CELL "\"rounds\": 1}]}", "cell 1: \"rounds\" is not an array" },
	{ CELL "\"rounds\": [{\"bytes\": 9223372036854775808}]}]}", "line 1" },
	{ CELL "\"rounds\": [{\"cpu_seconds\": 1}]}]}", "cell 1: \"cpu_seconds\"" },
	{ CELL "\"rounds\": [{\"cycles\": {\"server\": 0.5}}]}]}", "cell 1: \"cycles\"" },
	{ CELL "\"rounds\": [{\"tx\": {\"server\": {\"hw\": \"1\"}}}]}]}",
	  "\"hw\" is not a whole" },
	{ CELL "\"rounds\": [{\"counters\": [{\"end\": \"x\"}]}]}]}", "\"end\" is none" },
	{ CELL "\"workload\": {\"direction\": \"up\"}}]}", "\"direction\" is none" },
	{ CELL "\"workload\": null}]}", "\"workload\" is not an object" },
	{ HEAD "\"cells\": [{\"mode\": \"tcp\"}]}", "\"mode\" is none of the run's" },
};

TEST(mistakes_are_named)
{
	char why[RESULT_LINE];

	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		EXPECT_NULL(result_json_read(mistakes[i].text, strlen(mistakes[i].text), why));
		if (!strstr(why, mistakes[i].why))
			EXPECT_STREQ(mistakes[i].why, why);
	}
}

TEST(what_is_not_known_is_passed_over_and_text_is_made_printable)
{
	static const char text[] = HEAD "\"later\": {\"a\": [1]}, \"title\": \"a\\u00e9\\n<\"}";
	char why[RESULT_LINE];
	struct result_run *run = result_json_read(text, strlen(text), why);

	ASSERT_NOT_NULL(run);
	EXPECT_STREQ("a??"
		     "?<",
		     run->title);
	EXPECT_EQ(0, run->cells_len);
	result_run_free(run);
}

TEST(there_is_an_end_to_elements_and_to_depth)
{
	char why[RESULT_LINE], *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs(HEAD "\"modes\": [{}", out);
	for (int i = 0; i < RESULT_MODES_MAX; i++)
		fputs(",{}", out);
	fputs("]}", out);
	ASSERT_EQ(0, fclose(out));
	EXPECT_NULL(result_json_read(text, len, why));
	EXPECT_NOT_NULL(strstr(why, "too many"));
	free(text);
	text = malloc(100000);
	memset(text, '[', 100000);
	EXPECT_NULL(result_json_read(text, 100000, why));
	EXPECT_NOT_NULL(strstr(why, "depth"));
	free(text);
}

TEST(files_are_named_in_what_is_wrong)
{
	char why[RESULT_LINE];

	EXPECT_NULL(result_json_load("/nowhere/a.json", why));
	EXPECT_STREQ("/nowhere/a.json: No such file or directory", why);
	EXPECT_NULL(result_json_load("/", why));
	EXPECT_STREQ("/: Is a directory", why);
	EXPECT_NULL(result_json_load("/dev/zero", why));
	EXPECT_STREQ("/dev/zero: File too large", why);
}

TEST_HARNESS_MAIN
