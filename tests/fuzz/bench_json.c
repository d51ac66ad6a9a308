/* SPDX-License-Identifier: MIT */
/* A result of ktls-bench from somewhere: read, reported in every way, written, and read again. */
#include <string.h>

#include "tests/bench/ktls-bench/compare.h"
#include "tests/bench/ktls-bench/report.h"
#include "tests/bench/ktls-bench/result_json.h"
#include "tests/bench/ktls-bench/warnings.h"
#include "tests/fuzz/fuzz.h"

struct output {
	FILE *file;
	char *text;
	size_t len;
};

static void output_open(struct output *o)
{
	o->file = open_memstream(&o->text, &o->len);
	FUZZ_CHECK(o->file != NULL);
}

static void output_check(struct output *o, int utf8)
{
	FUZZ_CHECK(fclose(o->file) == 0);
	for (size_t i = 0; i < o->len; i++)
		FUZZ_CHECK(o->text[i] == '\n' || (o->text[i] >= 0x20 && o->text[i] < 0x7f) ||
			   (utf8 && (o->text[i] & 0x80)));
}

static void compare(const struct result_run *run)
{
	struct comparison *c = comparison_new(run, run);
	struct output o;

	FUZZ_CHECK(c != NULL);
	output_open(&o);
	comparison_text(c, o.file);
	output_check(&o, 0);
	free(o.text);
	output_open(&o);
	FUZZ_CHECK(comparison_json(c, o.file) == 0);
	output_check(&o, 0);
	free(o.text);
	comparison_free(c);
}

static void report(struct result_run *run)
{
	struct output o;

	output_open(&o);
	report_text(run, 0, o.file);
	report_text(run, 60, o.file);
	output_check(&o, 0);
	free(o.text);
	output_open(&o);
	report_html(run, o.file);
	output_check(&o, 1);
	FUZZ_CHECK(!strstr(o.text, "<script"));
	free(o.text);
}

static void round_trip(const struct result_run *run)
{
	struct output o, again;
	char why[RESULT_LINE];
	struct result_run *copy;

	output_open(&o);
	FUZZ_CHECK(result_json_write(run, o.file) == 0);
	output_check(&o, 0);
	copy = result_json_read(o.text, o.len, why);
	FUZZ_CHECK(copy != NULL);
	output_open(&again);
	FUZZ_CHECK(result_json_write(copy, again.file) == 0);
	output_check(&again, 0);
	FUZZ_CHECK(o.len == again.len && memcmp(o.text, again.text, o.len) == 0);
	result_run_free(copy);
	free(o.text);
	free(again.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[RESULT_LINE];
	struct result_run *run = result_json_read((const char *)data, size, why);

	if (!run) {
		FUZZ_CHECK(why[0] != '\0');
		return 0;
	}
	round_trip(run);
	compare(run);
	report(run);
	warnings_add(run);
	report(run);
	result_run_free(run);
	return 0;
}
