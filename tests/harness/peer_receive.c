/* SPDX-License-Identifier: MIT */
/* The receiving half of peer_records.h. */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <ktls.h>

#include "lib/crypto/util.h"
#include "tests/harness/pattern.h"
#include "tests/harness/peer_records.h"

#define HEADER         5
#define MESSAGE_HEADER 4
#define AHEAD          64 /* numbers, and AHEAD_KEYS keys, that are looked for beyond those due */
#define AHEAD_KEYS     4

/* ---- events ------------------------------------------------------------------------------------
 */

static void say(struct peer_records *p, enum peer_event_kind kind, uint64_t value)
{
	struct peer_event *last = p->events_len > 0 ? &p->events[p->events_len - 1] : NULL;

	if (kind == PEER_SAID_DATA && last && last->kind == kind) {
		last->value += value;
		return;
	}
	if (p->events_len == PEER_EVENTS)
		peer_fail("the peer says more than anybody asked for");
	p->events[p->events_len++] = (struct peer_event){ kind, value };
}

bool peer_ended(const struct peer_records *p)
{
	return p->events_len > 0 && p->events[p->events_len - 1].kind >= PEER_SAID_FIN;
}

struct peer_event *peer_next(struct peer_records *p)
{
	while (p->events_len == 0) {
		peer_receive(p);
		peer_answer(p);
	}
	return &p->events[0];
}

void peer_drop(struct peer_records *p)
{
	/* What ends the stream stays there. */
	if (p->events_len == 0 || p->events[0].kind >= PEER_SAID_FIN)
		return;
	p->events_len--;
	memmove(p->events, p->events + 1, p->events_len * sizeof(p->events[0]));
}

void peer_drop_data(struct peer_records *p, uint64_t len)
{
	p->events[0].value -= len;
	if (p->events[0].value == 0)
		peer_drop(p);
}

/* ---- what is wrong with a record ---------------------------------------------------------------
 */

static void put_seq(struct ktls_traffic_key *key, uint64_t seq)
{
	for (size_t i = 0; i < sizeof(key->seq); i++)
		key->seq[i] = (uint8_t)(seq >> (56 - 8 * i));
}

static bool opens(const struct ktls_traffic_key *key, uint64_t seq, const uint8_t *record,
		  size_t len)
{
	uint8_t copy[KTLS_ENGINE_RECORD_MAX], type;
	struct ktls_record_layer layer;
	struct ktls_traffic_key at = *key;
	struct ktls_span content;
	bool yes;

	memcpy(copy, record, len);
	put_seq(&at, seq);
	yes = ktls_record_init(&layer, &at, &at) == 0 &&
	      ktls_record_open(&layer, copy, len, &type, &content) == 0;
	ktls_record_wipe(&layer);
	secret_wipe(&at, sizeof(at));
	return yes;
}

/* Under a key that is or was in force. */
static void look_back(const struct peer_past *past, const char *when, const uint8_t *record,
		      size_t len)
{
	for (uint64_t seq = 0; seq < past->next + AHEAD; seq++) {
		if (!opens(&past->key, seq, record, len))
			continue;
		if (seq < past->next)
			peer_fail("key %llu, number %llu: used twice",
				  (unsigned long long)past->generation, (unsigned long long)seq);
		peer_fail("number %llu under key %llu, %s, where number %llu is next",
			  (unsigned long long)seq, (unsigned long long)past->generation, when,
			  (unsigned long long)past->next);
	}
}

static void look_ahead(const struct peer_records *p, const uint8_t *record, size_t len)
{
	struct ktls_secrets secrets = p->secrets;
	struct ktls_traffic_key key;

	for (uint64_t i = 1; i <= AHEAD_KEYS; i++) {
		if (ktls_secrets_key_update(&secrets, KTLS_RX, &key) != 0)
			return;
		for (uint64_t seq = 0; seq < AHEAD; seq++)
			if (opens(&key, seq, record, len))
				peer_fail(
					"a record under key %llu, without the KeyUpdate before it",
					(unsigned long long)(p->now.generation + i));
	}
}

/* Does not return. */
static void explain(const struct peer_records *p, int reason, const uint8_t *record, size_t len)
{
	if (reason == -KTLS_R_RECORD_MAC) {
		look_back(&p->now, "the one in force", record, len);
		for (size_t i = 0; i < PEER_PAST; i++)
			if (p->past[i].key.version != 0)
				look_back(&p->past[i], "an old one", record, len);
		look_ahead(p, record, len);
	}
	peer_fail("number %llu under key %llu: %s", (unsigned long long)p->now.next,
		  (unsigned long long)p->now.generation, ktls_reason_name(-reason));
}

/* ---- messages ----------------------------------------------------------------------------------
 */

