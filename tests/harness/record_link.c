/* SPDX-License-Identifier: MIT */
#include "tests/harness/record_link.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/crypto/util.h"

#define HEADER         5
#define MESSAGE_HEADER 4

enum { ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23 };
enum { HELLO_REQUEST = 0, NEW_SESSION_TICKET = 4, KEY_UPDATE = 24 };

void record_link_init(struct record_link *link, int fd, struct talk *talk,
		      const struct ktls_engine *engine)
{
	const struct ktls_engine_facts *facts = ktls_engine_facts(engine);
	struct ktls_traffic_key tx, rx;

	memset(link, 0, sizeof(*link));
	link->fd = fd;
	link->talk = talk;
	link->content_max = facts->content_max ? facts->content_max : KTLS_RECORD_CONTENT_MAX;
	if (ktls_engine_keys(engine, &tx, &rx) != 0 ||
	    ktls_engine_secrets(engine, &link->secrets) != 0 ||
	    ktls_record_init(&link->layer, &tx, &rx) != 0)
		errx(1, "there are no keys");
	secret_wipe(&tx, sizeof(tx));
	secret_wipe(&rx, sizeof(rx));
}

static bool is_1_3(const struct record_link *link)
{
	return link->secrets.version == KTLS_TLS_1_3;
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
	link->out_at = 0;
	if (ktls_record_seal(&link->layer, type, bytes, len, link->out, &link->out_len) != 0)
		errx(1, "a record cannot be sealed");
}

/* The key of a direction is followed by the next. */
static void step(struct record_link *link, enum ktls_direction direction)
{
	struct ktls_traffic_key key;
	int result = ktls_secrets_key_update(&link->secrets, direction, &key);

	if (result == 0)
		result = direction == KTLS_TX ? ktls_record_rekey_tx(&link->layer, &key)
					      : ktls_record_rekey_rx(&link->layer, &key);
	if (result != 0)
		errx(1, "a key cannot be updated");
	secret_wipe(&key, sizeof(key));
}

static bool update_due(const struct record_link *link)
{
	return is_1_3(link) &&
	       (link->update_owed || (link->sent + 1 == link->update_at && link->updated_tx == 0));
}

/* Asks for the peer's, too, where it is not an answer itself. */
static void send_key_update(struct record_link *link)
{
	uint8_t message[KTLS_KEY_UPDATE_LEN];

	ktls_secrets_build_key_update(!link->update_owed, message);
	seal(link, HANDSHAKE, message, sizeof(message));
	step(link, KTLS_TX);
	link->update_owed = false;
	link->updated_tx++;
}

static ssize_t link_send(void *arg, const void *bytes, size_t len)
{
	struct record_link *link = arg;
	size_t n = len < link->content_max ? len : link->content_max;
	int result = flush(link);

	if (result == 0 && update_due(link)) {
		send_key_update(link);
		result = flush(link);
	}
	if (result < 0)
		return result;
	seal(link, APPLICATION_DATA, bytes, n);
	link->sent++;
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

/* bytes behind the message: those that its record has left. */
static int take_key_update(struct record_link *link, size_t left)
{
	bool request;
	int result = ktls_secrets_parse_key_update(link->message, link->message_len, &request);

	if (result != 0)
		return end(link, (enum ktls_reason) - result);
	if (left > 0)
		return end(link, KTLS_R_MESSAGE_SPANS_KEY_CHANGE);
	step(link, KTLS_RX);
	link->updated_rx++;
	link->update_owed |= request;
	return 0;
}

static int take_message(struct record_link *link, size_t left)
{
	const uint8_t *message = link->message;
	size_t len = link->message_len;

	/* A client may ignore it (RFC 5246, 7.4.1.1). */
	if (message[0] == HELLO_REQUEST && !is_1_3(link))
		return 0;
	if (message[0] == KEY_UPDATE && is_1_3(link))
		return take_key_update(link, left);
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
		if (link->message_len < MESSAGE_HEADER || link->message_len < want)
			continue;
		if (take_message(link, len - 1) < 0)
			return -EPROTO;
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
	size_t len = link->in_len;
	struct ktls_span content;
	uint8_t type;
	int result;

	link->in_len = 0;
	result = ktls_record_open(&link->layer, link->in, len, &type, &content);
	if (result != 0)
		return end(link, (enum ktls_reason) - result);
	if (link->content_limit > 0 && content.len > link->content_limit)
		return end(link, KTLS_R_RECORD_TOO_LONG);
	switch (type) {
	case APPLICATION_DATA:
		link->data = content.bytes;
		link->data_len = content.len;
		return 1;
	case HANDSHAKE:
		return read_messages(link, content.bytes, content.len) < 0 ? -EPROTO : 1;
	case ALERT:
		return read_alert(link, content.bytes, content.len);
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
