/* SPDX-License-Identifier: MIT */
/* ktls-bench's statistics: known answers, and what has none. */
#include "tests/bench/ktls-bench/format.h"
#include "tests/harness/harness.h"
#include "tests/unit/bench_run.h"

#define NEAR(a, b) EXPECT_TRUE((a) - (b) < 1e-9 && (b) - (a) < 1e-9)

/* Of 1, 2, ... n, in an order that is not theirs. */
static struct estimate of_numbers(size_t n)
{
	double values[RESULT_ROUNDS_MAX];

	for (size_t i = 0; i < n; i++)
		values[i] = (double)((i * 7919) % n + 1);
	return estimate_of(values, n);
}

TEST(medians_lie_in_the_middle)
{
	NEAR(1, of_numbers(1).median);
	NEAR(3, of_numbers(5).median);
	NEAR(5.5, of_numbers(10).median);
	EXPECT_EQ(0, of_numbers(0).n);
	NEAR(0, of_numbers(0).median);
}

/* From tables of the sign test: how many values lie outside at each end, for 95 %. */
TEST(the_spread_is_that_of_the_sign_test)
{
	static const size_t known[][2] = { { 1, 0 },  { 5, 0 },    { 6, 0 },     { 8, 0 },
					   { 9, 1 },  { 12, 2 },   { 15, 3 },    { 20, 5 },
					   { 25, 7 }, { 100, 39 }, { 1000, 468 } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct estimate e = of_numbers(known[i][0]);

		NEAR((double)(known[i][1] + 1), e.low);
		NEAR((double)(known[i][0] - known[i][1]), e.high);
	}
}

