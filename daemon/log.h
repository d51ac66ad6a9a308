/* SPDX-License-Identifier: MIT */
/*
 * Log lines of all roles, to standard error: one line, one write(2). Under the journal each begins
 * with its priority as "<N>" (sd-daemon(3)). Never a secret; text that came from elsewhere is made
 * printable here.
 *
 * A reader of standard error that has stopped reading does not hold the daemon: lines are dropped
 * then, and their number is told once there is room again.
 */
#ifndef KTLSD_LOG_H
#define KTLSD_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h> /* LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO */

#define LOG_LINE_MAX 1024 /* bytes; what is longer is cut */

enum log_target {
	LOG_TARGET_AUTO, /* the journal if standard error is its socket ($JOURNAL_STREAM) */
	LOG_TARGET_STDERR,
	LOG_TARGET_JOURNAL,
};

/* Each line says who wrote it: "worker 2", kept by reference. May be called again. */
void log_init(const char *who, enum log_target target);

/* Whether lines carry priorities: what a new process is to be told. */
bool log_to_journal(void);

void log_message(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* At most burst lines of one kind every 10 seconds; the next one tells how many were left out. */
struct log_limit {
	unsigned int burst;
	unsigned int count;   /* in this window */
	unsigned int dropped; /* since the last line */
	uint64_t window;      /* end of the window, CLOCK_MONOTONIC milliseconds */
};

void log_limited(struct log_limit *limit, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
