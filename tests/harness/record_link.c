/* SPDX-License-Identifier: MIT */
#include "tests/harness/record_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/crypto/util.h"
#include "lib/handshake/suite.h"

#define HEADER         5
#define MESSAGE_HEADER 4
#define DATA_MAX       16384

enum { ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23 };
enum { HELLO_REQUEST = 0, NEW_SESSION_TICKET = 4, KEY_UPDATE = 24 };

static void init_half(struct traffic *half, const struct ktls_traffic_key *key)
{
	memcpy(half->key, key->key, sizeof(half->key));
	memcpy(half->iv, key->iv, sizeof(half->iv));
	for (size_t i = 0; i < sizeof(key->seq); i++)
		half->seq = half->seq << 8 | key->seq[i];
	half->on = true;
}

void record_link_init(struct record_link *link, int fd, struct talk *talk,
		      const struct ktls_traffic_key *tx, const struct ktls_traffic_key *rx)
{
	memset(link, 0, sizeof(*link));
	link->fd = fd;
	link->talk = talk;
	link->schedule.suite = suite_find(tx->suite);
	init_half(&link->schedule.tx, tx);
	init_half(&link->schedule.rx, rx);
}

static bool is_1_3(const struct record_link *link)
{
	return link->schedule.suite->version == KTLS_TLS_1_3;
}

void record_link_wipe(struct record_link *link)
{
	secret_wipe(link, sizeof(*link));
}

/* ---- sending ----------------------------------------------------------------------------------
 */

