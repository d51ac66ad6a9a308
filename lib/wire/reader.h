/* SPDX-License-Identifier: MIT */
/*
 * A bounds-checked cursor over received bytes: the only code that moves a pointer into a message
 * (presentation language of RFC 9846, section 3).
 *
 * A reader borrows the bytes; they must outlive it and every reader made from it. Each function
 * says by its result whether the bytes were there; on failure neither the cursor nor any output is
 * changed. A vector gives a child reader that cannot see past the vector's own length.
 */
#ifndef KTLS_WIRE_READER_H
#define KTLS_WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_MUST_CHECK __attribute__((warn_unused_result))

struct reader {
	const uint8_t *at; /* next byte to be read */
	size_t left;       /* bytes from there to the end */
};

void reader_init(struct reader *r, const void *bytes, size_t len);

/* Unsigned integers, big endian. */
WIRE_MUST_CHECK bool reader_u8(struct reader *r, uint8_t *out);
WIRE_MUST_CHECK bool reader_u16(struct reader *r, uint16_t *out);
WIRE_MUST_CHECK bool reader_u24(struct reader *r, uint32_t *out);
WIRE_MUST_CHECK bool reader_u32(struct reader *r, uint32_t *out);
WIRE_MUST_CHECK bool reader_u64(struct reader *r, uint64_t *out);

/* The next len bytes: as a child reader, copied to out, or passed over. */
WIRE_MUST_CHECK bool reader_bytes(struct reader *r, size_t len, struct reader *out);
WIRE_MUST_CHECK bool reader_copy(struct reader *r, void *out, size_t len);
WIRE_MUST_CHECK bool reader_skip(struct reader *r, size_t len);

/* A vector with a length prefix of 1, 2 or 3 bytes, as a child reader. */
WIRE_MUST_CHECK bool reader_vec8(struct reader *r, struct reader *out);
WIRE_MUST_CHECK bool reader_vec16(struct reader *r, struct reader *out);
WIRE_MUST_CHECK bool reader_vec24(struct reader *r, struct reader *out);

static inline bool reader_empty(const struct reader *r)
{
	return r->left == 0;
}

/* Whether the unread bytes are exactly the len bytes given. Not for secrets. */
bool reader_equal(const struct reader *r, const void *bytes, size_t len);

#endif
