/* SPDX-License-Identifier: MIT */
#include "daemon/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/clock.h"

#define WINDOW_MS 10000

static const char *log_who = "ktlsd";
static bool log_journal;
static atomic_uint log_lost; /* lines that nobody was there to take */

/* $JOURNAL_STREAM is "device:inode" of the socket that the journal gave us as standard error. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char mine[64];

	if (!stream || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, mine) == 0;
}

void log_init(const char *who, enum log_target target)
{
	log_who = who;
	log_journal =
		target == LOG_TARGET_JOURNAL || (target == LOG_TARGET_AUTO && stderr_is_journal());
}

bool log_to_journal(void)
{
	return log_journal;
}

/* One line stays one line, and a terminal that shows it is not driven by it. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

/*
 * O_NONBLOCK belongs to the open file that others share, so the room is asked for before the write:
 * a pipe or socket that polls writable takes a line of this length without blocking.
 */
static bool put(const char *line, size_t len)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t n;

	if (poll(&p, 1, 0) != 1)
		return false;
	do
		n = write(STDERR_FILENO, line, len);
	while (n < 0 && errno == EINTR);
	return n >= 0;
}

static void put_text(int priority, const char *text)
{
	char line[LOG_LINE_MAX];
	int n;

	if (log_journal)
		n = snprintf(line, sizeof(line), "<%d>%s: %s\n", priority, log_who, text);
	else
		n = snprintf(line, sizeof(line), "%s: %s\n", log_who, text);
	if (n >= (int)sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	if (!put(line, (size_t)n))
		atomic_fetch_add(&log_lost, 1);
}

static void put_formatted(int priority, const char *format, va_list args)
{
	char text[LOG_LINE_MAX];
	unsigned int lost = atomic_exchange(&log_lost, 0);

	if (lost > 0) {
		snprintf(text, sizeof(text), "%u log lines lost: nobody was reading", lost);
		put_text(LOG_WARNING, text);
		if (atomic_load(&log_lost) > 0) { /* still nobody: one more, this very line */
			atomic_fetch_add(&log_lost, lost);
			return;
		}
	}
	vsnprintf(text, sizeof(text), format, args);
	make_printable(text);
	put_text(priority, text);
}

void log_message(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_formatted(priority, format, args);
	va_end(args);
}

void log_limited(struct log_limit *limit, int priority, const char *format, ...)
{
	uint64_t now = clock_ms();
	va_list args;

	if (now >= limit->window) {
		if (limit->dropped > 0)
			log_message(priority, "%u more lines like the next left out",
				    limit->dropped);
		*limit = (struct log_limit){ .burst = limit->burst, .window = now + WINDOW_MS };
	}
	if (limit->count >= limit->burst) {
		limit->dropped++;
		return;
	}
	limit->count++;
	va_start(args, format);
	put_formatted(priority, format, args);
	va_end(args);
}
