/* SPDX-License-Identifier: MIT */
#include "lib/handshake/message_log.h"

#include <string.h>

#define FIRST_CAP 4096 /* bytes: enough for handshakes with small certificates */

/* A client knows only from the ServerHello whether it comes to TLS 1.2 at all. */
static bool wanted(const struct engine *e)
{
	if (e->log.closed || !engine_may_use(e, KTLS_TLS_1_2) || e->facts.version == KTLS_TLS_1_3 ||
	    e->facts.resumed)
		return false;
	return engine_is_server(e) ? engine_asks_client(e) : e->config.ops->choose != NULL;
}

static int reserve(struct engine *e, size_t len)
{
	struct message_log *log = &e->log;
	size_t cap = log->cap ? log->cap : FIRST_CAP;
	uint8_t *buf;

	if (len > KTLS_ENGINE_MESSAGES_MAX)
		return -KTLS_R_MESSAGE_TOO_LONG;
	while (cap < len)
		cap *= 2;
	if (cap > KTLS_ENGINE_MESSAGES_MAX)
		cap = KTLS_ENGINE_MESSAGES_MAX;
	if (cap == log->cap)
		return 0;
	buf = e->config.ops->borrow(e->arg, cap);
	if (!buf)
		return -KTLS_R_NO_MEMORY;
	if (log->buf) {
		memcpy(buf, log->buf, log->len);
		e->config.ops->give_back(e->arg, log->buf);
	}
	log->buf = buf;
	log->cap = cap;
	return 0;
}

int message_log_add(struct engine *e, const uint8_t *bytes, size_t len)
{
	struct message_log *log = &e->log;
	int result;

	if (!wanted(e)) {
		message_log_close(e);
		return 0;
	}
	result = reserve(e, log->len + len);
	if (result < 0)
		return result;
	memcpy(log->buf + log->len, bytes, len);
	log->len += len;
	return 0;
}

void message_log_close(struct engine *e)
{
	if (e->log.buf)
		e->config.ops->give_back(e->arg, e->log.buf);
	e->log = (struct message_log){ .closed = true };
}
