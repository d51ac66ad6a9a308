/* SPDX-License-Identifier: MIT */
/* The parent's side: which tests there are, running each with a time limit, TAP. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/internal.h"

#define OUTPUT_MAX (64 * 1024) /* bytes shown of what one test printed: the last ones */

enum outcome { PASS, FAIL, SKIPPED };

static struct {
	bool list;
	const char *test, *fixture, *variant; /* shell patterns, NULL for all */
} options;

static unsigned int totals[3]; /* by outcome */

/* ---- registration: lists in the order of the source ----------------------------------------- */

struct test_fixture test_fixture_none = { .name = NULL };
struct test_result *test_result;

void test_register_fixture(struct test_fixture *f)
{
	struct test_fixture **at = &test_fixture_none.next;

	while (*at)
		at = &(*at)->next;
	*at = f;
}

void test_register_variant(struct test_fixture *f, struct test_variant *v)
{
	struct test_variant **at = &f->variants;

	while (*at)
		at = &(*at)->next;
	*at = v;
}

void test_register_case(struct test_fixture *f, struct test_case *c)
{
	struct test_case **at = &f->cases;

	while (*at)
		at = &(*at)->next;
	*at = c;
}

/* fixture.variant.test, less what there is not */
static void full_name(const struct test_run *run, char *out, size_t cap)
{
	bool v = run->variant != NULL, f = run->fixture->name != NULL;

	snprintf(out, cap, "%s%s%s%s%s", f ? run->fixture->name : "", f ? "." : "",
		 v ? run->variant->name : "", v ? "." : "", run->test->name);
}

static bool matches(const char *pattern, const char *name)
{
	return !pattern || (name && fnmatch(pattern, name, 0) == 0);
}

static bool selected(const struct test_run *run)
{
	char name[256];

	full_name(run, name, sizeof(name));
	return matches(options.fixture, run->fixture->name) &&
	       matches(options.variant, run->variant ? run->variant->name : NULL) &&
	       (matches(options.test, run->test->name) || matches(options.test, name));
}

/* Calls each for every selected test and variant; returns their number. */
static unsigned int for_each_run(void (*each)(const struct test_run *run, unsigned int number))
{
	unsigned int n = 0;

	for (struct test_fixture *f = &test_fixture_none; f; f = f->next) {
		struct test_variant *v = f->variants;

		do {
			for (struct test_case *c = f->cases; c; c = c->next) {
				struct test_run run = { f, v, c };

				if (selected(&run))
					each(&run, ++n);
			}
			v = v ? v->next : NULL;
		} while (v);
	}
	return n;
}

/* ---- one test ------------------------------------------------------------------------------- */

static void become_child(const struct test_run *run, int output, const sigset_t *mask)
	__attribute__((noreturn));

static void become_child(const struct test_run *run, int output, const sigset_t *mask)
{
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
		_exit(1);
	close(null);
	close(output);
	setvbuf(stdout, NULL, _IOLBF, 0);
	test_run_in_child(run);
}

static unsigned int timeout_of(const struct test_case *c)
{
	const char *factor = getenv("KTLS_TIMEOUT_FACTOR");
	unsigned long n = factor ? strtoul(factor, NULL, 10) : 1;

	return c->timeout * (unsigned int)(n > 0 && n < 1000 ? n : 1);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid != 0;
}

/* False when the time was up. A signal meant for us ends the test and then us. */
static bool wait_for(pid_t pid, unsigned int seconds, const sigset_t *signals)
{
	struct timespec now, end, left;
	int sig;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	while (!has_ended(pid)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		left.tv_sec = end.tv_sec - now.tv_sec - (end.tv_nsec < now.tv_nsec);
		left.tv_nsec = end.tv_nsec - now.tv_nsec;
		left.tv_nsec += left.tv_nsec < 0 ? 1000000000 : 0;
		if (left.tv_sec < 0)
			return false;
		sig = sigtimedwait(signals, NULL, &left);
		if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP) {
			kill(-pid, SIGKILL);
			_exit(128 + sig);
		}
	}
	return true;
}

