/* SPDX-License-Identifier: MIT */
/* The words of script.h that send. */
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ktls.h>

#include "tests/harness/script_words.h"

#define TICKET_LEN    200
#define OVERSIZE      18700 /* bytes that no version allows in a record */
#define ALERT_WARNING 1
#define ALERT_FATAL   2

/* ---- what is sent ------------------------------------------------------------------------------
 */

static void do_send(struct script *s)
{
	peer_send_data(s->p, script_number(s, 0, 0));
}

/* A request that any web server understands; no data of pattern.h's. */
static void do_get(struct script *s)
{
	char text[256];
	int len = snprintf(text, sizeof(text), "GET %s HTTP/1.0\r\n\r\n", script_arg(s, 0));

	if (len >= (int)sizeof(text))
		peer_fail("get: too long");
	peer_send_record(s->p, PEER_TYPE_DATA, text, (size_t)len);
}

static void do_record(struct script *s)
{
	s->p->content_max = script_number(s, 0, KTLS_RECORD_CONTENT_MAX);
}

static void do_empty(struct script *s)
{
	for (uint64_t n = script_number(s, 0, 1); n > 0; n--)
		peer_send_record(s->p, PEER_TYPE_DATA, NULL, 0);
}

static void do_pad(struct script *s)
{
	s->p->padding = script_number(s, 0, 0);
}

/* NewSessionTicket (RFC 9846, 4.7.1): of two hours, nonce and ticket, no extensions. */
static void do_tickets(struct script *s)
{
	size_t len = script_number(s, 1, TICKET_LEN);
	uint8_t *body = calloc(1, 4 + 4 + 2 + 2 + len + 2);

	if (!body)
		peer_fail("calloc: %m");
	for (uint64_t n = script_number(s, 0, 1); n > 0; n--) {
		memcpy(body, (uint8_t[]){ 0, 0, 28, 32, 1, 2, 3, 4, 1, (uint8_t)n }, 10);
		body[10] = (uint8_t)(len >> 8);
		body[11] = (uint8_t)len;
		memset(body + 12, (int)n, len);
		peer_send_message(s->p, PEER_TICKET, body, 4 + 4 + 2 + 2 + len + 2);
	}
	free(body);
}

static void do_split(struct script *s)
{
	s->p->split = (unsigned int)script_number(s, 0, 2);
}

static void do_join(struct script *s)
{
	s->p->join = (unsigned int)script_number(s, 0, 2);
}

static void do_key_update(struct script *s)
{
	peer_send_key_update(s->p, script_is(s, 0, "request"));
}

static void do_storm(struct script *s)
{
	for (uint64_t n = script_number(s, 0, 1); n > 0; n--)
		peer_send_key_update(s->p, script_is(s, 1, "request"));
}

static void do_hello_request(struct script *s)
{
	for (uint64_t n = script_number(s, 0, 1); n > 0; n--)
		peer_send_message(s->p, PEER_HELLO_REQUEST, NULL, 0);
}

static void do_message(struct script *s)
{
	size_t len = script_number(s, 1, 0);
	uint8_t *body = calloc(1, len + 1);

	if (!body)
		peer_fail("calloc: %m");
	peer_send_message(s->p, (uint8_t)script_number(s, 0, 0), body, len);
	free(body);
}

static void do_type(struct script *s)
{
	static const uint8_t zeros[KTLS_RECORD_CONTENT_MAX];
	size_t len = script_number(s, 1, 1);

	peer_send_record(s->p, (uint8_t)script_number(s, 0, 0), zeros,
			 len < sizeof(zeros) ? len : sizeof(zeros));
}

static void do_alert(struct script *s)
{
	peer_send_alert(s->p, (uint8_t)script_number(s, 0, ALERT_WARNING),
			(uint8_t)script_number(s, 1, 0));
}

static void do_close_notify(struct script *s)
{
	peer_send_alert(s->p, ALERT_WARNING, KTLS_ALERT_CLOSE_NOTIFY);
}

static void do_fatal(struct script *s)
{
	peer_send_alert(s->p, ALERT_FATAL, (uint8_t)script_number(s, 0, 0));
}

static void do_bad_mac(struct script *s)
{
	uint8_t out[KTLS_ENGINE_RECORD_MAX];
	size_t len = peer_seal(s->p, PEER_TYPE_DATA, "never", 5, out);

	out[len - 1] ^= 1;
	peer_send_raw(s->p, out, len);
}

static void do_oversize(struct script *s)
{
	uint8_t out[5 + OVERSIZE] = { PEER_TYPE_DATA, 3, 3, OVERSIZE >> 8, OVERSIZE & 0xff };

	peer_send_raw(s->p, out, sizeof(out));
}

/* The first half of a record. */
static void do_cut(struct script *s)
{
	uint8_t out[KTLS_ENGINE_RECORD_MAX];
	size_t len = peer_seal(s->p, PEER_TYPE_DATA, "never, not even half of it", 26, out);

	peer_send_raw(s->p, out, len / 2);
}

/* A KeyUpdate that nothing follows from; the new key, or the old one anew, without a word. */
static void do_old_key(struct script *s)
{
	peer_send_message(s->p, PEER_KEY_UPDATE, (uint8_t[]){ 0 }, 1);
}

static void do_new_key(struct script *s)
{
	peer_step_key(s->p);
}

static void do_same_key(struct script *s)
{
	peer_repeat_key(s->p);
}

static void do_fin(struct script *s)
{
	if (shutdown(s->p->fd, SHUT_WR) < 0)
		peer_fail("shutdown: %m");
}

static void do_rst(struct script *s)
{
	const struct linger none = { .l_onoff = 1 };

	if (setsockopt(s->p->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)) < 0)
		peer_fail("SO_LINGER: %m");
	s->closed = true;
}

static void set_tcp(struct script *s, int option, int on)
{
	if (setsockopt(s->p->fd, IPPROTO_TCP, option, &on, sizeof(on)) < 0)
		peer_fail("setsockopt: %m");
}

static void do_trickle(struct script *s)
{
	s->p->trickle = !script_is(s, 0, "off");
}

static void do_cork(struct script *s)
{
	set_tcp(s, TCP_CORK, 1);
}

static void do_uncork(struct script *s)
{
	set_tcp(s, TCP_CORK, 0);
}

static void do_heedless(struct script *s)
{
	s->p->heedless = true;
}

static void do_silent(struct script *s)
{
	s->p->silent = true;
}

const struct script_word script_senders[] = {
	{ "send", 1, do_send },         { "record", 1, do_record },
	{ "empty", 1, do_empty },       { "pad", 1, do_pad },
	{ "tickets", 2, do_tickets },   { "split", 1, do_split },
	{ "join", 1, do_join },         { "key-update", 1, do_key_update },
	{ "storm", 2, do_storm },       { "hello-request", 1, do_hello_request },
	{ "message", 2, do_message },   { "type", 2, do_type },
	{ "alert", 2, do_alert },       { "close-notify", 0, do_close_notify },
	{ "fatal", 1, do_fatal },       { "bad-mac", 0, do_bad_mac },
	{ "oversize", 0, do_oversize }, { "cut", 0, do_cut },
	{ "old-key", 0, do_old_key },   { "new-key", 0, do_new_key },
	{ "same-key", 0, do_same_key }, { "fin", 0, do_fin },
	{ "rst", 0, do_rst },           { "trickle", 1, do_trickle },
	{ "cork", 0, do_cork },         { "uncork", 0, do_uncork },
	{ "heedless", 0, do_heedless }, { "silent", 0, do_silent },
	{ "get", 1, do_get },           { NULL, 0, NULL },
};
