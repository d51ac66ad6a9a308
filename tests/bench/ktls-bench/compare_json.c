/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/compare.h"
#include "tests/bench/ktls-bench/result_pieces.h"

static json_t *estimate_json(const struct estimate *e)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:I}", "median", e->median, "low", e->low, "high",
			 e->high, "confidence", estimate_confidence(e->n), "rounds",
			 (json_int_t)e->n);
}

static json_t *metric_json(const void *at)
{
	static const char *const words[COMPARE_VERDICTS] = {
		[COMPARE_WITHIN] = "within",
		[COMPARE_BETTER] = "better",
		[COMPARE_WORSE] = "worse",
		[COMPARE_UNKNOWN] = "unknown",
	};
	const struct compare_metric *m = at;
	const struct metric_about *about = metric_about(m->metric);

	return json_pack("{s:s, s:s, s:o, s:o, s:f, s:s}", "name", about->name, "unit", about->unit,
			 "a", estimate_json(&m->a), "b", estimate_json(&m->b), "ratio",
			 m->b.median / m->a.median, "verdict", words[m->verdict]);
}

/* The members that say which cell it is; why one has no rounds is in not_compared. */
static json_t *cell_json(const void *at)
{
	const struct compare_cell *c = at;
	json_t *object = pieces_object(result_cell_fields, c->a ? c->a : c->b);

	if (object)
		(void)json_object_del(object, "missing");
	object = pieces_with(object, "not_compared", json_string(c->why_not ? c->why_not : ""));
	return pieces_with(
		object, "metrics",
		pieces_array(c->metrics, c->metrics_len, sizeof(*c->metrics), metric_json));
}

static json_t *difference_json(const void *at)
{
	const struct compare_difference *d = at;
	const char *of = d->end == RESULT_ENDS ? "parameters" : result_end_words[d->end];

	return json_pack("{s:s, s:s, s:o, s:o}", "of", of, "name", d->field->name, "a",
			 pieces_value(d->field, d->a), "b", pieces_value(d->field, d->b));
}

static json_t *run_json(const struct result_run *run)
{
	return json_pack("{s:s, s:s, s:s}", "date", run->date, "title", run->title, "command",
			 run->parameters.command);
}

static json_t *head_json(const struct comparison *c)
{
	static const char *const words[] = { "same", "differs", "refused" };

	return json_pack("{s:s, s:i, s:s, s:s, s:o, s:o, s:I, s:I}", "format", COMPARE_FORMAT,
			 "version", COMPARE_VERSION, "status", words[c->status], "refusal",
			 c->refusal ? c->refusal : "", "a", run_json(c->a), "b", run_json(c->b),
			 "compared", (json_int_t)c->compared, "differing",
			 (json_int_t)c->differing);
}

int comparison_json(const struct comparison *c, FILE *out)
{
	json_t *root = pieces_with(head_json(c), "differences",
				   pieces_array(c->differences, c->differences_len,
						sizeof(*c->differences), difference_json));

	root = pieces_with(root, "cells",
			   pieces_array(c->cells, c->cells_len, sizeof(*c->cells), cell_json));
	return pieces_dump(root, out);
}