static int flush(struct record_link *link)
{
	while (link->out_at < link->out_len) {
		ssize_t n = send(link->fd, link->out + link->out_at, link->out_len - link->out_at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		link->out_at += (size_t)n;
	}
	return 0;
}

static void seal(struct record_link *link, uint8_t type, const void *bytes, size_t len)
{
	struct schedule *s = &link->schedule;

	memcpy(link->out + HEADER + protect_prefix(s, &s->tx), bytes, len);
	link->out_at = 0;
	link->out_len = protect_seal(s, &s->tx, type, KTLS_TLS_1_2, link->out, len, s->tx.seq++);
}

static ssize_t link_send(void *arg, const void *bytes, size_t len)
{
	struct record_link *link = arg;
	size_t n = len < DATA_MAX ? len : DATA_MAX;
	int result = flush(link);

	if (result < 0)
		return result;
	seal(link, APPLICATION_DATA, bytes, n);
	result = flush(link);
	return result < 0 && result != -EAGAIN ? result : (ssize_t)n;
}

static int link_finish(void *arg)
{
	struct record_link *link = arg;
	int result = flush(link);

	if (result < 0 || link->finishing)
		return result;
	seal(link, ALERT, (uint8_t[]){ 1, KTLS_ALERT_CLOSE_NOTIFY }, 2);
	link->finishing = true;
	return flush(link);
}

/* ---- receiving --------------------------------------------------------------------------------
 */

static int end(struct record_link *link, enum ktls_reason reason)
{
	link->talk->end = reason;
	return -EPROTO;
}

/* Until a whole record is in: no byte beyond it is taken. */
static int read_record(struct record_link *link)
{
	size_t want = HEADER;
	ssize_t n;

	for (;;) {
		if (link->in_len >= HEADER)
			want = HEADER + ((size_t)link->in[3] << 8 | link->in[4]);
		if (want > sizeof(link->in))
			return end(link, KTLS_R_RECORD_TOO_LONG);
		if (link->in_len == want)
			return 0;
		n = recv(link->fd, link->in + link->in_len, want - link->in_len, MSG_DONTWAIT);
		if (n < 0)
			return -errno;
		if (n == 0)
			return end(link, KTLS_R_TRUNCATED);
		link->in_len += (size_t)n;
	}
}

/* How long the message is that has begun to come; its header first. */
static size_t message_want(const struct record_link *link)
{
	if (link->message_len < MESSAGE_HEADER)
		return MESSAGE_HEADER;
	return MESSAGE_HEADER +
	       ((size_t)link->message[1] << 16 | (size_t)link->message[2] << 8 | link->message[3]);
}

static int take_message(struct record_link *link)
{
	const uint8_t *message = link->message;
	size_t len = link->message_len;

	link->message_len = 0;
	/* A client may ignore it (RFC 5246, 7.4.1.1). */
	if (message[0] == HELLO_REQUEST && !is_1_3(link))
		return 0;
	if (message[0] == KEY_UPDATE)
		return end(link, KTLS_R_KEY_UPDATE_UNSUPPORTED);
	if (message[0] != NEW_SESSION_TICKET || !is_1_3(link))
		return end(link, KTLS_R_MESSAGE_UNEXPECTED);
	if (link->ticket != NULL)
		link->ticket(link->ticket_arg, message, len);
	return 0;
}

/* They may come split or joined (RFC 9846, 5.1). */
static int read_messages(struct record_link *link, const uint8_t *bytes, size_t len)
{
	size_t want;

	for (; len > 0; len--) {
		link->message[link->message_len++] = *bytes++;
		want = message_want(link);
		if (want > sizeof(link->message))
			return end(link, KTLS_R_MESSAGE_TOO_LONG);
		if (link->message_len >= MESSAGE_HEADER && link->message_len == want &&
		    take_message(link) < 0)
			return -EPROTO;
	}
	return 0;
}

/* 1 where the stream goes on. */
static int read_alert(struct record_link *link, const uint8_t *bytes, size_t len)
{
	if (len != 2)
		return end(link, KTLS_R_ALERT_MALFORMED);
	if (bytes[1] == KTLS_ALERT_CLOSE_NOTIFY) {
		link->talk->end = KTLS_R_PEER_CLOSE_NOTIFY;
		return 0;
	}
	link->talk->end_alert = bytes[1];
	return end(link, KTLS_R_PEER_ALERT);
}

/* The type that hides behind the content (RFC 9846, 5.4), whose length shrinks. 0: none. */
static uint8_t inner_type(const uint8_t *content, size_t *len)
{
	while (*len > 0 && content[*len - 1] == 0)
		(*len)--;
	return *len > 0 ? content[--*len] : 0;
}

/* Decrypts the record and deals with it. 1 where the stream goes on, 0 where it was closed. */
static int open_record(struct record_link *link)
{
	struct schedule *s = &link->schedule;
	uint8_t *content, type = link->in[0];
	size_t len = link->in_len - HEADER;

	link->in_len = 0;
	if (is_1_3(link) && type != APPLICATION_DATA)
		return end(link, KTLS_R_RECORD_TYPE);
	if (!protect_open(s, &s->rx, link->in, len, &content, &len))
		return end(link, KTLS_R_RECORD_MAC);
	s->rx.seq++;
	if (is_1_3(link))
		type = inner_type(content, &len);
	switch (type) {
	case 0:
		return end(link, KTLS_R_RECORD_NO_TYPE);
	case APPLICATION_DATA:
		link->data = content;
		link->data_len = len;
		return 1;
	case HANDSHAKE:
		return read_messages(link, content, len) < 0 ? -EPROTO : 1;
	case ALERT:
		return read_alert(link, content, len);
	default:
		return end(link, KTLS_R_RECORD_TYPE);
	}
}

static ssize_t link_recv(void *arg, void *buf, size_t len)
{
	struct record_link *link = arg;
	size_t n;
	int result;

	while (link->data_len == 0) {
		result = read_record(link);
		if (result < 0)
			return result;
		result = open_record(link);
		if (result <= 0)
			return result;
	}
	n = len < link->data_len ? len : link->data_len;
	memcpy(buf, link->data, n);
	link->data += n;
	link->data_len -= n;
	return (ssize_t)n;
}

const struct talk_ops record_link_ops = {
	.send = link_send,
	.finish = link_finish,
	.recv = link_recv,
};
