/* SPDX-License-Identifier: MIT */
/* The checks: compare, count, and say what differs. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/harness/internal.h"

/* Not in the test's own thread there is nowhere to jump to: the process ends, the count remains. */
void test_end(void)
{
	if (getpid() == test_child.pid && gettid() == test_child.pid && test_child.failed)
		longjmp(*test_child.failed, 1);
	fflush(NULL);
	_exit(1);
}

static void count(bool ok)
{
	atomic_fetch_add(&test_result->checks, 1);
	if (!ok)
		atomic_fetch_add(&test_result->failures, 1);
}

struct test_value test_value_signed(intmax_t v)
{
	return (struct test_value){ TEST_SIGNED, v < 0, (uintmax_t)v };
}

struct test_value test_value_unsigned(uintmax_t v)
{
	return (struct test_value){ TEST_UNSIGNED, false, v };
}

struct test_value test_value_pointer(const volatile void *p)
{
	return (struct test_value){ TEST_POINTER, false, (uintptr_t)p };
}

/* Less than, equal or greater: -1, 0, 1. Two's complement keeps the order among negatives. */
static int order(struct test_value a, struct test_value b)
{
	if (a.negative != b.negative)
		return a.negative ? -1 : 1;
	return (a.bits > b.bits) - (a.bits < b.bits);
}

static bool holds(enum test_op op, int o)
{
	switch (op) {
	case TEST_EQ:
		return o == 0;
	case TEST_NE:
		return o != 0;
	case TEST_LT:
		return o < 0;
	case TEST_LE:
		return o <= 0;
	case TEST_GT:
		return o > 0;
	case TEST_GE:
		return o >= 0;
	}
	abort();
}

static void print_value(struct test_value v)
{
	if (v.kind == TEST_POINTER)
		fprintf(stderr, "0x%" PRIxMAX, v.bits);
	else if (v.kind == TEST_SIGNED)
		fprintf(stderr, "%" PRIdMAX, (intmax_t)v.bits);
	else
		fprintf(stderr, "%" PRIuMAX, v.bits);
	if (v.kind != TEST_POINTER && !v.negative && v.bits > 9)
		fprintf(stderr, " = 0x%" PRIxMAX, v.bits);
}

bool test_check_compare(struct test_at at, enum test_op op, struct test_value a,
			struct test_value b, const char *text_a, const char *text_b)
{
	static const char *const sign[] = { "==", "!=", "<", "<=", ">", ">=" };
	bool ok = holds(op, order(a, b));

	count(ok);
	if (ok)
		return true;
	fprintf(stderr, "%s:%d: expected %s (", at.file, at.line, text_a);
	print_value(a);
	fprintf(stderr, ") %s %s (", sign[op], text_b);
	print_value(b);
	fputs(")\n", stderr);
	return false;
}

bool test_check_true(struct test_at at, bool seen, bool expected, const char *text)
{
	count(seen == expected);
	if (seen == expected)
		return true;
	fprintf(stderr, "%s:%d: expected %s to be %s\n", at.file, at.line, text,
		expected ? "true" : "false");
	return false;
}

bool test_check_null(struct test_at at, const volatile void *seen, bool expected, const char *text)
{
	bool ok = (seen == NULL) == expected;

	count(ok);
	if (ok)
		return true;
	fprintf(stderr, "%s:%d: expected %s (0x%" PRIxPTR ") %s NULL\n", at.file, at.line, text,
		(uintptr_t)seen, expected ? "to be" : "not to be");
	return false;
}

static void print_str(const char *s)
{
	if (s)
		fprintf(stderr, "\"%s\"", s);
	else
		fputs("NULL", stderr);
}

bool test_check_str(struct test_at at, const char *a, const char *b, bool expected,
		    const char *text_a, const char *text_b)
{
	bool same = a && b ? strcmp(a, b) == 0 : a == b;

	count(same == expected);
	if (same == expected)
		return true;
	fprintf(stderr, "%s:%d: expected %s (", at.file, at.line, text_a);
	print_str(a);
	fprintf(stderr, ") %s %s (", expected ? "==" : "!=", text_b);
	print_str(b);
	fputs(")\n", stderr);
	return false;
}

/* 32 bytes a line, from the line before the one that holds the first difference. */
static void print_mem(const char *text, const uint8_t *p, size_t len, size_t first)
{
	const size_t width = 32, lines = 6;
	size_t from = first / width * width;

	from -= from > 0 ? width : 0;
	fprintf(stderr, "  %s:\n", text);
	for (size_t i = from; i < len && i < from + lines * width; i++) {
		if (i % width == 0)
			fprintf(stderr, "    %06zx ", i);
		fprintf(stderr, "%s%02x", i == first ? ">" : i % 8 == 0 ? " " : "", p[i]);
		if (i % width == width - 1 || i == len - 1)
			fputc('\n', stderr);
	}
}

bool test_check_mem(struct test_at at, const void *a, const void *b, size_t len, const char *text_a,
		    const char *text_b)
{
	const uint8_t *p = a, *q = b;
	size_t first = 0;

	while (first < len && p && q && p[first] == q[first])
		first++;
	count(first == len);
	if (first == len)
		return true;
	fprintf(stderr, "%s:%d: expected %s == %s, %zu bytes, first difference at %zu\n", at.file,
		at.line, text_a, text_b, len, first);
	if (p)
		print_mem(text_a, p, len, first);
	if (q)
		print_mem(text_b, q, len, first);
	return false;
}

void test_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(test_result->reason, sizeof(test_result->reason), fmt, ap);
	va_end(ap);
	for (char *p = test_result->reason; *p; p++)
		if (*p == '\n')
			*p = ' ';
	atomic_store(&test_result->skipped, true);
}

void test_log(struct test_at at, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", at.file, at.line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}
