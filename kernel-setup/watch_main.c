/* SPDX-License-Identifier: MIT */
/* "ktls-setup offload show --watch": samples at intervals, until a signal or a number of them. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel-setup/files.h"
#include "kernel-setup/refusal.h"
#include "kernel-setup/watch.h"

enum { EXIT_DONE = 0, EXIT_NOT_DONE = 1, EXIT_NO_OUTPUT = 2 };

#define INTERVAL_DEFAULT 1000 /* milliseconds */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* Without the module its file is not there, which is a finding and no error. */
static void read_counters(struct watch_sample *out)
{
	char *text;

	if (file_read("/proc/net/tls_stat", &text) == 0) {
		watch_parse_tls(text, out);
		free(text);
	}
	if (file_read("/proc/net/snmp", &text) == 0) {
		watch_parse_snmp(text, out);
		free(text);
	}
}

static int take(struct netlink *nl, const char *name, const struct options *o,
		struct watch_sample *out)
{
	int ret;

	*out = (struct watch_sample){ .ns = now_ns(), .only = name };
	read_counters(out);
	ret = offload_look(nl, &out->report);
	if (ret < 0)
		return -refuse(o, REFUSAL_SYSTEM, "devices: %s", strerror(-ret));
	return 0;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* They come only where they are waited for, so none is lost between two waits. */
static void block_signals(sigset_t *out)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction now;

	sigemptyset(out);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		/* Those that are ignored stay so: nohup(1). */
		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(out, ends[i]);
	}
	sigprocmask(SIG_BLOCK, out, NULL);
	/* Whoever reads has gone: that is told by what is written. */
	signal(SIGPIPE, SIG_IGN);
}

/* False where a signal came. */
static bool wait_until(const sigset_t *signals, uint64_t ns)
{
	for (;;) {
		uint64_t now = now_ns();
		uint64_t left = now < ns ? ns - now : 0;
		struct timespec t = { .tv_sec = (time_t)(left / 1000000000U),
				      .tv_nsec = (long)(left % 1000000000U) };

		if (sigtimedwait(signals, NULL, &t) > 0)
			return false;
		if (errno == EAGAIN)
			return true;
	}
}

/* ---- printing -------------------------------------------------------------------------------- */

static int print(const struct watch_sample *before, const struct watch_sample *now, bool json)
{
	static bool more;

	if (json)
		watch_json(before, now, stdout);
	else if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[J", stdout);
	else if (more)
		fputc('\n', stdout);
	if (!json)
		watch_text(before, now, stdout);
	more = true;
	return fflush(stdout) == 0 ? 0 : -errno;
}

static int end(int error)
{
	if (error == 0 || error == -EPIPE)
		return EXIT_DONE;
	fprintf(stderr, "ktls-setup: standard output: %s\n", strerror(-error));
	return EXIT_NO_OUTPUT;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int watch(struct netlink *nl, struct watch_sample *before, const sigset_t *signals,
		 const struct options *o)
{
	uint64_t interval = (uint64_t)(option(o, OPTION_INTERVAL) ? o->interval : INTERVAL_DEFAULT);
	uint64_t next = before->ns + interval * 1000000U;
	struct watch_sample now;
	int ret = 0;

	for (long n = 0; (!option(o, OPTION_COUNT) || n < o->count) && ret == 0; n++) {
		if (!wait_until(signals, next))
			return EXIT_DONE;
		if (take(nl, before->only, o, &now) < 0)
			return EXIT_NOT_DONE;
		ret = print(before, &now, option(o, OPTION_JSON));
		offload_wipe(&before->report);
		*before = now;
		next += interval * 1000000U;
	}
	return end(ret);
}

int watch_main(struct netlink *nl, const char *name, const struct options *o)
{
	struct watch_sample before;
	sigset_t signals;
	int status;

	block_signals(&signals);
	if (take(nl, name, o, &before) < 0)
		return EXIT_NOT_DONE;
	if (name && !offload_find(&before.report, name))
		status = refuse_device(o, name);
	else
		status = watch(nl, &before, &signals, o);
	offload_wipe(&before.report);
	return status;
}
