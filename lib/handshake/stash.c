/* SPDX-License-Identifier: MIT */
#include "lib/handshake/stash.h"

#include <string.h>

#include "lib/crypto/util.h"
#include "lib/handshake/message_log.h"

static void give_back(struct engine *e)
{
	struct stash *s = &e->stash;

	if (s->buf && s->buf != s->small) {
		secret_wipe(s->buf, s->cap);
		e->config.ops->give_back(e->arg, s->buf);
	}
	s->buf = s->small;
	s->cap = sizeof(s->small);
}

static int reserve(struct engine *e, size_t cap)
{
	struct stash *s = &e->stash;
	uint8_t *buf;

	if (!s->buf)
		give_back(e);
	if (cap <= s->cap)
		return 0;
	buf = e->config.ops->borrow(e->arg, cap);
	if (!buf)
		return -KTLS_R_NO_MEMORY;
	if (s->len > 0)
		memcpy(buf, s->buf, s->len);
	give_back(e);
	s->buf = buf;
	s->cap = cap;
	return 0;
}

/* Moves up to len bytes of the record at hand into the stash, which has room for them. */
static int move(struct engine *e, size_t len)
{
	struct stash *s = &e->stash;
	size_t n = len < e->content.left ? len : e->content.left;

	if (!reader_copy(&e->content, s->buf + s->len, n))
		return -KTLS_R_INTERNAL;
	s->len += n;
	return 0;
}

int stash_peek(struct engine *e, size_t len, struct reader *out)
{
	struct stash *s = &e->stash;
	struct reader ahead = e->content;
	int result;

	if (s->len == 0)
		return reader_bytes(&ahead, len, out);
	if (s->len < len) {
		result = reserve(e, len);
		if (result == 0)
			result = move(e, len - s->len);
		if (result < 0)
			return result;
	}
	if (s->len < len)
		return 0;
	reader_init(out, s->buf, len);
	return 1;
}

size_t stash_left(const struct engine *e)
{
	return e->stash.len + e->content.left;
}

void stash_drop(struct engine *e, size_t len)
{
	struct stash *s = &e->stash;

	if (s->len == 0) {
		if (!reader_skip(&e->content, len))
			reader_init(&e->content, NULL, 0);
		return;
	}
	s->len = len < s->len ? s->len - len : 0;
	if (s->len > 0)
		memmove(s->buf, s->buf + len, s->len);
	else
		give_back(e);
}

int stash_keep(struct engine *e, size_t len)
{
	size_t left = stash_left(e);
	int result;

	if (e->content.left == 0)
		return 0;
	result = reserve(e, len > left ? len : left);
	return result < 0 ? result : move(e, e->content.left);
}

void stash_release(struct engine *e)
{
	message_log_close(e);
	if (e->encrypted)
		e->config.ops->give_back(e->arg, e->encrypted);
	e->encrypted = NULL;
	reader_init(&e->content, NULL, 0);
	e->stash.len = 0;
	give_back(e);
	if (e->cookie)
		e->config.ops->give_back(e->arg, e->cookie);
	e->cookie = NULL;
}