/* Of n throws of a coin, that neither all nor all but k show the same side. */
TEST(the_confidence_is_that_of_the_rounds)
{
	static const struct {
		size_t n;
		double sure;
	} known[] = { { 0, 0 },     { 1, 0 },      { 2, .5 },       { 3, .75 },     { 4, .875 },
		      { 5, .9375 }, { 6, .96875 }, { 8, .9921875 }, { 9, .9609375 } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		NEAR(known[i].sure, estimate_confidence(known[i].n));
	for (size_t n = 6; n <= RESULT_ROUNDS_MAX; n++)
		EXPECT_TRUE(estimate_confidence(n) >= .95 && estimate_confidence(n) < 1);
}

TEST(estimates_differ_where_their_spreads_have_nothing_in_common)
{
	const struct estimate a = { 2, 1, 3, 5 }, b = { 4, 3, 5, 5 }, c = { 6, 5.5, 7, 5 },
			      none = { 0 };

	EXPECT_FALSE(estimate_differ(&a, &b));
	EXPECT_TRUE(estimate_differ(&a, &c));
	EXPECT_TRUE(estimate_differ(&c, &a));
	EXPECT_FALSE(estimate_differ(&a, &none));
	NEAR(1, estimate_noise(&a));
	NEAR(0, estimate_noise(&none));
}

TEST(a_round_gives_each_metric)
{
	struct result_round r = { .wall_seconds = 2,
				  .bytes = UINT64_C(1) << 31,
				  .operations = 1000,
				  .cpu_seconds = { 1, .5 },
				  .cycles = { UINT64_C(3) << 31, UINT64_C(1) << 31 },
				  .latency_p50_ns = 1500,
				  .latency_p99_ns = 9000,
				  .retransmits = 8 };
	static const double expected[METRICS] = {
		[METRIC_THROUGHPUT] = 8.589934592,
		[METRIC_OPERATIONS] = 500,
		[METRIC_SERVER_CPU] = .5,
		[METRIC_CLIENT_CPU] = .25,
		[METRIC_SERVER_CPU_OPERATION] = 1000,
		[METRIC_CLIENT_CPU_OPERATION] = 500,
		[METRIC_SERVER_CYCLES] = 3,
		[METRIC_CLIENT_CYCLES] = 1,
		[METRIC_P50] = 1.5,
		[METRIC_P99] = 9,
		[METRIC_RETRANSMITS] = 4,
		[METRIC_RETRANSMITS_OPERATION] = 8,
	};
	double value;

	for (enum metric m = 0; m < METRICS; m++) {
		ASSERT_TRUE(metric_of(m, &r, &value));
		NEAR(expected[m], value);
		EXPECT_STRNE("", metric_about(m)->unit);
	}
}

TEST(an_empty_round_gives_none)
{
	const struct result_round r = { 0 };
	double value = 5;

	for (enum metric m = 0; m < METRICS; m++)
		EXPECT_FALSE(metric_of(m, &r, &value));
	NEAR(5, value);
}

/* A machine that slows down by half during the run: medians move, the ratio does not. */
TEST(ratios_are_taken_round_by_round)
{
	struct result_run *run = result_run_new();
	struct result_cell *cells[2];
	struct estimate e;

	ASSERT_NOT_NULL(result_cell_add(run));
	ASSERT_NOT_NULL(result_cell_add(run));
	for (size_t k = 0; k < 2; k++) {
		cells[k] = &run->cells[k];
		for (size_t i = 0; i < 6; i++) {
			struct result_round *r = result_round_add(cells[k]);

			r->wall_seconds = 1 + (double)i / 5;
			r->bytes = k ? 3000000 : 1000000;
		}
	}
	e = estimate_cell(METRIC_THROUGHPUT, cells[1]);
	EXPECT_TRUE(estimate_noise(&e) > .5);
	e = estimate_ratio(METRIC_THROUGHPUT, cells[1], cells[0]);
	EXPECT_EQ(6, e.n);
	NEAR(3, e.low);
	NEAR(3, e.high);
	result_run_free(run);
}

TEST(the_base_does_the_same_in_the_same_version)
{
	struct result_run *run = made_run();
	const struct result_cell *hw = &run->cells[4], *request = &run->cells[10];

	EXPECT_TRUE(cell_base(run, hw) == &run->cells[2]);
	EXPECT_TRUE(cell_base(run, request) == &run->cells[8]);
	EXPECT_TRUE(cell_base(run, &run->cells[2]) == &run->cells[2]);
	SET(run->cells[3].mode, "libssl");
	SET(run->cells[2].tls, "TLS 1.3");
	EXPECT_TRUE(cell_base(run, hw) == &run->cells[3]);
	SET(run->cells[3].missing, "broken");
	EXPECT_TRUE(cell_base(run, hw) == &run->cells[2]);
	run->cells[2].rounds_len = 0;
	EXPECT_NULL(cell_base(run, hw));
	result_run_free(run);
}

/* ---- words ----------------------------------------------------------------------------------- */

TEST(numbers_have_three_digits_that_count)
{
	static const struct {
		double value;
		const char *text;
	} known[] = { { 0, "0" },           { 0.01234, "0.0123" }, { 0.5, "0.500" },
		      { 1.2345, "1.23" },   { 12.345, "12.3" },    { 123.45, "123" },
		      { 12345.6, "12346" }, { 1e-9, "0.000000" } };
	char text[32];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		format_number(text, sizeof(text), known[i].value);
		EXPECT_STREQ(known[i].text, text);
	}
	format_bytes(text, sizeof(text), 65536);
	EXPECT_STREQ("64 KiB", text);
	format_bytes(text, sizeof(text), 1500);
	EXPECT_STREQ("1500 bytes", text);
}

TEST(hardware_is_told_by_direction)
{
	struct result_run *run = made_run();
	struct result_cell *cell = &run->cells[4];
	char text[128];

	format_hardware(text, sizeof(text), cell);
	EXPECT_STREQ("tx hw, rx sw: feature-off", text);
	cell->rounds[0].tx[RESULT_SERVER] = (struct result_offload){ .hw = 8, .sw = 8 };
	format_hardware(text, sizeof(text), cell);
	EXPECT_STREQ("tx 90% hw, rx sw: feature-off", text);
	cell->workload.direction = RESULT_TO_SERVER;
	format_hardware(text, sizeof(text), cell);
	EXPECT_STREQ("", text);
	EXPECT_STREQ("verified", payload_of(cell));
	cell->rounds[1].payload = RESULT_UNCHECKED;
	EXPECT_STREQ("", payload_of(cell));
	cell->rounds[2].payload = RESULT_CORRUPT;
	EXPECT_STREQ("CORRUPT", payload_of(cell));
	result_run_free(run);
}

TEST_HARNESS_MAIN
