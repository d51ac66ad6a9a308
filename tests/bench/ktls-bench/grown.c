/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/grown.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool same(const struct result_counter *a, const struct result_counter *b)
{
	return a->end == b->end && a->source == b->source && strcmp(a->name, b->name) == 0;
}

static void add(struct counters *c, const struct result_counter *counter, size_t row)
{
	size_t i = 0;

	while (i < c->len && !same(c->which[i], counter))
		i++;
	if (i == COUNTERS_SHOWN)
		return;
	if (i == c->len)
		c->which[c->len++] = counter;
	c->values[i * c->rows + row] += counter->value;
}

struct counters *counters_new(const struct rows *rows)
{
	struct counters *c = calloc(1, sizeof(*c));

	if (c)
		c->values = calloc(COUNTERS_SHOWN * rows->len, sizeof(*c->values));
	if (!c || !c->values) {
		free(c);
		return NULL;
	}
	c->rows = rows->len;
	for (size_t row = 0; row < rows->len; row++) {
		const struct result_cell *cell = rows->rows[row].cell;

		for (size_t i = 0; i < cell->rounds_len; i++)
			for (size_t k = 0; k < cell->rounds[i].counters_len; k++)
				add(c, &cell->rounds[i].counters[k], row);
	}
	return c;
}

void counters_free(struct counters *c)
{
	if (!c)
		return;
	free(c->values);
	free(c);
}

bool counters_any(const struct counters *c, size_t row)
{
	for (size_t i = 0; i < c->len; i++)
		if (c->values[i * c->rows + row] > 0)
			return true;
	return false;
}

void counters_name(char *out, size_t size, const struct counters *c, size_t i)
{
	const struct result_counter *counter = c->which[i];

	snprintf(out, size, "%s's %s%s", counter->end == RESULT_SERVER ? "server" : "client",
		 counter->name, counter->source == RESULT_ETHTOOL ? " (ethtool)" : "");
}

void counters_value(char *out, size_t size, const struct counters *c, size_t i, size_t row)
{
	snprintf(out, size, "%" PRIu64, c->values[i * c->rows + row]);
}
