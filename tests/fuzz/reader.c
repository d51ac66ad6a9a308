/* SPDX-License-Identifier: MIT */
/*
 * The reader. Input: number of steps, one byte a step, then what is read. A step's low half chooses
 * the function; its high half, the length where one is asked for. A child that a step makes is read
 * next, until it is empty or a step says to go back.
 *
 * What must hold: a step that succeeds moves the cursor by what it says and stays inside the
 * reader; one that fails changes nothing.
 */
#include <stdbool.h>
#include <string.h>

#include "lib/wire/reader.h"
#include "tests/fuzz/fuzz.h"

#define DEPTH 8

struct outputs {
	uint8_t u8;
	uint16_t u16;
	uint32_t u24;
	uint32_t u32;
	uint64_t u64;
	uint8_t copy[16];
	struct reader child;
};

enum step { U8, U16, U24, U32, U64, BYTES, COPY, SKIP_OVER, VEC8, VEC16, VEC24, EQUAL, BACK };

static uint64_t number(const uint8_t *p, size_t width)
{
	uint64_t v = 0;

	while (width--)
		v = v << 8 | *p++;
	return v;
}

static bool call(enum step step, size_t len, struct reader *r, struct outputs *o)
{
	switch (step) {
	case U8:
		return reader_u8(r, &o->u8);
	case U16:
		return reader_u16(r, &o->u16);
	case U24:
		return reader_u24(r, &o->u24);
	case U32:
		return reader_u32(r, &o->u32);
	case U64:
		return reader_u64(r, &o->u64);
	case BYTES:
		return reader_bytes(r, len, &o->child);
	case COPY:
		return reader_copy(r, o->copy, len);
	case SKIP_OVER:
		return reader_skip(r, len);
	case VEC8:
		return reader_vec8(r, &o->child);
	case VEC16:
		return reader_vec16(r, &o->child);
	case VEC24:
		return reader_vec24(r, &o->child);
	default:
		return false;
	}
}

/* Bytes that the step takes, counted by hand; false where they are not there. */
static bool takes(enum step step, size_t len, const struct reader *r, size_t *out)
{
	static const size_t width[] = { [U8] = 1, [U16] = 2, [U24] = 3, [U32] = 4, [U64] = 8 };

	if (step <= U64) {
		*out = width[step];
	} else if (step <= SKIP_OVER) {
		*out = len;
	} else {
		size_t prefix = (size_t)step - VEC8 + 1;

		if (r->left < prefix)
			return false;
		*out = prefix + (size_t)number(r->at, prefix);
	}
	return r->left >= *out;
}

static void check_value(enum step step, const uint8_t *at, const struct outputs *o)
{
	if (step == U8)
		FUZZ_CHECK(o->u8 == number(at, 1));
	if (step == U16)
		FUZZ_CHECK(o->u16 == number(at, 2));
	if (step == U24)
		FUZZ_CHECK(o->u24 == number(at, 3));
	if (step == U32)
		FUZZ_CHECK(o->u32 == number(at, 4));
	if (step == U64)
		FUZZ_CHECK(o->u64 == number(at, 8));
}

static bool makes_child(enum step step)
{
	return step == BYTES || (step >= VEC8 && step <= VEC24);
}

/* True if o->child is new. */
static bool take_step(enum step step, size_t len, struct reader *r, struct outputs *o)
{
	const struct reader before = *r;
	struct outputs outputs_before;
	size_t taken = 0;
	bool there = takes(step, len, r, &taken);

	memcpy(&outputs_before, o, sizeof(*o));
	FUZZ_CHECK(call(step, len, r, o) == there);
	if (!there) {
		FUZZ_CHECK(r->at == before.at && r->left == before.left);
		FUZZ_CHECK(memcmp(&outputs_before, o, sizeof(*o)) == 0);
		return false;
	}
	FUZZ_CHECK(r->left == before.left - taken);
	FUZZ_CHECK(taken == 0 || r->at == before.at + taken);
	check_value(step, before.at, o);
	if (step == COPY)
		FUZZ_CHECK(memcmp(o->copy, before.at, len) == 0);
	if (!makes_child(step))
		return false;
	FUZZ_CHECK(o->child.left <= taken);
	FUZZ_CHECK(taken == 0 || o->child.at + o->child.left == r->at);
	return true;
}

static void check_equal(const struct reader *r, size_t len)
{
	const uint8_t *at = r->at;

	if (len <= r->left && r->left > 0)
		FUZZ_CHECK(reader_equal(r, at, len) == (len == r->left));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader stack[DEPTH], *r = stack;
	struct outputs o;
	size_t steps = size > 0 ? data[0] : 0;

	if (size < 1 + steps)
		return 0;
	memset(&o, 0x5a, sizeof(o));
	reader_init(r, data + 1 + steps, size - 1 - steps);
	for (size_t i = 0; i < steps; i++) {
		enum step step = (enum step)((data[1 + i] & 15) % (BACK + 1));
		size_t len = data[1 + i] >> 4;

		if (step == EQUAL)
			check_equal(r, len);
		else if (step == BACK)
			r -= r > stack;
		else if (take_step(step, len, r, &o) && r < stack + DEPTH - 1)
			*++r = o.child;
		while (r > stack && reader_empty(r))
			r--;
	}
	return 0;
}
