/* SPDX-License-Identifier: MIT */
/* Results of ktls-bench: growing them, their limits, and text that does not fit. */
#include "tests/bench/ktls-bench/result.h"
#include "tests/harness/harness.h"

FIXTURE(run)
{
	struct result_run *run;
};

FIXTURE_SETUP(run)
{
	(void)variant;
	self->run = result_run_new();
	ASSERT_NOT_NULL(self->run);
}

FIXTURE_TEARDOWN(run)
{
	(void)variant;
	result_run_free(self->run);
}

TEST_F(run, what_is_added_is_zeroed_and_keeps_its_place)
{
	for (uint64_t i = 0; i < 100; i++) {
		struct result_cell *cell = result_cell_add(self->run);

		ASSERT_NOT_NULL(cell);
		ASSERT_EQ(0, cell->rounds_len);
		ASSERT_STREQ("", cell->mode);
		cell->workload.object_bytes = i;
	}
	ASSERT_EQ(100, self->run->cells_len);
	for (uint64_t i = 0; i < 100; i++)
		EXPECT_EQ(i, self->run->cells[i].workload.object_bytes);
}

TEST_F(run, rounds_and_counters_end_at_their_limits)
{
	struct result_cell *cell = result_cell_add(self->run);
	struct result_round *round = NULL;

	ASSERT_NOT_NULL(cell);
	for (size_t i = 0; i < RESULT_ROUNDS_MAX; i++)
		ASSERT_NOT_NULL(round = result_round_add(cell));
	EXPECT_NULL(result_round_add(cell));
	for (size_t i = 0; i < RESULT_COUNTERS_MAX; i++)
		ASSERT_NOT_NULL(result_counter_add(round));
	EXPECT_NULL(result_counter_add(round));
	EXPECT_EQ(RESULT_ROUNDS_MAX, cell->rounds_len);
	EXPECT_EQ(RESULT_COUNTERS_MAX, round->counters_len);
}

TEST_F(run, modes_are_found_by_their_names)
{
	struct result_mode *mode = result_mode_add(self->run);

	ASSERT_NOT_NULL(mode);
	result_text(mode->name, sizeof(mode->name), "tcp");
	EXPECT_TRUE(result_mode_find(self->run, "tcp") == mode);
	EXPECT_NULL(result_mode_find(self->run, "ktls-sw"));
	while (result_mode_add(self->run))
		;
	EXPECT_EQ(RESULT_MODES_MAX, self->run->modes_len);
}

TEST_F(run, a_warning_is_given_once)
{
	result_warn(self->run, "load", "others work here", "stop them");
	result_warn(self->run, "load", "others still work here", "stop them");
	ASSERT_EQ(1, self->run->warnings_len);
	EXPECT_STREQ("others work here", self->run->warnings[0].text);
	for (int i = 0; i < 2 * RESULT_WARNINGS_MAX; i++) {
		char code[RESULT_NAME];

		result_text(code, sizeof(code), "code-%d", i);
		result_warn(self->run, code, "", "");
	}
	EXPECT_EQ(RESULT_WARNINGS_MAX, self->run->warnings_len);
}

TEST(text_is_cut_and_made_printable)
{
	char field[8];

	result_text(field, sizeof(field), "%s", "a\nb\033\200");
	EXPECT_STREQ("a?b??", field);
	result_text(field, sizeof(field), "%d", 123456789);
	EXPECT_STREQ("1234567", field);
}

TEST_HARNESS_MAIN
