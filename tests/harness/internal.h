/* SPDX-License-Identifier: MIT */
/* What the harness's own files share: the result of the running test, and how a child ends it. */
#ifndef KTLS_TESTS_HARNESS_INTERNAL_H
#define KTLS_TESTS_HARNESS_INTERNAL_H

#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "tests/harness/harness.h"

/* In memory shared by the parent, the test's child and all that this starts. */
struct test_result {
	atomic_uint checks;
	atomic_uint failures;
	atomic_bool skipped;
	atomic_bool finished; /* the child came to the end of its test */
	char reason[256];     /* of the skip */
};

extern struct test_result *test_result;

struct test_child {
	pid_t pid;       /* 0 in the parent */
	jmp_buf *failed; /* where a failed ASSERT goes */
};

extern struct test_child test_child;

struct test_run {
	const struct test_fixture *fixture;
	const struct test_variant *variant; /* NULL where the fixture has none */
	const struct test_case *test;
};

/* Runs setup, test and teardown, and ends the calling process. */
void test_run_in_child(const struct test_run *run) __attribute__((noreturn));

#endif
