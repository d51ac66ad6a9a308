/* SPDX-License-Identifier: MIT */
#include "tests/harness/peer_records.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/crypto/util.h"
#include "tests/harness/pattern.h"

#define MESSAGE_HEADER 4
#define TRICKLE_US     200

const char *peer_doing = "";

void peer_fail(const char *fmt, ...)
{
	va_list args;

	flockfile(stderr);
	fprintf(stderr, "peer: \"%s\": ", peer_doing + strspn(peer_doing, " \t"));
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	funlockfile(stderr);
	exit(1);
}

int peer_patience_ms(void)
{
	const char *factor = getenv("KTLS_TIMEOUT_FACTOR");
	int n = factor ? atoi(factor) : 1;

	return PEER_PATIENCE_S * 1000 * (n > 0 ? n : 1);
}

void peer_records_init(struct peer_records *p, int fd, const struct ktls_engine *engine)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(engine);

	memset(p, 0, sizeof(*p));
	p->fd = fd;
	p->version = facts->version;
	p->content_max = facts->content_max ? facts->content_max : KTLS_RECORD_CONTENT_MAX;
	hash_init(&p->hash, HASH_SHA256);
	if (ktls_engine_keys(engine, &p->tx_key, &p->now.key) != 0 ||
	    ktls_engine_secrets(engine, &p->secrets) != 0 ||
	    ktls_record_init(&p->layer, &p->tx_key, &p->now.key) != 0)
		peer_fail("there are no keys");
	for (size_t i = 0; i < sizeof(p->now.key.seq); i++)
		p->now.next = p->now.next << 8 | p->now.key.seq[i];
}

void peer_records_wipe(struct peer_records *p)
{
	secret_wipe(p, sizeof(*p));
}

/* ---- sending ----------------------------------------------------------------------------------
 */

/* Until there is room: reads meanwhile, for the other end may wait for that. */
static void wait_for_room(struct peer_records *p)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN | POLLOUT };

	do {
		if (poll(&pfd, 1, peer_patience_ms()) <= 0)
			peer_fail("the peer takes nothing");
		if (pfd.revents & (POLLIN | POLLHUP | POLLERR)) {
			peer_receive(p);
			if (peer_ended(p))
				return;
		}
	} while (!(pfd.revents & POLLOUT));
}

void peer_send_raw(struct peer_records *p, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	ssize_t n;

	for (; len > 0; len -= (size_t)n, at += n) {
		n = send(p->fd, at, p->trickle ? 1 : len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (p->trickle)
			usleep(TRICKLE_US);
		if (n >= 0)
			continue;
		if (errno != EAGAIN && p->heedless)
			return;
		if (errno != EAGAIN)
			peer_fail("send: %m");
		wait_for_room(p);
		n = 0;
	}
}

/* In TLS 1.3 the content ends with its type and zeros: a record of "type 0" that holds all of
 * these but the last zero. */
size_t peer_seal(struct peer_records *p, uint8_t type, const void *bytes, size_t len,
		 uint8_t out[static KTLS_ENGINE_RECORD_MAX])
{
	uint8_t *content = out + ktls_record_prefix(&p->layer);
	size_t padding = p->version == KTLS_TLS_1_3 ? p->padding : 0, out_len;

	if (len == 0 && type != PEER_TYPE_DATA && p->version == KTLS_TLS_1_3 && padding == 0)
		padding = 1;
	if (padding > KTLS_RECORD_CONTENT_MAX - len)
		padding = KTLS_RECORD_CONTENT_MAX - len;
	if (len > 0)
		memmove(content, bytes, len);
	if (padding > 0) {
		content[len++] = type;
		memset(content + len, 0, padding - 1);
		len += padding - 1;
		type = 0;
	}
	if (ktls_record_seal(&p->layer, type, content, len, out, &out_len) != 0)
		peer_fail("a record cannot be sealed");
	return out_len;
}

void peer_send_record(struct peer_records *p, uint8_t type, const void *bytes, size_t len)
{
	uint8_t out[KTLS_ENGINE_RECORD_MAX];

	peer_send_raw(p, out, peer_seal(p, type, bytes, len, out));
}

void peer_answer(struct peer_records *p)
{
	if (p->update_owed && !p->silent)
		peer_send_key_update(p, false);
}

void peer_send_data(struct peer_records *p, uint64_t len)
{
	uint8_t bytes[KTLS_RECORD_CONTENT_MAX];

	while (len > 0) {
		size_t n = len < p->content_max ? (size_t)len : p->content_max;

		peer_answer(p);
		pattern_fill(bytes, n, p->sent);
		peer_send_record(p, PEER_TYPE_DATA, bytes, n);
		p->sent += n;
		len -= n;
	}
}

/* Into so many records, or as few as will do. */
static void send_split(struct peer_records *p, const uint8_t *bytes, size_t len)
{
	size_t records = p->split ? p->split : 1, each = (len + records - 1) / records;

	if (each > KTLS_RECORD_CONTENT_MAX)
		each = KTLS_RECORD_CONTENT_MAX;
	for (size_t n; len > 0; bytes += n, len -= n) {
		n = len < each ? len : each;
		peer_send_record(p, PEER_TYPE_HANDSHAKE, bytes, n);
	}
	p->split = 0;
}

void peer_send_message(struct peer_records *p, uint8_t type, const void *body, size_t len)
{
	uint8_t *at = p->held + p->held_len;

	if (len > sizeof(p->held) - p->held_len - MESSAGE_HEADER)
		errx(2, "too much to be joined");
	at[0] = type;
	at[1] = (uint8_t)(len >> 16);
	at[2] = (uint8_t)(len >> 8);
	at[3] = (uint8_t)len;
	if (len > 0)
		memcpy(at + MESSAGE_HEADER, body, len);
	p->held_len += MESSAGE_HEADER + len;
	if (p->join > 1) {
		p->join--;
		return;
	}
	p->join = 0;
	send_split(p, p->held, p->held_len);
	p->held_len = 0;
	if (p->step_owed)
		peer_step_key(p);
	p->step_owed = false;
}

void peer_send_alert(struct peer_records *p, uint8_t level, uint8_t alert)
{
	peer_send_record(p, PEER_TYPE_ALERT, (uint8_t[]){ level, alert }, 2);
}

void peer_step_key(struct peer_records *p)
{
	if (ktls_secrets_key_update(&p->secrets, KTLS_TX, &p->tx_key) != 0 ||
	    ktls_record_rekey_tx(&p->layer, &p->tx_key) != 0)
		errx(2, "keys are not updated in this version of TLS");
}

void peer_repeat_key(struct peer_records *p)
{
	memset(p->tx_key.seq, 0, sizeof(p->tx_key.seq));
	if (ktls_record_rekey_tx(&p->layer, &p->tx_key) != 0)
		errx(2, "keys are not updated in this version of TLS");
}

void peer_send_key_update(struct peer_records *p, bool request)
{
	p->update_owed = false;
	p->updates_sent++;
	p->asked |= request;
	p->step_owed = true;
	peer_send_message(p, PEER_KEY_UPDATE, (uint8_t[]){ request }, 1);
}
