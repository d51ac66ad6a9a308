/* SPDX-License-Identifier: MIT */
/*
 * What the ends of ktls-bench say to each other: a byte for the message, then its bytes. What is
 * taken comes out of the writer as it went in.
 */
#include "tests/bench/ktls-bench/message.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

static uint8_t bytes[MESSAGE_MAX + 4096];

static void same(const struct writer *w, const uint8_t *data, size_t size)
{
	FUZZ_CHECK(writer_ok(w) && w->len == size && memcmp(w->buf, data, size) == 0);
}

static void plan(struct reader *r, struct writer *w, const uint8_t *data, size_t size)
{
	struct plan p;

	if (!plan_read(r, &p))
		return;
	FUZZ_CHECK(!plan_check(&p));
	plan_write(w, &p);
	same(w, data, size);
}

static void outcome(struct reader *r, struct writer *w, const uint8_t *data, size_t size)
{
	struct outcome o;

	if (!outcome_read(r, &o))
		return;
	outcome_write(w, &o);
	same(w, data, size);
	outcome_wipe(&o);
}

/* Its load is a rounded number: the rest is compared by the names that it has. */
static void greeting(struct reader *r, struct writer *w)
{
	static struct greeting g, again;
	struct reader second;

	if (!greeting_read(r, &g))
		return;
	greeting_write(w, &g);
	reader_init(&second, bytes, w->len);
	FUZZ_CHECK(writer_ok(w) && greeting_read(&second, &again));
	FUZZ_CHECK(strcmp(g.name, again.name) == 0 && strcmp(g.trust, again.trust) == 0);
}

static void small(struct reader *r)
{
	struct reader again = *r, third = *r;
	char text[RESULT_LINE];
	struct hello hello;
	struct ready ready;

	if (hello_read(r, &hello))
		FUZZ_CHECK(reader_empty(r));
	if (ready_read(&again, &ready))
		FUZZ_CHECK(ready.port != 0);
	if (failed_read(&third, text))
		FUZZ_CHECK(strlen(text) < sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r;
	struct writer w;
	uint8_t kind;

	reader_init(&r, data, size);
	writer_init(&w, bytes, sizeof(bytes));
	if (size > MESSAGE_MAX || !reader_u8(&r, &kind))
		return 0;
	switch (kind % 4) {
	case 0:
		plan(&r, &w, data + 1, size - 1);
		break;
	case 1:
		outcome(&r, &w, data + 1, size - 1);
		break;
	case 2:
		greeting(&r, &w);
		break;
	default:
		small(&r);
	}
	return 0;
}
