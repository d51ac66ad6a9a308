/* SPDX-License-Identifier: MIT */
/* Reports: of the run that has just ended, and of one in a file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/ktls-bench/commands.h"
#include "tests/bench/ktls-bench/report.h"
#include "tests/bench/ktls-bench/result_json.h"

static int json(const struct result_run *run, FILE *out)
{
	return result_json_write(run, out);
}

static int html(const struct result_run *run, FILE *out)
{
	report_html(run, out);
	return ferror(out) ? -EIO : 0;
}

/* "-" is stdout. */
static int write_to(const char *path, const struct result_run *run,
		    int (*write)(const struct result_run *, FILE *))
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	int r = file ? write(run, file) : -errno;

	if (file && file != stdout && fclose(file) != 0 && r == 0)
		r = -errno;
	if (r < 0)
		fprintf(stderr, "ktls-bench: %s: %s\n", path, strerror(-r));
	return r < 0;
}

int output(const struct options *o, const struct result_run *run)
{
	const bool takes_stdout =
		(o->json && strcmp(o->json, "-") == 0) || (o->html && strcmp(o->html, "-") == 0);
	int status = 0;

	if (!takes_stdout)
		report_text(run, report_width(stdout), stdout);
	if (o->json)
		status |= write_to(o->json, run, json);
	if (o->html)
		status |= write_to(o->html, run, html);
	return status;
}

int command_show(const struct options *o)
{
	char why[RESULT_LINE];
	struct result_run *run = result_json_load(o->files[0], why);
	int status;

	if (!run) {
		fprintf(stderr, "ktls-bench: %s\n", why);
		return 1;
	}
	status = output(o, run);
	result_run_free(run);
	return status;
}

int command_compare(const struct options *o)
{
	return (int)compare_files(o->files[0], o->files[1], stdout, stderr);
}
