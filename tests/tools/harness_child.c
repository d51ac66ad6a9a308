/* SPDX-License-Identifier: MIT */
/* Tests that pass, fail, skip, hang and crash on purpose: tests/unit/harness.sh looks at how the
 * harness reports them. This program's results are never counted. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/harness.h"

TEST(passes)
{
	EXPECT_EQ(1, 1);
}

TEST(integers_compare_by_value)
{
	const uint8_t small = 200;
	const struct {
		unsigned int three : 2;
	} bits = { 3 };
	int evaluated = 0;

	EXPECT_EQ(small, (size_t)200);
	EXPECT_EQ(bits.three, 3);
	EXPECT_NE(-1, UINT32_MAX);
	EXPECT_NE(-1, UINT64_MAX);
	EXPECT_LT(-1, 0U);
	EXPECT_LT(INT64_MIN, INT64_MIN + 1);
	EXPECT_GT(UINT64_MAX, INT64_MAX);
	EXPECT_LE(-5, -5L);
	EXPECT_GE('b', 'a');
	EXPECT_EQ(true, small == 200);
	EXPECT_EQ(1, ++evaluated);
	EXPECT_EQ(1, evaluated);
}

TEST(pointers_and_text)
{
	const char *none = NULL, *text = "text";

	EXPECT_NULL(none);
	EXPECT_NOT_NULL(text);
	EXPECT_EQ(NULL, none);
	EXPECT_NE(text, none);
	EXPECT_STREQ(text, "text");
	EXPECT_STRNE(text, "other");
	EXPECT_STRNE(text, none);
	EXPECT_MEMEQ(text, "textual", 4);
	EXPECT_TRUE(text);
	EXPECT_FALSE(none);
}

TEST(fails_twice)
{
	EXPECT_EQ(1, 2);
	EXPECT_TRUE(false);
}

TEST(every_check_can_fail)
{
	EXPECT_NE(1, 1);
	EXPECT_LT(1, 1);
	EXPECT_LE(2, 1);
	EXPECT_GT(1, 1);
	EXPECT_GE(1, 2U);
	EXPECT_FALSE(true);
	EXPECT_NULL("");
	EXPECT_NOT_NULL(NULL);
	EXPECT_STREQ("a", "b");
	EXPECT_STREQ("a", NULL);
	EXPECT_STRNE("a", "a");
	EXPECT_EQ(-1, UINT32_MAX);
}

TEST(shows_bytes)
{
	EXPECT_MEMEQ("abcdef", "abcxef", 6);
}

TEST(skips)
{
	SKIP(return, "no %s here", "reason");
}

TEST(fails_then_skips)
{
	EXPECT_EQ(1, 2);
	SKIP(return, "too late");
}

TEST(checks_nothing)
{
}

TEST(pretends)
{
	printf("ok 1 forged\nno newline");
	EXPECT_TRUE(true);
}

TEST_TIMEOUT(hangs, 1)
{
	pid_t pid = fork();

	if (pid > 0)
		printf("started %d\n", pid);
	for (;;)
		pause();
}

TEST(leaves_a_process)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	printf("started %d\n", pid);
	EXPECT_GT(pid, 0);
}

TEST(crashes)
{
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

TEST(exits)
{
	EXPECT_TRUE(true);
	exit(0);
}

TEST(exits_with_status)
{
	EXPECT_TRUE(true);
	exit(3);
}

TEST(forked_child_returns)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		return;
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST(check_fails_in_forked_child)
{
	pid_t pid = fork();

	if (pid == 0) {
		ASSERT_EQ(1, 2);
		printf("not to be reached\n");
	}
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
}

static void *fail(void *unused)
{
	ASSERT_NULL("thread");
	return unused;
}

TEST(check_fails_in_thread)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, fail, NULL));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	printf("not to be reached\n");
}

FIXTURE(box)
{
	int zero;
	int set;
};

FIXTURE_VARIANT(box)
{
	int number;
};

FIXTURE_VARIANT_ADD(box, three){ .number = 3 };
FIXTURE_VARIANT_ADD(box, four){ .number = 4 };

FIXTURE_SETUP(box)
{
	EXPECT_EQ(0, self->zero);
	self->set = variant->number;
}

FIXTURE_TEARDOWN(box)
{
	printf("teardown %d\n", self->set);
}

static void deep(int number)
{
	ASSERT_EQ(3, number);
}

TEST_F(box, has_its_variant)
{
	EXPECT_EQ(variant->number, self->set);
}

TEST_F(box, asserts_three)
{
	deep(variant->number);
	printf("after the assertion\n");
}

TEST_F_TIMEOUT(box, hangs, 1)
{
	printf("box hangs\n");
	for (;;)
		pause();
}

FIXTURE(broken)
{
	int unused;
};

FIXTURE_SETUP(broken)
{
	ASSERT_EQ(1, 2);
}

FIXTURE_TEARDOWN(broken)
{
	printf("broken teardown\n");
}

TEST_F(broken, is_not_run)
{
	printf("broken body\n");
}

FIXTURE(absent)
{
	int unused;
};

FIXTURE_SETUP(absent)
{
	SKIP(return, "absent by setup");
}

TEST_F(absent, is_not_run)
{
	printf("absent body\n");
}

TEST_HARNESS_MAIN
