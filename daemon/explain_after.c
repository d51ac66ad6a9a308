/* SPDX-License-Identifier: MIT */
/*
 * Behind the handshake of "ktlsctl explain". As a client: the connection is closed at once, and
 * what the server still says is read: tickets, and an alert of one that only now has looked at the
 * client's certificate. As a server: a request of HTTP is answered with the explanation. The
 * records are carried here, with the keys that the kernel would get.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/explain.h"

#include "lib/crypto/util.h"
#include "lib/handshake/protect.h"

#define PATIENCE      1000000 /* microseconds for a peer that says nothing */
#define RECORDS       32      /* enough of one that does not stop */

#define PLAINTEXT_MAX 16384

enum { ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23 };

/* Keys of both directions, and a record. */
struct link {
	struct schedule schedule;
	struct traffic tx, rx;
	uint8_t bytes[KTLS_ENGINE_RECORD_MAX];
};

static void take_key(struct traffic *t, const struct ktls_traffic_key *key)
{
	struct reader seq;

	t->on = true;
	memcpy(t->key, key->key, sizeof(t->key));
	memcpy(t->iv, key->iv, sizeof(t->iv));
	reader_init(&seq, key->seq, sizeof(key->seq));
	if (!reader_u64(&seq, &t->seq))
		t->seq = 0;
}

static bool take_keys(const struct explain *x, struct link *l)
{
	struct ktls_traffic_key tx, rx;

	memset(l, 0, sizeof(*l));
	if (ktls_engine_keys(&x->engine, &tx, &rx) != 0)
		return false;
	l->schedule.suite = suite_find(tx.suite);
	take_key(&l->tx, &tx);
	take_key(&l->rx, &rx);
	secret_wipe(&tx, sizeof(tx));
	secret_wipe(&rx, sizeof(rx));
	return l->schedule.suite != NULL;
}

/* ---- sending --------------------------------------------------------------------------------- */

static struct step *note(struct explain *x, enum step_kind kind, bool sent, const uint8_t *bytes,
			 size_t len)
{
	struct step *step = trace_step(&x->trace, kind, explain_elapsed(x));

	step->sent = sent;
	step->encrypted = true;
	step->application = x->decoder.version == KTLS_TLS_1_3;
	step->bytes = trace_copy(&x->trace, bytes, len);
	step->len = len;
	step->first_record = step->last_record = x->trace.last_record;
	if (kind != STEP_DATA)
		decode_step(&x->decoder, step);
	return step;
}

static void send_record(struct explain *x, struct link *l, uint8_t type, const uint8_t *bytes,
			size_t len)
{
	size_t before = PROTECT_HEADER + protect_prefix(&l->schedule, &l->tx);

	memcpy(l->bytes + before, bytes, len);
	len = protect_seal(&l->schedule, &l->tx, type, KTLS_TLS_1_2, l->bytes, len, l->tx.seq++);
	explain_note_record(x, true, l->bytes, len);
	explain_send(x, l->bytes, len);
}

/* Data is counted, not shown. */
static void note_data(struct explain *x, bool sent, size_t len)
{
	struct step *step = x->trace.last;

	if (step->kind != STEP_DATA || step->sent != sent) {
		step = note(x, STEP_DATA, sent, NULL, 0);
		step->name = "application data";
		step->meaning = "what the connection is for";
	}
	step->len += len;
	step->last_record = x->trace.last_record;
}