static void step(struct peer_records *p)
{
	p->past[p->now.generation % PEER_PAST] = p->now;
	p->now.generation++;
	p->now.next = 0;
	if (ktls_secrets_key_update(&p->secrets, KTLS_RX, &p->now.key) != 0 ||
	    ktls_record_rekey_rx(&p->layer, &p->now.key) != 0)
		peer_fail("a key cannot be updated");
}

/* left: bytes of its record behind it. */
static void take_key_update(struct peer_records *p, size_t left)
{
	bool request;
	int result = ktls_secrets_parse_key_update(p->message, p->message_len, &request);

	if (result != 0)
		peer_fail("a KeyUpdate: %s", ktls_reason_name(-result));
	if (left > 0)
		peer_fail("%zu bytes behind a KeyUpdate in its record", left);
	if (request && p->update_owed)
		peer_fail("a KeyUpdate asks for ours again, before we have answered");
	step(p);
	p->updates_received++;
	p->asked = false;
	p->update_owed |= request;
	say(p, PEER_SAID_KEY_UPDATE, request);
}

static size_t message_want(const struct peer_records *p)
{
	if (p->message_len < MESSAGE_HEADER)
		return MESSAGE_HEADER;
	return MESSAGE_HEADER +
	       ((size_t)p->message[1] << 16 | (size_t)p->message[2] << 8 | p->message[3]);
}

static void take_messages(struct peer_records *p, const uint8_t *bytes, size_t len)
{
	for (; len > 0; len--) {
		p->message[p->message_len++] = *bytes++;
		if (message_want(p) > sizeof(p->message))
			peer_fail("a message that is too long");
		if (p->message_len < MESSAGE_HEADER || p->message_len < message_want(p))
			continue;
		if (p->message[0] == PEER_KEY_UPDATE && p->version == KTLS_TLS_1_3) {
			take_key_update(p, len - 1);
		} else {
			p->messages_received++;
			say(p, PEER_SAID_MESSAGE, p->message[0]);
		}
		p->message_len = 0;
	}
}

static void take_data(struct peer_records *p, const uint8_t *bytes, size_t len)
{
	size_t same = p->any_data ? len : pattern_same(bytes, len, p->received);

	if (same < len)
		peer_fail("byte %llu of the data is another",
			  (unsigned long long)(p->received + same));
	hash_update(&p->hash, bytes, len);
	p->received += len;
	say(p, PEER_SAID_DATA, len);
}

static void take_record(struct peer_records *p, uint8_t type, const struct ktls_span *content)
{
	if (p->message_len > 0 && type != PEER_TYPE_HANDSHAKE)
		peer_fail("a record of type %u within a handshake message", type);
	switch (type) {
	case PEER_TYPE_DATA:
		take_data(p, content->bytes, content->len);
		break;
	case PEER_TYPE_HANDSHAKE:
		take_messages(p, content->bytes, content->len);
		break;
	case PEER_TYPE_ALERT:
		if (content->len != 2)
			peer_fail("an alert of %zu bytes", content->len);
		say(p, PEER_SAID_ALERT, content->bytes[1]);
		break;
	default:
		peer_fail("a record of type %u", type);
	}
}

/* ---- records -----------------------------------------------------------------------------------
 */

/* Bytes of a record; false at its end, which is only allowed before the first. */
static bool read_bytes(struct peer_records *p, uint8_t *bytes, size_t len, bool first)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };
	ssize_t n;

	for (size_t at = 0; at < len; at += (size_t)n) {
		if (poll(&pfd, 1, peer_patience_ms()) <= 0)
			peer_fail("nothing comes");
		n = recv(p->fd, bytes + at, len - at, 0);
		if (n > 0)
			continue;
		if (n < 0 && errno != ECONNRESET && errno != EPIPE)
			peer_fail("recv: %m");
		if (n == 0 && !(first && at == 0))
			peer_fail("the stream ends within a record");
		say(p, n == 0 ? PEER_SAID_FIN : PEER_SAID_RESET, 0);
		return false;
	}
	return true;
}

void peer_receive(struct peer_records *p)
{
	static uint8_t record[KTLS_ENGINE_RECORD_MAX], copy[KTLS_ENGINE_RECORD_MAX];
	struct ktls_span content;
	uint8_t type;
	size_t len;
	int result;

	if (peer_ended(p))
		return;
	if (!read_bytes(p, record, HEADER, true))
		return;
	len = HEADER + ((size_t)record[3] << 8 | record[4]);
	if (len > sizeof(record))
		peer_fail("a record of %zu bytes", len);
	if (!read_bytes(p, record + HEADER, len - HEADER, false))
		return;
	memcpy(copy, record, len);
	result = ktls_record_open(&p->layer, record, len, &type, &content);
	if (result != 0)
		explain(p, result, copy, len);
	p->now.next++;
	take_record(p, type, &content);
}
