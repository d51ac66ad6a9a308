/* SPDX-License-Identifier: MIT */
/* From what is known of a handshake to the struct ktls_reply that the application gets. */
#include "lib/handoff/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes that have a home for as long as the reply. */
struct store {
	uint8_t *at;
};

static const void *keep(struct store *s, const void *bytes, size_t len)
{
	void *copy = s->at;

	if (len > 0)
		memcpy(copy, bytes, len);
	s->at += len;
	return copy;
}

static const char *keep_string(struct store *s, const void *bytes, size_t len)
{
	const char *copy = keep(s, bytes, len);

	*s->at++ = 0;
	return copy;
}

/* The certificates' spans and the names come first in the storage, for they have to be aligned. */
static size_t storage_size(const struct handoff_reply *facts, const char *text)
{
	size_t size = (facts->certs_len + facts->exported_len) * sizeof(struct ktls_span) +
		      facts->tls_exporter.len + facts->tls_server_end_point.len;

	for (size_t i = 0; i < facts->exported_len; i++)
		size += facts->exported[i].len;
	for (size_t i = 0; i < facts->certs_len; i++)
		size += facts->certs[i].len;
	size += facts->names_len * sizeof(struct ktls_name);
	for (size_t i = 0; i < facts->names_len; i++)
		size += facts->names[i].text.len + 1;
	return size + strlen(text) + 1 + strlen(facts->server_name) + 1 + facts->alpn.len + 1 +
	       facts->session.len + facts->key_tx.len + facts->key_rx.len;
}

static void keep_certs(struct ktls_reply *reply, struct ktls_span *spans, struct store *s,
		       const struct handoff_reply *facts)
{
	for (size_t i = 0; i < facts->certs_len; i++) {
		spans[i].bytes = keep(s, facts->certs[i].bytes, facts->certs[i].len);
		spans[i].len = facts->certs[i].len;
	}
	reply->certs = spans;
	reply->certs_len = facts->certs_len;
}

static void keep_names(struct ktls_reply *reply, struct ktls_name *names, struct store *s,
		       const struct handoff_reply *facts)
{
	for (size_t i = 0; i < facts->names_len; i++) {
		const struct handoff_name *name = &facts->names[i];

		names[i].kind = (enum ktls_name_kind)name->kind;
		names[i].text = keep_string(s, name->text.bytes, name->text.len);
	}
	reply->names = names;
	reply->names_len = facts->names_len;
	reply->names_left_out = facts->names_left_out;
}

static struct ktls_span keep_span(struct store *s, const struct ktls_span *span)
{
	return (struct ktls_span){ .bytes = keep(s, span->bytes, span->len), .len = span->len };
}

static void keep_exports(struct ktls_reply *reply, struct ktls_span *spans, struct store *s,
			 const struct handoff_reply *facts)
{
	for (size_t i = 0; i < facts->exported_len; i++)
		spans[i] = keep_span(s, &facts->exported[i]);
	reply->exported = spans;
	reply->exported_len = facts->exported_len;
	reply->tls_exporter = keep_span(s, &facts->tls_exporter);
	reply->tls_server_end_point = keep_span(s, &facts->tls_server_end_point);
}

static bool keep_all(struct ktls_call *call, const struct handoff_reply *facts, const char *text)
{
	size_t spans_len = facts->certs_len + facts->exported_len;
	size_t names_size = facts->names_len * sizeof(struct ktls_name);
	struct ktls_reply *reply = &call->reply;
	struct ktls_name *names;
	struct store s;

	call->storage_len = storage_size(facts, text);
	call->storage = malloc(call->storage_len);
	if (!call->storage)
		return false;
	names = (void *)((struct ktls_span *)call->storage + spans_len);
	s.at = (uint8_t *)names + names_size;
	keep_certs(reply, call->storage, &s, facts);
	keep_exports(reply, (struct ktls_span *)call->storage + facts->certs_len, &s, facts);
	keep_names(reply, names, &s, facts);
	reply->text = keep_string(&s, text, strlen(text));
	reply->server_name = keep_string(&s, facts->server_name, strlen(facts->server_name));
	reply->alpn = keep_string(&s, facts->alpn.bytes, facts->alpn.len);
	reply->session.bytes = keep(&s, facts->session.bytes, facts->session.len);
	reply->session.len = facts->session.len;
	call->key_tx = keep_span(&s, &facts->key_tx);
	call->key_rx = keep_span(&s, &facts->key_rx);
	return true;
}

static void set_numbers(struct ktls_reply *reply, const struct handoff_reply *facts)
{
	reply->reason = (enum ktls_reason)facts->reason;
	reply->alert_origin = (enum ktls_alert_origin)facts->alert_origin;
	if (facts->alert_origin != KTLS_ALERT_ORIGIN_NONE)
		reply->alert = facts->alert;
	reply->version = facts->version;
	reply->suite = facts->suite;
	reply->group = facts->group;
	reply->scheme = facts->scheme;
	reply->client_scheme = facts->client_scheme;
	reply->resumed = facts->resumed;
	reply->records_max = facts->records_max;
	reply->session_age = facts->session_age;
	reply->more = facts->more;
	reply->tx = (enum ktls_state)facts->tx;
	reply->rx = (enum ktls_state)facts->rx;
	reply->tx_no_hw = (enum ktls_no_hw)facts->tx_no_hw;
	reply->rx_no_hw = (enum ktls_no_hw)facts->rx_no_hw;
	reply->time_us = facts->time_us;
}

/* "certificate has expired: on 2024-02-29"; "the peer ended ... with an alert: unknown_ca". */
static void compose(char *out, size_t cap, const struct handoff_reply *facts)
{
	const char *detail = facts->text;

	if (!detail[0] && facts->alert_origin == KTLS_ALERT_RECEIVED)
		detail = ktls_alert_name(facts->alert);
	snprintf(out, cap, "%s%s%s", ktls_reason_text(facts->reason), detail[0] ? ": " : "",
		 detail);
}

void ktls_reply_init(struct ktls_call *call, uint64_t id, void *arg)
{
	call->id = id;
	call->reply = (struct ktls_reply){ .id = id,
					   .arg = arg,
					   .alert = KTLS_ALERT_NONE,
					   .text = "",
					   .server_name = "",
					   .alpn = "",
					   .fd = -1 };
}

static const struct sockaddr *keep_address(struct sockaddr_in6 *home, const struct ktls_span *from)
{
	return handoff_address_parse(from, home) ? (const struct sockaddr *)home : NULL;
}

void ktls_reply_set(struct ktls_call *call, const struct handoff_reply *facts, int fd)
{
	char text[HANDOFF_TEXT_MAX + 256];

	compose(text, sizeof(text), facts);
	set_numbers(&call->reply, facts);
	call->reply.fd = fd;
	call->reply.peer = keep_address(&call->peer, &facts->peer_address);
	call->reply.local = keep_address(&call->local, &facts->local_address);
	if (keep_all(call, facts, text))
		return;
	call->reply.reason = KTLS_R_NO_MEMORY;
	call->reply.text = ktls_reason_text(KTLS_R_NO_MEMORY);
}

void ktls_reply_free(struct ktls_reply *reply)
{
	struct ktls_call *call = (struct ktls_call *)reply;

	if (!reply)
		return;
	if (reply->fd >= 0)
		close(reply->fd);
	if (call->storage)
		explicit_bzero(call->storage, call->storage_len);
	free(call->storage);
	free(call);
}