static void say_close(struct explain *x, struct link *l)
{
	static const uint8_t close_notify[] = { 1, KTLS_ALERT_CLOSE_NOTIFY };

	send_record(x, l, ALERT, close_notify, sizeof(close_notify));
	note(x, STEP_ALERT, true, close_notify, sizeof(close_notify));
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* False where there is no more. */
static bool recv_record(struct explain *x, struct link *l, uint8_t *type, struct reader *content)
{
	struct reader header;
	size_t content_len;
	uint8_t *at;
	uint16_t version, len;

	if (!explain_recv(x, l->bytes, PROTECT_HEADER))
		return false;
	reader_init(&header, l->bytes, PROTECT_HEADER);
	if (!reader_u8(&header, type) || !reader_u16(&header, &version) ||
	    !reader_u16(&header, &len) || len > sizeof(l->bytes) - PROTECT_HEADER ||
	    !explain_recv(x, l->bytes + PROTECT_HEADER, len))
		return false;
	explain_note_record(x, false, l->bytes, PROTECT_HEADER + (size_t)len);
	if (!protect_open(&l->schedule, &l->rx, l->bytes, len, &at, &content_len))
		return false;
	l->rx.seq++;
	if (l->schedule.suite->version == KTLS_TLS_1_3) {
		while (content_len > 0 && at[content_len - 1] == 0)
			content_len--;
		if (content_len == 0)
			return false;
		*type = at[--content_len];
	}
	reader_init(content, at, content_len);
	return true;
}

/* A ticket of TLS 1.3, for the next connection. */
static void keep_ticket(struct explain *x, const uint8_t *message, size_t len)
{
	struct ktls_secrets secrets;

	if (!x->options->resume || ktls_engine_secrets(&x->engine, &secrets) != 0)
		return;
	if (ktls_secrets_ticket(&secrets, message, len, x->config.server_name, x->ops.now(x),
				x->session->bytes, &x->session->len) != 0)
		x->session->len = 0;
	secret_wipe(&secrets, sizeof(secrets));
}

/* Messages that are split over records are left alone. */
static void note_messages(struct explain *x, struct reader content)
{
	struct reader body;
	const uint8_t *at;
	uint8_t type;
	bool more = false;

	for (;;) {
		at = content.at;
		if (!reader_u8(&content, &type) || !reader_vec24(&content, &body))
			return;
		note(x, STEP_MESSAGE, false, at, 4 + body.left)->shares_record = more;
		if (type == NEW_SESSION_TICKET)
			keep_ticket(x, at, 4 + body.left);
		more = true;
	}
}

/* False where the peer has said its last word. */
static bool note_record(struct explain *x, uint8_t type, struct reader content)
{
	struct step *step;

	if (type == HANDSHAKE) {
		note_messages(x, content);
	} else if (type == ALERT) {
		step = note(x, STEP_ALERT, false, content.at, content.left);
		return !step->bad && content.left == 2 && content.at[1] != KTLS_ALERT_CLOSE_NOTIFY;
	} else if (type == APPLICATION_DATA) {
		note_data(x, false, content.left);
	}
	return true;
}

/* ---- a page for browsers --------------------------------------------------------------------- */

static bool contains(struct reader text, const char *word)
{
	return memmem(text.at, text.left, word, strlen(word)) != NULL;
}

static bool is_http(struct reader request)
{
	return contains(request, " HTTP/1.") && contains(request, "\r\n");
}

/* Names in it are the client's, and it may have been sent by somebody else's page. */
static void put_preformatted(const struct explain *x, const struct explain_options *o, FILE *out)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);

	if (!memory)
		return;
	explain_text(&x->trace, o, memory);
	fclose(memory);
	fputs("<pre>", out);
	for (size_t i = 0; i < len; i++)
		if (strchr("<>&", text[i]))
			fprintf(out, "&#%d;", text[i]);
		else
			fputc(text[i], out);
	fputs("</pre>\n", out);
	free(text);
}

static void put_page(const struct explain *x, bool html, FILE *out)
{
	struct explain_options plain = *x->options;

	plain.color = false;
	plain.unicode = true;
	fprintf(out,
		"HTTP/1.0 200 OK\r\nContent-Type: text/%s; charset=utf-8\r\n"
		"Cache-Control: no-store\r\nConnection: close\r\n\r\n",
		html ? "html" : "plain");
	if (!html) {
		explain_text(&x->trace, &plain, out);
		return;
	}
	fputs("<!DOCTYPE html><meta charset=utf-8><meta name=color-scheme "
	      "content='light dark'><title>Your TLS handshake</title>\n",
	      out);
	explain_svg(&x->trace, out);
	put_preformatted(x, &plain, out);
}

/* The explanation itself, as the answer to a client that asks for anything. */
static void answer(struct explain *x, struct link *l, struct reader request)
{
	char *page = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&page, &len);
	struct reader rest, part;

	if (!out)
		return;
	put_page(x, contains(request, "text/html"), out);
	if (fclose(out) == 0) {
		reader_init(&rest, page, len);
		while (reader_bytes(&rest, rest.left < PLAINTEXT_MAX ? rest.left : PLAINTEXT_MAX,
				    &part) &&
		       part.left > 0) {
			send_record(x, l, APPLICATION_DATA, part.at, part.left);
			note_data(x, true, part.left);
		}
	}
	free(page);
}

/* A server hears its client out first, if it speaks at once. */
static bool serve(struct explain *x, struct link *l)
{
	struct reader content;
	uint8_t type;

	while (recv_record(x, l, &type, &content)) {
		bool request = type == APPLICATION_DATA && is_http(content);

		if (!note_record(x, type, content))
			return false;
		if (request)
			answer(x, l, content);
		if (type == APPLICATION_DATA)
			return true;
	}
	return x->outcome == OUTCOME_TIMEOUT;
}

/* ---------------------------------------------------------------------------------------------- */

static void be_patient(struct explain *x)
{
	x->deadline = explain_now() + PATIENCE;
}

void explain_after(struct explain *x)
{
	static struct link l;
	enum outcome outcome = x->outcome;
	uint64_t waited = x->trace.waited;
	unsigned int trips = x->trace.round_trips;
	struct reader content;
	uint8_t type;
	bool more = true;

	if (!take_keys(x, &l))
		return;
	be_patient(x);
	if (x->options->role == KTLS_SERVER)
		more = serve(x, &l);
	be_patient(x);
	if (more)
		say_close(x, &l);
	for (int i = 0; more && i < RECORDS; i++)
		more = recv_record(x, &l, &type, &content) && note_record(x, type, content);
	secret_wipe(&l, sizeof(l));
	/* How the connection ends is not how the handshake went. */
	x->outcome = outcome;
	x->trace.waited = waited;
	x->trace.round_trips = trips;
}
