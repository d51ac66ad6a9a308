/* SPDX-License-Identifier: MIT */
/* The command line of ktls-bench, its lists of CPUs and its latencies. */
#include <getopt.h>
#include <string.h>

#include <ktls-tls.h>

#include "tests/bench/ktls-bench/histogram.h"
#include "tests/bench/ktls-bench/options.h"
#include "tests/harness/harness.h"

static char text[RESULT_LINE];

/* What options_parse() makes of words ended by NULL. */
static bool parse(struct options *o, const char *const *words)
{
	char *argv[32] = { (char *)(uintptr_t) "ktls-bench" };
	int argc = 1;

	for (; *words; words++)
		argv[argc++] = (char *)(uintptr_t)*words;
	argv[argc] = NULL;
	return options_parse(argc, argv, o, text);
}

#define PARSE(o, ...) parse(o, (const char *const[]){ __VA_ARGS__, NULL })

TEST(sizes_have_units)
{
	uint64_t n;

	EXPECT_TRUE(options_size("0", &n) && n == 0);
	EXPECT_TRUE(options_size("64K", &n) && n == 65536);
	EXPECT_TRUE(options_size("1m", &n) && n == 1 << 20);
	EXPECT_TRUE(options_size("2G", &n) && n == UINT64_C(2) << 30);
	EXPECT_FALSE(options_size("", &n));
	EXPECT_FALSE(options_size("-1", &n));
	EXPECT_FALSE(options_size("1Kb", &n));
	EXPECT_FALSE(options_size("1T", &n));
	EXPECT_FALSE(options_size("17179869184G", &n));
	EXPECT_FALSE(options_size("18446744073709551616", &n));
}

TEST(defaults_are_a_run_of_all_modes)
{
	struct options o;

	ASSERT_TRUE(PARSE(&o, "run"));
	EXPECT_EQ(COMMAND_RUN, o.command);
	EXPECT_NULL(o.host);
	EXPECT_EQ((1U << MODES) - 1, o.modes);
	EXPECT_EQ(5, o.rounds);
	EXPECT_TRUE(o.verify);
	EXPECT_FALSE(o.verify_rounds);
}

TEST(what_is_verified)
{
	struct options o;

	ASSERT_TRUE(PARSE(&o, "run", "--verify", "all"));
	EXPECT_TRUE(o.verify && o.verify_rounds);
	ASSERT_TRUE(PARSE(&o, "run", "--no-verify", "--verify", "first"));
	EXPECT_TRUE(o.verify && !o.verify_rounds);
	ASSERT_TRUE(PARSE(&o, "run", "--verify", "all", "--no-verify"));
	EXPECT_FALSE(o.verify || o.verify_rounds);
	EXPECT_FALSE(PARSE(&o, "run", "--verify", "some"));
}

TEST(options_are_taken)
{
	struct options o;

	ASSERT_TRUE(PARSE(&o, "run", "192.0.2.1", "--key-file", "k", "-m", "tcp,ktls-hw", "-p",
			  "write,churn", "-d", "both", "-c", "8", "-t", "2", "-D", "0.5",
			  "--record-size", "4096", "--tls", "1.2", "--suite", "aes256"));
	EXPECT_STREQ("192.0.2.1", o.host);
	EXPECT_EQ(1U << MODE_TCP | 1U << MODE_HW, o.modes);
	EXPECT_EQ(1U << PATTERN_WRITE | 1U << PATTERN_CHURN, o.patterns);
	EXPECT_EQ(1U << RESULT_BOTH_WAYS, o.directions);
	EXPECT_EQ(8, o.connections);
	EXPECT_EQ(2, o.threads);
	EXPECT_EQ(500, o.duration_ms);
	EXPECT_EQ(4096, o.record_bytes);
	EXPECT_EQ(KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384, options_suite(&o, o.version, false));
	EXPECT_EQ(KTLS_ECDHE_RSA_AES_256_GCM_SHA384, options_suite(&o, o.version, true));
}

