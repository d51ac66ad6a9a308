/* SPDX-License-Identifier: MIT */
/*
 * The test harness: the vocabulary of the kernel's kselftest_harness.h, written anew.
 *
 *	FIXTURE(pair) { int fd[2]; };
 *	FIXTURE_VARIANT(pair) { int type; };
 *	FIXTURE_VARIANT_ADD(pair, stream) { .type = SOCK_STREAM };
 *	FIXTURE_SETUP(pair) { ASSERT_EQ(0, socketpair(AF_UNIX, variant->type, 0, self->fd)); }
 *	FIXTURE_TEARDOWN(pair) { close(self->fd[0]); close(self->fd[1]); }
 *	TEST_F(pair, carries_a_byte) { EXPECT_EQ(1, write(self->fd[0], "x", 1)); }
 *	TEST(without_fixture) { ASSERT_STREQ("a", "a"); }
 *	TEST_HARNESS_MAIN
 *
 * Each test is run once per variant of its fixture, in a forked child that leads a process group
 * of its own: whatever the test leaves running there is killed when it ends or when its time is up
 * (TEST_TIMEOUT_DEFAULT seconds unless TEST_TIMEOUT or TEST_F_TIMEOUT says otherwise; the
 * environment's KTLS_TIMEOUT_FACTOR multiplies all, for emulated machines). What it prints comes
 * out as "# " lines before its TAP result. A test fails that makes no check at all, dies from a
 * signal, or exits before its end, with a sanitizer's status for example.
 *
 * ASSERT_* ends the test where EXPECT_* only counts; both may be used in functions that a test
 * calls, and in processes and threads that it starts (there an ASSERT ends the process). The
 * teardown is run after a failed ASSERT too, unless it was the setup that failed or skipped: then
 * neither test nor teardown is run. `self` is zeroed before the setup.
 *
 * Integers of any type and signedness compare by value: -1 is not equal to 0xffffffff.
 */
#ifndef KTLS_TESTS_HARNESS_H
#define KTLS_TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/vectors.h"

#define TEST_TIMEOUT_DEFAULT 30 /* seconds */

/* ---- what a test file says ------------------------------------------------------------------ */

#define TEST(name)                  TEST_DEFINE(name, TEST_TIMEOUT_DEFAULT)
#define TEST_TIMEOUT(name, seconds) TEST_DEFINE(name, seconds)

