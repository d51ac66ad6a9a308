/* SPDX-License-Identifier: MIT */
#include "lib/wire/writer.h"

#include <string.h>

void writer_init(struct writer *w, void *buf, size_t cap)
{
	*w = (struct writer){ .buf = buf, .cap = cap };
}

uint8_t *writer_space(struct writer *w, size_t len)
{
	uint8_t *p;

	if (w->overflow || len > w->cap - w->len) {
		w->overflow = true;
		return NULL;
	}
	p = w->buf + w->len;
	w->len += len;
	return p;
}

static void put_uint(uint8_t *p, size_t width, uint64_t v)
{
	for (size_t i = 0; i < width; i++)
		p[i] = (uint8_t)(v >> (8 * (width - 1 - i)));
}

static void write_uint(struct writer *w, size_t width, uint64_t v)
{
	uint8_t *p = writer_space(w, width);

	if (p)
		put_uint(p, width, v);
}

void writer_u8(struct writer *w, uint8_t v)
{
	write_uint(w, 1, v);
}

void writer_u16(struct writer *w, uint16_t v)
{
	write_uint(w, 2, v);
}

void writer_u24(struct writer *w, uint32_t v)
{
	if (v >> 24)
		w->overflow = true;
	write_uint(w, 3, v);
}

void writer_u32(struct writer *w, uint32_t v)
{
	write_uint(w, 4, v);
}

void writer_u64(struct writer *w, uint64_t v)
{
	write_uint(w, 8, v);
}

void writer_bytes(struct writer *w, const void *bytes, size_t len)
{
	uint8_t *p = writer_space(w, len);

	if (p && len > 0)
		memcpy(p, bytes, len);
}

struct writer_vec writer_open(struct writer *w, uint8_t width)
{
	struct writer_vec vec = { .at = w->len, .width = width };

	write_uint(w, width, 0);
	return vec;
}

void writer_close(struct writer *w, struct writer_vec vec)
{
	size_t len;

	if (w->overflow)
		return;
	len = w->len - vec.at - vec.width;
	if ((uint64_t)len >> (8 * vec.width))
		w->overflow = true;
	else
		put_uint(w->buf + vec.at, vec.width, len);
}

void writer_vec(struct writer *w, uint8_t width, const void *bytes, size_t len)
{
	struct writer_vec vec = writer_open(w, width);

	writer_bytes(w, bytes, len);
	writer_close(w, vec);
}
