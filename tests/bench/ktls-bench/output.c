/* SPDX-License-Identifier: MIT */
/* Reports: of the run that has just ended, and of one in a file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/ktls-bench/commands.h"
#include "tests/bench/ktls-bench/compare.h"
#include "tests/bench/ktls-bench/report.h"
#include "tests/bench/ktls-bench/result_json.h"

static int json(const void *run, FILE *out)
{
	return result_json_write(run, out);
}

static int html(const void *run, FILE *out)
{
	report_html(run, out);
	return ferror(out) ? -EIO : 0;
}

static int json_of_two(const void *comparison, FILE *out)
{
	return comparison_json(comparison, out);
}

static bool is_stdout(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

static int write_to(const char *path, const void *what, int (*write)(const void *, FILE *))
{
	FILE *file = is_stdout(path) ? stdout : fopen(path, "we");
	int r = file ? write(what, file) : -errno;

	if (file && file != stdout && fclose(file) != 0 && r == 0)
		r = -errno;
	if (r < 0)
		fprintf(stderr, "ktls-bench: %s: %s\n", path, strerror(-r));
	return r < 0;
}

int output(const struct options *o, const struct result_run *run)
{
	int status = 0;

	if (!is_stdout(o->json) && !is_stdout(o->html))
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

static enum compare_status compare(const struct options *o, const struct result_run *a,
				   const struct result_run *b)
{
	struct comparison *c = comparison_new(a, b);
	enum compare_status status = c ? c->status : COMPARE_REFUSED;

	if (!c) {
		fprintf(stderr, "ktls-bench: out of memory\n");
		return status;
	}
	if (!is_stdout(o->json))
		comparison_text(c, stdout);
	if (o->json && write_to(o->json, c, json_of_two) != 0)
		status = COMPARE_REFUSED;
	comparison_free(c);
	return status;
}

int command_compare(const struct options *o)
{
	enum compare_status status = COMPARE_REFUSED;
	char why[RESULT_LINE];
	struct result_run *a = result_json_load(o->files[0], why),
			  *b = a ? result_json_load(o->files[1], why) : NULL;

	if (a && b)
		status = compare(o, a, b);
	else
		fprintf(stderr, "ktls-bench: %s\n", why);
	result_run_free(a);
	result_run_free(b);
	return (int)status;
}