static enum outcome judge(int status, bool in_time, const struct test_case *c)
{
	if (!in_time)
		printf("# timed out after %u s\n", timeout_of(c));
	else if (WIFSIGNALED(status))
		printf("# killed by SIG%s\n", sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		printf("# exited with status %d\n", WEXITSTATUS(status));
	else if (!atomic_load(&test_result->finished))
		printf("# exited before its end\n");
	else if (atomic_load(&test_result->failures) > 0)
		printf("# %u of %u checks failed\n", atomic_load(&test_result->failures),
		       atomic_load(&test_result->checks));
	else if (atomic_load(&test_result->skipped))
		return SKIPPED;
	else if (atomic_load(&test_result->checks) == 0)
		printf("# made no check\n");
	else
		return PASS;
	return FAIL;
}

/* What the test printed, as TAP comments, so that none of it can be taken for a result. */
static void show_output(int fd)
{
	FILE *f = fdopen(fd, "r");
	char *line = NULL;
	size_t cap = 0;

	if (!f)
		return;
	fseek(f, 0, SEEK_END);
	if (ftell(f) > OUTPUT_MAX) {
		printf("# [only the last %d bytes]\n", OUTPUT_MAX);
		fseek(f, -OUTPUT_MAX, SEEK_END);
	} else {
		rewind(f);
	}
	while (getline(&line, &cap, f) > 0)
		printf("# %s%s", line, strchr(line, '\n') ? "" : "\n");
	free(line);
	fclose(f);
}

static void report(const struct test_run *run, unsigned int number, enum outcome outcome)
{
	char name[256];

	full_name(run, name, sizeof(name));
	printf("%sok %u %s", outcome == FAIL ? "not " : "", number, name);
	if (outcome == SKIPPED)
		printf(" # SKIP %s", test_result->reason);
	putchar('\n');
	fflush(stdout);
	totals[outcome]++;
}

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

static void run_one(const struct test_run *run, unsigned int number)
{
	int output = memfd_create("output", MFD_CLOEXEC), status = 0;
	sigset_t signals, old;
	bool in_time;
	pid_t pid;

	if (output < 0)
		die("memfd_create");
	memset(test_result, 0, sizeof(*test_result));
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &old);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		become_child(run, output, &old);
	setpgid(pid, pid);
	in_time = wait_for(pid, timeout_of(run->test), &signals);
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	show_output(output);
	report(run, number, judge(status, in_time, run->test));
}

/* ---- the program ---------------------------------------------------------------------------- */

static void nothing(const struct test_run *run, unsigned int number)
{
	(void)run;
	(void)number;
}

static void print_name(const struct test_run *run, unsigned int number)
{
	char name[256];

	(void)number;
	full_name(run, name, sizeof(name));
	puts(name);
}

static void read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "lt:f:v:h")) != -1) {
		switch (c) {
		case 'l':
			options.list = true;
			break;
		case 't':
			options.test = optarg;
			break;
		case 'f':
			options.fixture = optarg;
			break;
		case 'v':
			options.variant = optarg;
			break;
		default:
			fprintf(c == 'h' ? stdout : stderr,
				"usage: %s [-l] [-t TEST] [-f FIXTURE] [-v VARIANT]\n"
				"  -l  list the tests; the others select by name or shell "
				"pattern,\n"
				"      -t also by fixture.variant.test\n",
				argv[0]);
			exit(c == 'h' ? 0 : 2);
		}
	}
}

int test_harness_main(int argc, char **argv)
{
	unsigned int n;

	read_options(argc, argv);
	if (options.list) {
		for_each_run(print_name);
		return 0;
	}
	n = for_each_run(nothing);
	if (n == 0) {
		fprintf(stderr, "no such test\n");
		return 2;
	}
	test_result = mmap(NULL, sizeof(*test_result), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (test_result == MAP_FAILED)
		die("mmap");
	printf("TAP version 13\n1..%u\n", n);
	fflush(stdout);
	for_each_run(run_one);
	printf("# Totals: pass:%u fail:%u skip:%u\n", totals[PASS], totals[FAIL], totals[SKIPPED]);
	return totals[FAIL] > 0;
}
