/* SPDX-License-Identifier: MIT */
/*
 * What a fuzzer does to a handshake message: edits, each for the message of a number, counted from
 * 0 in the order of sending.
 *
 *	u8 number, u8 kind, u16 where, vec8 what
 */
#ifndef KTLS_FUZZ_MUTATE_H
#define KTLS_FUZZ_MUTATE_H

#include <stdbool.h>
#include <string.h>

#include "lib/handshake/engine.h"
#include "tests/fuzz/fuzz.h"

#define EDITS_MAX  16
#define EDITED_MAX 24000 /* bytes of a message */

/* "where" is an offset in the message, its header of 4 bytes included, modulo its length. */
enum edit_kind {
	EDIT_REPLACE,       /* bytes, by as many */
	EDIT_XOR,           /* bytes, with as many */
	EDIT_INSERT,        /* bytes; the message's length is patched, as for the next two */
	EDIT_DELETE,        /* what[0] bytes, 1 where there is none */
	EDIT_BODY,          /* by another */
	EDIT_TYPE,          /* of the message: where */
	EDIT_EXTENSION,     /* another body for the extension of the type where; added if missing */
	EDIT_NO_EXTENSION,  /* takes that one out */
	EDIT_TWO_EXTENSION, /* adds it at the end, also if it is there */
	EDIT_DROP,          /* the message is not sent */
	EDIT_TWICE,         /* it is sent again */
	EDIT_LATER,         /* it is sent behind the next one */
	EDIT_CUT,           /* a record ends at where */
	EDIT_RECORD,  /* a record before it: its type where, its content what, under the keys */
	EDIT_PLAIN,   /* the same, never protected */
	EDIT_MESSAGE, /* a message before it: its type where, its body what */
	EDIT_RAW,     /* these bytes before it, as they are */
	EDIT_KINDS,
};

struct edit {
	uint8_t number;
	enum edit_kind kind;
	uint16_t where;
	const uint8_t *what;
	size_t len;
};

struct edits {
	struct edit list[EDITS_MAX];
	size_t n;
};

static inline void edits_read(struct reader *r, struct edits *out)
{
	uint8_t number, kind;
	struct reader what;
	uint16_t where;

	out->n = 0;
	while (out->n < EDITS_MAX && reader_u8(r, &number) && reader_u8(r, &kind) &&
	       reader_u16(r, &where) && reader_vec8(r, &what))
		out->list[out->n++] = (struct edit){ .number = number,
						     .kind = (enum edit_kind)(kind % EDIT_KINDS),
						     .where = where,
						     .what = what.at,
						     .len = what.left };
}

/* A message that is being edited: header and body. */
struct edited {
	uint8_t bytes[EDITED_MAX];
	size_t len;
};

static inline void edited_set(struct edited *m, uint8_t type, const void *body, size_t len)
{
	struct writer w;

	writer_init(&w, m->bytes, sizeof(m->bytes));
	writer_u8(&w, type);
	writer_vec(&w, 3, body, len);
	m->len = writer_ok(&w) ? w.len : 0;
}

static inline void patch_length(struct edited *m)
{
	const size_t body = m->len < 4 ? 0 : m->len - 4;

	for (size_t i = 0; i < 3 && m->len >= 4; i++)
		m->bytes[1 + i] = (uint8_t)(body >> (8 * (2 - i)));
}

static inline void edit_bytes(struct edited *m, const struct edit *edit)
{
	const size_t at = m->len ? edit->where % m->len : 0;

	for (size_t i = 0; i < edit->len && at + i < m->len; i++)
		m->bytes[at + i] =
			edit->kind == EDIT_XOR ? m->bytes[at + i] ^ edit->what[i] : edit->what[i];
}

static inline void edit_insert(struct edited *m, const struct edit *edit)
{
	const size_t at = edit->where % (m->len + 1);

	if (m->len + edit->len > sizeof(m->bytes))
		return;
	memmove(m->bytes + at + edit->len, m->bytes + at, m->len - at);
	if (edit->len > 0)
		memcpy(m->bytes + at, edit->what, edit->len);
	m->len += edit->len;
	patch_length(m);
}

