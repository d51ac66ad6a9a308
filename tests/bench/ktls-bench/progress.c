/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/bench/ktls-bench/clocks.h"

static double seconds(void)
{
	return (double)wall_now() / 1e9;
}

void progress_begin(struct progress *p, bool quiet, unsigned int rounds)
{
	*p = (struct progress){
		.quiet = quiet, .terminal = isatty(STDERR_FILENO), .all = rounds, .began = seconds()
	};
}

void progress_end(struct progress *p)
{
	if (!p->quiet && p->terminal)
		fputs("\r\033[K", stderr);
}

void progress_line(struct progress *p, const char *format, ...)
{
	va_list args;

	if (p->quiet)
		return;
	progress_end(p);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

void progress_round(struct progress *p, const char *format, ...)
{
	const double passed = seconds() - p->began;
	va_list args;

	p->done++;
	if (p->quiet || !p->terminal)
		return;
	fprintf(stderr, "\r\033[K[%u/%u", p->done, p->all);
	if (p->done > 1 && p->all >= p->done)
		fprintf(stderr, ", %.0f s left", passed / (p->done - 1) * (p->all - p->done + 1));
	fputs("] ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fflush(stderr);
}
