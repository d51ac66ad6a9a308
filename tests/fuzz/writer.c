/* SPDX-License-Identifier: MIT */
/*
 * The writer, beside a plain model of it: an array without end, and "too much" decided when all is
 * written. Input: the size of the memory, in two bytes, then steps of one byte: the low half
 * chooses the function, the high half is a value or a length.
 *
 * What must hold: both agree on whether everything fitted and, if so, on every byte; nothing is
 * written behind the memory.
 */
#include <stdbool.h>
#include <string.h>

#include "lib/wire/writer.h"
#include "tests/fuzz/fuzz.h"

#define DEPTH     8
#define STEP_MAX  4200 /* bytes that one step can write */
#define STEPS_MAX 64
#define GUARD     32

enum step { U8, U16, U24, U32, U64, BYTES, MANY, SPACE, VEC8, VEC16, VEC24, CLOSE, STEPS };

struct model {
	uint8_t bytes[STEP_MAX * STEPS_MAX];
	size_t len;
	bool too_much; /* a value or a vector that is too long for its width */
};

struct state {
	struct writer w;
	struct model *m;
	struct writer_vec open[DEPTH];
	size_t at[DEPTH]; /* of the model's prefixes */
	size_t depth;
};

static uint8_t filler[STEP_MAX];

static void model_uint(struct model *m, size_t at, size_t width, uint64_t v)
{
	for (size_t i = 0; i < width; i++)
		m->bytes[at + i] = (uint8_t)(v >> (8 * (width - 1 - i)));
}

static void model_put(struct model *m, size_t width, uint64_t v)
{
	model_uint(m, m->len, width, v);
	m->len += width;
}

static void put_number(struct state *s, enum step step, uint64_t high)
{
	static const size_t width[] = { [U8] = 1, [U16] = 2, [U24] = 3, [U32] = 4, [U64] = 8 };
	uint64_t v = 0x0102030405060708 * (high + 1);

	if (step == U8)
		writer_u8(&s->w, (uint8_t)v);
	else if (step == U16)
		writer_u16(&s->w, (uint16_t)v);
	else if (step == U24)
		writer_u24(&s->w, (uint32_t)v & (high == 15 ? 0xffffffff : 0xffffff));
	else if (step == U32)
		writer_u32(&s->w, (uint32_t)v);
	else
		writer_u64(&s->w, v);
	if (step == U24 && high == 15)
		s->m->too_much |= ((uint32_t)v >> 24) != 0;
	model_put(s->m, width[step], v);
}

static void put_bytes(struct state *s, enum step step, size_t len)
{
	uint8_t *p;

	if (step == SPACE) {
		p = writer_space(&s->w, len);
		if (p)
			memcpy(p, filler, len);
	} else {
		writer_bytes(&s->w, filler, len);
	}
	memcpy(s->m->bytes + s->m->len, filler, len);
	s->m->len += len;
}

static void open_vec(struct state *s, size_t width)
{
	if (s->depth == DEPTH)
		return;
	s->open[s->depth] = writer_open(&s->w, (uint8_t)width);
	s->at[s->depth++] = s->m->len;
	model_put(s->m, width, 0);
}

static void close_vec(struct state *s)
{
	struct writer_vec vec;
	size_t len, at;

	if (s->depth == 0)
		return;
	vec = s->open[--s->depth];
	at = s->at[s->depth];
	len = s->m->len - at - vec.width;
	writer_close(&s->w, vec);
	s->m->too_much |= len >= (size_t)1 << (8 * vec.width);
	model_uint(s->m, at, vec.width, len);
}

static void take_step(struct state *s, enum step step, size_t high)
{
	const struct writer before = s->w;

	if (step <= U64)
		put_number(s, step, high);
	else if (step == MANY)
		put_bytes(s, step, high * 280);
	else if (step <= SPACE)
		put_bytes(s, step, high);
	else if (step <= VEC24)
		open_vec(s, (size_t)step - VEC8 + 1);
	else
		close_vec(s);
	if (!writer_ok(&before))
		FUZZ_CHECK(!writer_ok(&s->w) && s->w.len == before.len);
}

static void check(const struct state *s, const uint8_t *buf, size_t cap)
{
	FUZZ_CHECK(s->w.cap == cap && s->w.len <= cap);
	FUZZ_CHECK(writer_ok(&s->w) == (!s->m->too_much && s->m->len <= cap));
	for (size_t i = 0; i < GUARD; i++)
		FUZZ_CHECK(buf[cap + i] == 0xcc);
	if (writer_ok(&s->w)) {
		FUZZ_CHECK(s->w.len == s->m->len);
		FUZZ_CHECK(s->w.len == 0 || memcmp(buf, s->m->bytes, s->w.len) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model model;
	struct state s = { .m = &model };
	size_t cap;
	uint8_t *buf;

	if (size < 2)
		return 0;
	cap = (size_t)data[0] << 8 | data[1];
	buf = malloc(cap + GUARD);
	FUZZ_CHECK(buf);
	memset(buf, 0xcc, cap + GUARD);
	memset(filler, 0x77, sizeof(filler));
	model.len = 0;
	model.too_much = false;
	writer_init(&s.w, buf, cap);
	for (size_t i = 2; i < size && i < 2 + STEPS_MAX; i++)
		take_step(&s, (enum step)((data[i] & 15) % STEPS), data[i] >> 4);
	while (s.depth > 0)
		close_vec(&s);
	check(&s, buf, cap);
	free(buf);
	return 0;
}