#define FIXTURE(f)                                                    \
	static struct test_fixture test_fixture_##f = { .name = #f }; \
	TEST_CONSTRUCTOR(test_register_fixture_##f)                   \
	{                                                             \
		test_register_fixture(&test_fixture_##f);             \
	}                                                             \
	struct test_self_##f

#define FIXTURE_VARIANT(f) struct test_variant_##f

#define FIXTURE_VARIANT_ADD(f, v)                                                     \
	static const struct test_variant_##f test_variant_##f##_##v;                  \
	static struct test_variant test_variant_of_##f##_##v = {                      \
		.name = #v, .data = &test_variant_##f##_##v                           \
	};                                                                            \
	TEST_CONSTRUCTOR(test_register_variant_##f##_##v)                             \
	{                                                                             \
		test_register_variant(&test_fixture_##f, &test_variant_of_##f##_##v); \
	}                                                                             \
	static const struct test_variant_##f test_variant_##f##_##v =

#define FIXTURE_SETUP(f)                 TEST_DEFINE_STEP(f, setup)
#define FIXTURE_TEARDOWN(f)              TEST_DEFINE_STEP(f, teardown)

#define TEST_F(f, name)                  TEST_DEFINE_F(f, name, TEST_TIMEOUT_DEFAULT)
#define TEST_F_TIMEOUT(f, name, seconds) TEST_DEFINE_F(f, name, seconds)

#define TEST_HARNESS_MAIN                             \
	int main(int argc, char **argv)               \
	{                                             \
		return test_harness_main(argc, argv); \
	}

/* What follows an ASSERT may rely on it: compilers see that it does not return otherwise. */
#define TEST_EXPECT(check) ((void)(check))
#define TEST_ASSERT(check) ((check) ? (void)0 : test_end())

#define EXPECT_EQ(a, b)    TEST_EXPECT(TEST_COMPARE(a, TEST_EQ, b, #a, #b))
#define EXPECT_NE(a, b)    TEST_EXPECT(TEST_COMPARE(a, TEST_NE, b, #a, #b))
#define EXPECT_LT(a, b)    TEST_EXPECT(TEST_COMPARE(a, TEST_LT, b, #a, #b))
#define EXPECT_LE(a, b)    TEST_EXPECT(TEST_COMPARE(a, TEST_LE, b, #a, #b))
#define EXPECT_GT(a, b)    TEST_EXPECT(TEST_COMPARE(a, TEST_GT, b, #a, #b))
#define EXPECT_GE(a, b)    TEST_EXPECT(TEST_COMPARE(a, TEST_GE, b, #a, #b))
#define ASSERT_EQ(a, b)    TEST_ASSERT(TEST_COMPARE(a, TEST_EQ, b, #a, #b))
#define ASSERT_NE(a, b)    TEST_ASSERT(TEST_COMPARE(a, TEST_NE, b, #a, #b))
#define ASSERT_LT(a, b)    TEST_ASSERT(TEST_COMPARE(a, TEST_LT, b, #a, #b))
#define ASSERT_LE(a, b)    TEST_ASSERT(TEST_COMPARE(a, TEST_LE, b, #a, #b))
#define ASSERT_GT(a, b)    TEST_ASSERT(TEST_COMPARE(a, TEST_GT, b, #a, #b))
#define ASSERT_GE(a, b)    TEST_ASSERT(TEST_COMPARE(a, TEST_GE, b, #a, #b))

#define EXPECT_TRUE(x)     TEST_EXPECT(test_check_true(TEST_AT, !!(x), true, #x))
#define EXPECT_FALSE(x)    TEST_EXPECT(test_check_true(TEST_AT, !!(x), false, #x))
#define EXPECT_NULL(x)     TEST_EXPECT(test_check_null(TEST_AT, x, true, #x))
#define EXPECT_NOT_NULL(x) TEST_EXPECT(test_check_null(TEST_AT, x, false, #x))
#define ASSERT_TRUE(x)     TEST_ASSERT(test_check_true(TEST_AT, !!(x), true, #x))
#define ASSERT_FALSE(x)    TEST_ASSERT(test_check_true(TEST_AT, !!(x), false, #x))
#define ASSERT_NULL(x)     TEST_ASSERT(test_check_null(TEST_AT, x, true, #x))
#define ASSERT_NOT_NULL(x) TEST_ASSERT(test_check_null(TEST_AT, x, false, #x))

#define EXPECT_STREQ(a, b) TEST_EXPECT(test_check_str(TEST_AT, a, b, true, #a, #b))
#define EXPECT_STRNE(a, b) TEST_EXPECT(test_check_str(TEST_AT, a, b, false, #a, #b))
#define ASSERT_STREQ(a, b) TEST_ASSERT(test_check_str(TEST_AT, a, b, true, #a, #b))
#define ASSERT_STRNE(a, b) TEST_ASSERT(test_check_str(TEST_AT, a, b, false, #a, #b))

/* len bytes at a and at b are the same. */
#define EXPECT_MEMEQ(a, b, len) TEST_EXPECT(test_check_mem(TEST_AT, a, b, len, #a, #b))
#define ASSERT_MEMEQ(a, b, len) TEST_ASSERT(test_check_mem(TEST_AT, a, b, len, #a, #b))

/* SKIP(return, "no %s here", what): the test counts as skipped unless a check of it failed. */
#define SKIP(statement, ...)            \
	do {                            \
		test_skip(__VA_ARGS__); \
		statement;              \
	} while (0)

#define TH_LOG(...) test_log(TEST_AT, __VA_ARGS__)

/* ---- what these words are made of ----------------------------------------------------------- */

struct test_at {
	const char *file;
	int line;
};

struct test_variant {
	const char *name;
	const void *data;
	struct test_variant *next;
};

struct test_case {
	const char *name;
	void (*run)(void *self, const void *variant);
	size_t self_size;
	unsigned int timeout; /* seconds */
	struct test_case *next;
};

/* Tests without a fixture belong to one that has no name. */
struct test_fixture {
	const char *name;
	void (*setup)(void *self, const void *variant);
	void (*teardown)(void *self, const void *variant);
	struct test_variant *variants;
	struct test_case *cases;
	struct test_fixture *next;
};

extern struct test_fixture test_fixture_none;

void test_register_fixture(struct test_fixture *f);
void test_register_variant(struct test_fixture *f, struct test_variant *v);
void test_register_case(struct test_fixture *f, struct test_case *c);
int test_harness_main(int argc, char **argv);

#define TEST_CONSTRUCTOR(function)                               \
	static void function(void) __attribute__((constructor)); \
	static void function(void)

#define TEST_DEFINE(name_, seconds)                                            \
	static void test_body_##name_(void);                                   \
	static void test_run_##name_(void *self, const void *variant)          \
	{                                                                      \
		(void)self;                                                    \
		(void)variant;                                                 \
		test_body_##name_();                                           \
	}                                                                      \
	static struct test_case test_case_##name_ = { .name = #name_,          \
						      .run = test_run_##name_, \
						      .timeout = (seconds) };  \
	TEST_CONSTRUCTOR(test_register_##name_)                                \
	{                                                                      \
		test_register_case(&test_fixture_none, &test_case_##name_);    \
	}                                                                      \
	static void test_body_##name_(void)

#define TEST_TYPED(f, function)                                                  \
	static void function(struct test_self_##f *self __attribute__((unused)), \
			     const struct test_variant_##f *variant __attribute__((unused)))

#define TEST_DEFINE_STEP(f, step)                                              \
	struct test_variant_##f;                                               \
	TEST_TYPED(f, test_##step##_of_##f);                                   \
	static void test_##step##_untyped_##f(void *self, const void *variant) \
	{                                                                      \
		test_##step##_of_##f(self, variant);                           \
	}                                                                      \
	TEST_CONSTRUCTOR(test_register_##step##_##f)                           \
	{                                                                      \
		test_fixture_##f.step = test_##step##_untyped_##f;             \
	}                                                                      \
	TEST_TYPED(f, test_##step##_of_##f)

#define TEST_DEFINE_F(f, name_, seconds)                                                          \
	struct test_variant_##f;                                                                  \
	TEST_TYPED(f, test_body_##f##_##name_);                                                   \
	static void test_run_##f##_##name_(void *self, const void *variant)                       \
	{                                                                                         \
		test_body_##f##_##name_(self, variant);                                           \
	}                                                                                         \
	static struct test_case test_case_##f##_##name_ = { .name = #name_,                       \
							    .run = test_run_##f##_##name_,        \
							    .self_size =                          \
								    sizeof(struct test_self_##f), \
							    .timeout = (seconds) };               \
	TEST_CONSTRUCTOR(test_register_##f##_##name_)                                             \
	{                                                                                         \
		test_register_case(&test_fixture_##f, &test_case_##f##_##name_);                  \
	}                                                                                         \
	TEST_TYPED(f, test_body_##f##_##name_)

/* ---- checks (check.c) ----------------------------------------------------------------------- */

#define TEST_AT ((struct test_at){ __FILE__, __LINE__ })

enum test_op { TEST_EQ, TEST_NE, TEST_LT, TEST_LE, TEST_GT, TEST_GE };

/* The compiler need not fear that memory just allocated is read through this argument. */
#if defined(__has_attribute) && __has_attribute(access)
#define TEST_NOT_READ(argument) __attribute__((access(none, argument)))
#else
#define TEST_NOT_READ(argument)
#endif

struct test_value {
	enum { TEST_SIGNED, TEST_UNSIGNED, TEST_POINTER } kind;
	bool negative;
	uintmax_t bits; /* the value, or its two's complement where it is negative */
};

struct test_value test_value_signed(intmax_t v);
struct test_value test_value_unsigned(uintmax_t v);
struct test_value test_value_pointer(const volatile void *p) TEST_NOT_READ(1);

/* The conditional promotes small types and bit-fields to int; x itself is evaluated once. */
#define TEST_VALUE(x)                                      \
	_Generic((1 ? (x) : (x)), int                      \
		 : test_value_signed, long                 \
		 : test_value_signed, long long            \
		 : test_value_signed, unsigned int         \
		 : test_value_unsigned, unsigned long      \
		 : test_value_unsigned, unsigned long long \
		 : test_value_unsigned, default            \
		 : test_value_pointer)(x)

#define TEST_COMPARE(a, op, b, text_a, text_b) \
	test_check_compare(TEST_AT, op, TEST_VALUE(a), TEST_VALUE(b), text_a, text_b)

/* Each counts one check, and says so where it fails. */
bool test_check_compare(struct test_at at, enum test_op op, struct test_value a,
			struct test_value b, const char *text_a, const char *text_b);
bool test_check_true(struct test_at at, bool seen, bool expected, const char *text);
bool test_check_null(struct test_at at, const volatile void *seen, bool expected, const char *text)
	TEST_NOT_READ(2);
bool test_check_str(struct test_at at, const char *a, const char *b, bool expected,
		    const char *text_a, const char *text_b);
bool test_check_mem(struct test_at at, const void *a, const void *b, size_t len, const char *text_a,
		    const char *text_b);

/* Ends the test, after a failed ASSERT. */
void test_end(void) __attribute__((noreturn));

void test_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void test_log(struct test_at at, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
