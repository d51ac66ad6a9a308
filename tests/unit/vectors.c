/* SPDX-License-Identifier: MIT */
/* The readers of published vectors (tests/harness/vectors.h). */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/harness.h"

TEST(hex)
{
	uint8_t out[4];

	EXPECT_EQ(0, test_hex("", out, 0));
	ASSERT_EQ(4, test_hex("007f80Ff", out, sizeof(out)));
	EXPECT_MEMEQ("\x00\x7f\x80\xff", out, 4);
	ASSERT_EQ(3, test_hex(" 01 0203\n", out, sizeof(out)));
	EXPECT_MEMEQ("\x01\x02\x03", out, 3);
}

FIXTURE(folder)
{
	char dir[32];
	char file[48];
};

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ASSERT_NOT_NULL(f);
	ASSERT_GE(fputs(text, f), 0);
	ASSERT_EQ(0, fclose(f));
}

FIXTURE_SETUP(folder)
{
	strcpy(self->dir, "/tmp/vectors-XXXXXX");
	ASSERT_NOT_NULL(mkdtemp(self->dir));
	snprintf(self->file, sizeof(self->file), "%s/file", self->dir);
	ASSERT_EQ(0, setenv("KTLS_VECTORS", self->dir, 1));
}

FIXTURE_TEARDOWN(folder)
{
	unlink(self->file);
	EXPECT_EQ(0, rmdir(self->dir));
}

TEST_F(folder, path)
{
	char out[64] = "before";

	EXPECT_FALSE(test_vectors_path(out, sizeof(out), "file"));
	EXPECT_STREQ("before", out);
	put(self->file, "");
	EXPECT_FALSE(test_vectors_path(out, strlen(self->file), "file"));
	EXPECT_STREQ("before", out);
	EXPECT_TRUE(test_vectors_path(out, strlen(self->file) + 1, "file"));
	EXPECT_STREQ(self->file, out);
}

TEST_F(folder, table)
{
	struct test_table t;
	uint8_t out[2];

	EXPECT_FALSE(test_table_open(&t, "file"));
	put(self->file, "# about\n#tcId\tresult\tkey\tcomment\n1\tvalid\tff01\twith blanks\n"
			"# between\n22\tinvalid\t-\t-\n");
	ASSERT_TRUE(test_table_open(&t, "file"));
	ASSERT_TRUE(test_table_next(&t));
	EXPECT_EQ(3, t.line);
	EXPECT_EQ(1, test_table_number(&t, "tcId"));
	EXPECT_STREQ("valid", test_table_text(&t, "result"));
	ASSERT_EQ(2, test_table_hex(&t, "key", out, sizeof(out)));
	EXPECT_MEMEQ("\xff\x01", out, 2);
	EXPECT_STREQ("with blanks", test_table_text(&t, "comment"));
	ASSERT_TRUE(test_table_next(&t));
	EXPECT_EQ(22, test_table_number(&t, "tcId"));
	EXPECT_STREQ("", test_table_text(&t, "key"));
	EXPECT_EQ(0, test_table_hex(&t, "key", out, sizeof(out)));
	EXPECT_FALSE(test_table_next(&t));
	test_table_close(&t);
}

TEST_F(folder, trace)
{
	uint8_t out[4];

	EXPECT_EQ(0, test_trace("file", "a", "one", out, sizeof(out)));
	put(self->file, "# x\n[a]\none = 01\none_more = 0203\n\n[ab]\none = 0405\n");
	ASSERT_EQ(1, test_trace("file", "a", "one", out, sizeof(out)));
	EXPECT_EQ(1, out[0]);
	ASSERT_EQ(2, test_trace("file", "ab", "one", out, sizeof(out)));
	EXPECT_EQ(4, out[0]);
	ASSERT_EQ(2, test_trace("file", "a", "one_more", out, sizeof(out)));
	EXPECT_EQ(0, test_trace("file", "ab", "one_more", out, sizeof(out)));
	EXPECT_EQ(0, test_trace("file", "b", "one", out, sizeof(out)));
}

/* ---- wrong data ends the program ------------------------------------------------------------ */

static void hex_odd(void)
{
	uint8_t out[4];

	test_hex("001", out, sizeof(out));
}

static void hex_split(void)
{
	uint8_t out[4];

	test_hex("0 01", out, sizeof(out));
}

static void hex_foreign(void)
{
	uint8_t out[4];

	test_hex("0g", out, sizeof(out));
}

static void hex_too_long(void)
{
	uint8_t out[1];

	test_hex("0000", out, sizeof(out));
}

static void read_all(void)
{
	struct test_table t;

	if (!test_table_open(&t, "file"))
		_exit(0);
	while (test_table_next(&t))
		test_table_text(&t, "key");
	_exit(0);
}

static int status_of(void (*function)(void))
{
	int status = 0;
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (pid == 0) {
		function();
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	return WEXITSTATUS(status);
}

TEST(wrong_hex_ends_the_program)
{
	EXPECT_EQ(1, status_of(hex_odd));
	EXPECT_EQ(1, status_of(hex_split));
	EXPECT_EQ(1, status_of(hex_foreign));
	EXPECT_EQ(1, status_of(hex_too_long));
}

TEST_F(folder, a_wrong_table_ends_the_program)
{
	put(self->file, "#tcId\tkey\n1\t00\n");
	EXPECT_EQ(0, status_of(read_all));
	put(self->file, "#tcId\tkey\n1\t00\n2\n");
	EXPECT_EQ(1, status_of(read_all));
	put(self->file, "#tcId\tkey\n1\t00\t-\n");
	EXPECT_EQ(1, status_of(read_all));
	put(self->file, "1\t00\n");
	EXPECT_EQ(1, status_of(read_all));
	put(self->file, "#tcId\tother\n1\t00\n");
	EXPECT_EQ(1, status_of(read_all));
}

TEST_HARNESS_MAIN