TEST(sizes_are_a_list)
{
	struct options o;

	ASSERT_TRUE(PARSE(&o, "run", "--size", "1k,64K,4G"));
	EXPECT_EQ(3, o.sizes_len);
	EXPECT_EQ(1024, o.sizes[0]);
	EXPECT_EQ(65536, o.sizes[1]);
	EXPECT_EQ(UINT64_C(4) << 30, o.sizes[2]);
	ASSERT_TRUE(PARSE(&o, "run", "--size", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"));
	EXPECT_EQ(OPTIONS_SIZES, o.sizes_len);
	ASSERT_TRUE(PARSE(&o, "run"));
	EXPECT_EQ(0, o.sizes_len);
}

FIXTURE(refusal)
{
	struct options o;
};

FIXTURE_VARIANT(refusal)
{
	const char *words[6];
	const char *says;
};

FIXTURE_VARIANT_ADD(refusal, command){ { "walk" }, "no command walk" };
FIXTURE_VARIANT_ADD(refusal, option){ { "run", "--fast" }, "--fast" };
FIXTURE_VARIANT_ADD(refusal, value){ { "run", "-D", "soon" }, "--duration soon" };
FIXTURE_VARIANT_ADD(refusal, too_long){ { "run", "-D", "601" }, "--duration" };
FIXTURE_VARIANT_ADD(refusal, mode){ { "run", "-m", "tcp,none" }, "--modes tcp,none" };
FIXTURE_VARIANT_ADD(refusal, empty_list){ { "run", "-m", "tcp," }, "--modes" };
FIXTURE_VARIANT_ADD(refusal, no_rounds){ { "run", "-r", "0" }, "--rounds" };
FIXTURE_VARIANT_ADD(refusal, no_end){ { "run", "-D", "0" }, "--bytes" };
FIXTURE_VARIANT_ADD(refusal, half_identity){ { "run", "--cert", "c" }, "--key" };
FIXTURE_VARIANT_ADD(refusal, host_without_key){ { "run", "::1" }, "--key-file" };
FIXTURE_VARIANT_ADD(refusal, serve_without_key){ { "serve" }, "--key-file" };
FIXTURE_VARIANT_ADD(refusal, operands){ { "compare", "a.json" }, "2 operands" };
FIXTURE_VARIANT_ADD(refusal, pin){ { "run", "--pin", "3-1" }, "--pin" };

FIXTURE_VARIANT_ADD(refusal, no_size){ { "run", "--size", "1k," }, "--size 1k," };
FIXTURE_VARIANT_ADD(refusal, zero_size){ { "run", "--size", "0,1k" }, "--size" };
FIXTURE_VARIANT_ADD(refusal, same_size){ { "run", "--size", "1k,1024" }, "--size" };
FIXTURE_VARIANT_ADD(refusal, huge_size){ { "run", "--size", "5G" }, "--size" };
FIXTURE_VARIANT_ADD(refusal, long_size){ { "run", "--size", "0000000000000000000000001k" },
					 "--size" };
FIXTURE_VARIANT_ADD(refusal,
		    many_sizes){ { "run", "--size", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17" },
				 "--size" };

FIXTURE_SETUP(refusal)
{
	(void)self;
	(void)variant;
}

FIXTURE_TEARDOWN(refusal)
{
	(void)self;
	(void)variant;
}

TEST_F(refusal, says_why)
{
	EXPECT_FALSE(parse(&self->o, variant->words));
	EXPECT_NOT_NULL(strstr(text, variant->says));
}

TEST(help_is_no_failure)
{
	struct options o;

	EXPECT_FALSE(PARSE(&o, "run", "--help"));
	EXPECT_STREQ("", text);
}

TEST(lists_of_cpus)
{
	struct cpu_list a, b;

	ASSERT_TRUE(cpu_list_parse("0-2,8", &a));
	EXPECT_EQ(4, a.len);
	EXPECT_EQ(8, a.cpus[3]);
	EXPECT_FALSE(cpu_list_parse("", &b));
	EXPECT_FALSE(cpu_list_parse("1,", &b));
	EXPECT_FALSE(cpu_list_parse("0-99999999", &b));
	EXPECT_FALSE(cpu_list_parse("1 2", &b));
	ASSERT_TRUE(cpu_list_parse("3-7", &b));
	EXPECT_FALSE(cpu_lists_meet(&a, &b, "/nonexistent"));
	ASSERT_TRUE(cpu_list_parse("8", &b));
	EXPECT_TRUE(cpu_lists_meet(&a, &b, "/nonexistent"));
	b.len = 0;
	EXPECT_TRUE(cpu_lists_meet(&a, &b, "/nonexistent"));
}

TEST(percentiles_are_no_more_than_six_percent_too_high)
{
	static struct histogram h;

	EXPECT_EQ(0, histogram_at(&h, 500));
	for (uint64_t n = 1; n <= 100000; n++)
		histogram_add(&h, n * 1000);
	for (unsigned int permille = 1; permille <= 1000; permille++) {
		const uint64_t exact = UINT64_C(100000) * permille;

		EXPECT_GE(histogram_at(&h, permille), exact);
		EXPECT_LE(histogram_at(&h, permille), exact + exact / 15);
	}
}

TEST(every_latency_has_a_bucket)
{
	static struct histogram h, all;

	for (unsigned int shift = 0; shift < 64; shift++) {
		memset(&h, 0, sizeof(h));
		histogram_add(&h, UINT64_C(1) << shift);
		EXPECT_GE(histogram_at(&h, 1000), UINT64_C(1) << shift);
		histogram_join(&all, &h);
	}
	memset(&h, 0, sizeof(h));
	histogram_add(&h, UINT64_MAX);
	EXPECT_EQ(UINT64_MAX, histogram_at(&h, 500));
	EXPECT_EQ(64, all.total);
}

TEST_HARNESS_MAIN
