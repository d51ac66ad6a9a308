/* SPDX-License-Identifier: MIT */
/* Runs over several sizes: what belongs together, the matrices, and the lines. */
#include <string.h>

#include "tests/bench/ktls-bench/report.h"
#include "tests/bench/ktls-bench/sweep.h"
#include "tests/harness/harness.h"
#include "tests/unit/bench_run.h"

FIXTURE(sweep)
{
	struct result_run *run;
	struct sweep sweep;
	FILE *out;
	char *text;
	size_t len, from;
};

/* made_run() has sendfile with 1 MiB already. */
FIXTURE_SETUP(sweep)
{
	(void)variant;
	self->run = made_run();
	self->from = 0;
	for (size_t mode = 0; mode < self->run->modes_len; mode++) {
		made_cell(self->run, mode, "sendfile", 16 << 20);
		made_cell(self->run, mode, "sendfile", 65536);
	}
	self->out = open_memstream(&self->text, &self->len);
	ASSERT_NOT_NULL(self->out);
}

FIXTURE_TEARDOWN(sweep)
{
	(void)variant;
	fclose(self->out);
	free(self->text);
	result_run_free(self->run);
}

#define HAS(words) (fflush(self->out), strstr(self->text, words) != NULL)

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

TEST_F(sweep, has_its_sizes_in_order)
{
	ASSERT_TRUE(sweep_next(self->run, &self->from, &self->sweep));
	EXPECT_EQ(3, self->sweep.sizes_len);
	EXPECT_EQ(65536, self->sweep.sizes[0]);
	EXPECT_EQ(1 << 20, self->sweep.sizes[1]);
	EXPECT_EQ(16 << 20, self->sweep.sizes[2]);
	EXPECT_STREQ("sendfile to the client, 16 connections, 2 threads", self->sweep.title);
	EXPECT_FALSE(sweep_next(self->run, &self->from, &self->sweep));
}

TEST_F(sweep, takes_nothing_else_in)
{
	for (size_t i = 12; i < self->run->cells_len; i++)
		self->run->cells[i].workload.connections = 1;
	ASSERT_TRUE(sweep_next(self->run, &self->from, &self->sweep));
	EXPECT_EQ(2, self->sweep.sizes_len);
	EXPECT_EQ(1, self->sweep.workload->connections);
	EXPECT_NULL(sweep_cell(&self->sweep, "none", 0));
	EXPECT_TRUE(sweep_cell(&self->sweep, "tcp", 0) == &self->run->cells[13]);
	EXPECT_FALSE(sweep_next(self->run, &self->from, &self->sweep));
}

TEST_F(sweep, of_calls_goes_by_their_length)
{
	for (size_t i = 0; i < self->run->cells_len; i++) {
		struct result_workload *w = &self->run->cells[i].workload;

		if (strcmp(w->pattern, "sendfile") != 0)
			continue;
		SET(w->pattern, "write");
		w->write_bytes = (uint32_t)w->object_bytes;
		w->object_bytes = 0;
	}
	ASSERT_TRUE(sweep_next(self->run, &self->from, &self->sweep));
	EXPECT_EQ(3, self->sweep.sizes_len);
	EXPECT_STREQ("write to the client, 16 connections, 2 threads", self->sweep.title);
}

TEST_F(sweep, has_no_more_than_its_room)
{
	for (uint64_t i = 0; i < 2 * SWEEP_SIZES; i++)
		made_cell(self->run, 0, "sendfile", 100 + i);
	ASSERT_TRUE(sweep_next(self->run, &self->from, &self->sweep));
	EXPECT_EQ(SWEEP_SIZES, self->sweep.sizes_len);
}

static const char matrix[] = "\nsendfile to the client, 16 connections, 2 threads, over sizes\n"
			     "throughput, ratio to libssl\n"
			     "                              64 KiB     1 MiB    16 MiB\n"
			     "plain TCP                       2.70      2.70      2.70\n"
			     "userspace, own engine          0.794     0.794     0.794\n"
			     "kTLS, software                  1.13         -      1.13\n"
			     "kTLS, hardware                  2.08      2.08      2.08\n"
			     "kTLS, hardware, zerocopy        2.56      2.56      2.56\n"
			     "server CPU, ratio to libssl\n"
			     "                              64 KiB     1 MiB    16 MiB\n"
			     "plain TCP                      0.276     0.276     0.276\n";

TEST_F(sweep, is_a_matrix_of_ratios)
{
	SET(self->run->cells[3].missing, "not to be had");
	report_text(self->run, 0, self->out);
	EXPECT_TRUE(HAS(matrix));
}

TEST_F(sweep, is_a_picture_and_matrices_on_the_page)
{
	SET(self->run->modes[4].label, "<b> & \"c\"");
	SET(self->run->cells[3].missing, "not to be had");
	report_html(self->run, self->out);
	EXPECT_TRUE(HAS(", over sizes</h2>"));
	EXPECT_EQ(6 * 2, count(self->text, "<path class=\"l"));
	EXPECT_EQ((6 * 3 - 1) * 2, count(self->text, "r=\"4\"/>"));
	EXPECT_EQ(0, count(self->text, "nan"));
	EXPECT_EQ(0, count(self->text, "inf"));
	EXPECT_TRUE(HAS("<caption>throughput, ratio to libssl</caption>"));
	EXPECT_TRUE(HAS("<th scope=\"row\">&lt;b&gt; &amp; &quot;c&quot;</th><td>2.08</td>"));
	EXPECT_TRUE(HAS("<td>1.13</td><td>-</td><td>1.13</td>"));
}

TEST_F(sweep, of_one_mode_has_lines_and_no_ratios)
{
	for (size_t i = 0; i < self->run->cells_len; i++)
		if (strcmp(self->run->cells[i].mode, "tcp") != 0)
			SET(self->run->cells[i].missing, "not to be had");
	report_html(self->run, self->out);
	EXPECT_TRUE(HAS(", over sizes</h2>"));
	EXPECT_EQ(2, count(self->text, "<path class=\"l"));
	EXPECT_EQ(0, count(self->text, "<caption>throughput"));
	report_text(self->run, 0, self->out);
	EXPECT_FALSE(HAS("throughput, ratio"));
}

TEST_HARNESS_MAIN