static inline void edit_delete(struct edited *m, const struct edit *edit)
{
	const size_t at = m->len ? edit->where % m->len : 0;
	size_t n = edit->len > 0 ? edit->what[0] : 1;

	if (n > m->len - at)
		n = m->len - at;
	memmove(m->bytes + at, m->bytes + at + n, m->len - at - n);
	m->len -= n;
	patch_length(m);
}

/* ---- extensions ------------------------------------------------------------------------------ */

/* Goes to the length of the extensions block of a message that has one. */
static inline bool find_extensions(struct reader *r, uint8_t type)
{
	struct reader skipped;
	bool client = type == MESSAGE_CLIENT_HELLO;

	switch (type) {
	case MESSAGE_CLIENT_HELLO:
	case MESSAGE_SERVER_HELLO:
		return reader_skip(r, 34) && reader_vec8(r, &skipped) &&
		       (client ? reader_vec16(r, &skipped) && reader_vec8(r, &skipped)
			       : reader_skip(r, 3));
	case MESSAGE_CERTIFICATE_REQUEST:
		return reader_vec8(r, &skipped);
	case MESSAGE_ENCRYPTED_EXTENSIONS:
		return true;
	default:
		return false;
	}
}

static inline void put_extension(struct writer *w, const struct edit *edit)
{
	writer_u16(w, edit->where);
	writer_vec(w, 2, edit->what, edit->len);
}

static inline void copy_extensions(struct reader *block, struct writer *w, const struct edit *edit)
{
	bool done = false;
	struct reader body;
	uint16_t type;

	while (reader_u16(block, &type) && reader_vec16(block, &body)) {
		if (type != edit->where || edit->kind == EDIT_TWO_EXTENSION) {
			writer_u16(w, type);
			writer_vec(w, 2, body.at, body.left);
		} else if (edit->kind == EDIT_EXTENSION) {
			put_extension(w, edit);
			done = true;
		}
	}
	if (!done && edit->kind != EDIT_NO_EXTENSION)
		put_extension(w, edit);
}

static inline void edit_extension(struct edited *m, const struct edit *edit)
{
	static uint8_t buf[EDITED_MAX];
	struct writer_vec message, list;
	struct reader r, block;
	struct writer w;
	uint8_t type;

	reader_init(&r, m->bytes, m->len);
	if (!reader_u8(&r, &type) || !reader_skip(&r, 3) || !find_extensions(&r, type))
		return;
	writer_init(&w, buf, sizeof(buf));
	writer_u8(&w, type);
	message = writer_open(&w, 3);
	writer_bytes(&w, m->bytes + 4, (size_t)(r.at - m->bytes) - 4);
	list = writer_open(&w, 2);
	if (reader_vec16(&r, &block))
		copy_extensions(&block, &w, edit);
	writer_close(&w, list);
	writer_close(&w, message);
	if (!writer_ok(&w))
		return;
	memcpy(m->bytes, buf, w.len);
	m->len = w.len;
}

/* What concerns the message itself, not how it is sent. */
static inline void edit_message(struct edited *m, const struct edit *edit)
{
	switch (edit->kind) {
	case EDIT_REPLACE:
	case EDIT_XOR:
		edit_bytes(m, edit);
		break;
	case EDIT_INSERT:
		edit_insert(m, edit);
		break;
	case EDIT_DELETE:
		edit_delete(m, edit);
		break;
	case EDIT_BODY:
		edited_set(m, m->bytes[0], edit->what, edit->len);
		break;
	case EDIT_TYPE:
		m->bytes[0] = (uint8_t)edit->where;
		break;
	case EDIT_EXTENSION:
	case EDIT_NO_EXTENSION:
	case EDIT_TWO_EXTENSION:
		edit_extension(m, edit);
		break;
	default:
		break;
	}
}

#endif
