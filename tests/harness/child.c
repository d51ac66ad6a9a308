/* SPDX-License-Identifier: MIT */
/* One test in its own process: setup, body, teardown, and the way out. */
#include <stdlib.h>
#include <unistd.h>

#include "tests/harness/internal.h"

struct test_child test_child;

typedef void test_step(void *self, const void *variant);

/* False where an ASSERT ended the step. */
static bool run_step(test_step *step, void *self, const void *variant)
{
	jmp_buf failed;

	if (setjmp(failed) != 0) {
		test_child.failed = NULL;
		return false;
	}
	test_child.failed = &failed;
	step(self, variant);
	test_child.failed = NULL;
	return true;
}

/* A process that the test forked and that returned from the test's function ends here. */
static void leave_if_forked(void)
{
	if (getpid() == test_child.pid)
		return;
	fflush(NULL);
	_exit(0);
}

static void run_steps(const struct test_run *run, void *self)
{
	const struct test_fixture *f = run->fixture;
	const void *variant = run->variant ? run->variant->data : NULL;

	if (f->setup && !run_step(f->setup, self, variant))
		return;
	leave_if_forked();
	if (atomic_load(&test_result->skipped))
		return;
	run_step(run->test->run, self, variant);
	leave_if_forked();
	if (f->teardown)
		run_step(f->teardown, self, variant);
	leave_if_forked();
}

void test_run_in_child(const struct test_run *run)
{
	void *self = calloc(1, run->test->self_size + 1);

	if (!self)
		abort();
	test_child.pid = getpid();
	run_steps(run, self);
	free(self);
	fflush(NULL);
	atomic_store(&test_result->finished, true);
	exit(0); /* not _exit: leaks are looked for at exit */
}
