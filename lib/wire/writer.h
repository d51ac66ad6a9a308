/* SPDX-License-Identifier: MIT */
/*
 * A builder for messages: big-endian numbers, bytes, and vectors whose length is patched in when
 * they are closed (presentation language of RFC 9846, section 3).
 *
 * The memory is the caller's. Writing past its end, or a vector longer than its prefix can say, is
 * remembered; nothing is written outside the memory. The caller looks once, with writer_ok(),
 * before it uses the result.
 */
#ifndef KTLS_WIRE_WRITER_H
#define KTLS_WIRE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct writer {
	uint8_t *buf;
	size_t cap; /* bytes in buf */
	size_t len; /* bytes written */
	bool overflow;
};

/* An open vector: where its length prefix stands, and how many bytes wide that is. */
struct writer_vec {
	size_t at;
	uint8_t width;
};

void writer_init(struct writer *w, void *buf, size_t cap);

void writer_u8(struct writer *w, uint8_t v);
void writer_u16(struct writer *w, uint16_t v);
void writer_u24(struct writer *w, uint32_t v);
void writer_u32(struct writer *w, uint32_t v);
void writer_u64(struct writer *w, uint64_t v);
void writer_bytes(struct writer *w, const void *bytes, size_t len);

/* len bytes of the buffer to be filled in by the caller at once; NULL where they do not fit. */
uint8_t *writer_space(struct writer *w, size_t len);

/* Opens a vector with a length prefix of width bytes (1 to 3); vectors close in reverse order. */
struct writer_vec writer_open(struct writer *w, uint8_t width);
void writer_close(struct writer *w, struct writer_vec vec);

/* A whole vector. */
void writer_vec(struct writer *w, uint8_t width, const void *bytes, size_t len);

static inline bool writer_ok(const struct writer *w)
{
	return !w->overflow;
}

#endif
