/* SPDX-License-Identifier: MIT */
#include "tests/harness/record_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/crypto/util.h"
#include "lib/handshake/suite.h"

#define HEADER   5
#define DATA_MAX 16384

enum { ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23 };
enum { NEW_SESSION_TICKET = 4, KEY_UPDATE = 24 };

static void init_half(struct record_half *half, const struct ktls_traffic_key *key)
{
	aead_init(&half->aead, suite_find(key->suite)->aead, key->key);
	memcpy(half->iv, key->iv, sizeof(half->iv));
	half->seq = 0;
	for (size_t i = 0; i < sizeof(key->seq); i++)
		half->seq = half->seq << 8 | key->seq[i];
}

void record_link_init(struct record_link *link, int fd, struct talk *talk,
		      const struct ktls_traffic_key *tx, const struct ktls_traffic_key *rx)
{
	memset(link, 0, sizeof(*link));
	link->fd = fd;
	link->talk = talk;
	init_half(&link->tx, tx);
	init_half(&link->rx, rx);
}

void record_link_wipe(struct record_link *link)
{
	secret_wipe(link, sizeof(*link));
}

/* RFC 9846, 5.3. */
static void next_nonce(struct record_half *half, uint8_t nonce[static AEAD_NONCE])
{
	memcpy(nonce, half->iv, AEAD_NONCE);
	for (size_t i = 0; i < 8; i++)
		nonce[AEAD_NONCE - 1 - i] ^= (uint8_t)(half->seq >> 8 * i);
	half->seq++;
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
	size_t sealed = len + 1 + AEAD_TAG;
	uint8_t nonce[AEAD_NONCE];

	memcpy(link->out,
	       (uint8_t[]){ APPLICATION_DATA, 3, 3, (uint8_t)(sealed >> 8), (uint8_t)sealed },
	       HEADER);
	memcpy(link->out + HEADER, bytes, len);
	link->out[HEADER + len] = type;
	next_nonce(&link->tx, nonce);
	aead_seal(&link->tx.aead, nonce, link->out, HEADER, link->out + HEADER, len + 1,
		  link->out + HEADER);
	link->out_at = 0;
	link->out_len = HEADER + sealed;
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

/* Tickets may come split or joined (RFC 9846, 4.7.1, 5.1). */
static int read_messages(struct record_link *link, const uint8_t *bytes, size_t len)
{
	size_t n;

	while (len > 0) {
		if (link->message_left == 0 && link->message_len < 4) {
			link->message[link->message_len++] = *bytes++;
			len--;
			if (link->message_len < 4)
				continue;
			if (link->message[0] == KEY_UPDATE)
				return end(link, KTLS_R_KEY_UPDATE_UNSUPPORTED);
			if (link->message[0] != NEW_SESSION_TICKET)
				return end(link, KTLS_R_MESSAGE_UNEXPECTED);
			link->message_left = (size_t)link->message[1] << 16 |
					     (size_t)link->message[2] << 8 | link->message[3];
		}
		n = len < link->message_left ? len : link->message_left;
		bytes += n;
		len -= n;
		link->message_left -= n;
		if (link->message_left == 0)
			link->message_len = 0;
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

/* Decrypts the record and deals with it. 1 where the stream goes on, 0 where it was closed. */
static int open_record(struct record_link *link)
{
	uint8_t nonce[AEAD_NONCE], *inner = link->in + HEADER;
	size_t len = link->in_len - HEADER;

	link->in_len = 0;
	if (link->in[0] != APPLICATION_DATA)
		return end(link, KTLS_R_RECORD_TYPE);
	next_nonce(&link->rx, nonce);
	if (!aead_open(&link->rx.aead, nonce, link->in, HEADER, inner, len, inner))
		return end(link, KTLS_R_RECORD_MAC);
	len -= AEAD_TAG;
	while (len > 0 && inner[len - 1] == 0)
		len--;
	if (len-- == 0)
		return end(link, KTLS_R_RECORD_NO_TYPE);
	switch (inner[len]) {
	case APPLICATION_DATA:
		link->data = inner;
		link->data_len = len;
		return 1;
	case HANDSHAKE:
		return read_messages(link, inner, len) < 0 ? -EPROTO : 1;
	case ALERT:
		return read_alert(link, inner, len);
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
