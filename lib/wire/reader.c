/* SPDX-License-Identifier: MIT */
#include "lib/wire/reader.h"

#include <string.h>

void reader_init(struct reader *r, const void *bytes, size_t len)
{
	r->at = bytes;
	r->left = len;
}

/* The one place where the pointer moves. */
static bool take(struct reader *r, size_t len, const uint8_t **out)
{
	if (len > r->left)
		return false;
	*out = r->at;
	if (len > 0)
		r->at += len;
	r->left -= len;
	return true;
}

static bool take_uint(struct reader *r, size_t width, uint64_t *out)
{
	const uint8_t *p;
	uint64_t v = 0;

	if (!take(r, width, &p))
		return false;
	for (size_t i = 0; i < width; i++)
		v = v << 8 | p[i];
	*out = v;
	return true;
}

bool reader_u8(struct reader *r, uint8_t *out)
{
	uint64_t v;

	if (!take_uint(r, 1, &v))
		return false;
	*out = (uint8_t)v;
	return true;
}

bool reader_u16(struct reader *r, uint16_t *out)
{
	uint64_t v;

	if (!take_uint(r, 2, &v))
		return false;
	*out = (uint16_t)v;
	return true;
}

bool reader_u24(struct reader *r, uint32_t *out)
{
	uint64_t v;

	if (!take_uint(r, 3, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

bool reader_u32(struct reader *r, uint32_t *out)
{
	uint64_t v;

	if (!take_uint(r, 4, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

bool reader_u64(struct reader *r, uint64_t *out)
{
	return take_uint(r, 8, out);
}

bool reader_bytes(struct reader *r, size_t len, struct reader *out)
{
	const uint8_t *p;

	if (!take(r, len, &p))
		return false;
	reader_init(out, p, len);
	return true;
}

bool reader_copy(struct reader *r, void *out, size_t len)
{
	const uint8_t *p;

	if (!take(r, len, &p))
		return false;
	if (len > 0)
		memcpy(out, p, len);
	return true;
}

bool reader_skip(struct reader *r, size_t len)
{
	const uint8_t *p;

	return take(r, len, &p);
}

static bool vec(struct reader *r, size_t width, struct reader *out)
{
	struct reader ahead = *r;
	uint64_t len;

	if (!take_uint(&ahead, width, &len) || !reader_bytes(&ahead, (size_t)len, out))
		return false;
	*r = ahead;
	return true;
}

bool reader_vec8(struct reader *r, struct reader *out)
{
	return vec(r, 1, out);
}

bool reader_vec16(struct reader *r, struct reader *out)
{
	return vec(r, 2, out);
}

bool reader_vec24(struct reader *r, struct reader *out)
{
	return vec(r, 3, out);
}

bool reader_equal(const struct reader *r, const void *bytes, size_t len)
{
	return r->left == len && (len == 0 || memcmp(r->at, bytes, len) == 0);
}
