/* SPDX-License-Identifier: MIT */
#include "tests/harness/conns_tickets.h"

#include <sys/socket.h>

#include <ktls-record.h>

#include "lib/conn/internal.h"
#include "lib/wire/reader.h"
#include "tests/harness/harness.h"

static void keep_one(struct conns *conns, struct conn_end *client, struct conn_session *session,
		     const uint8_t *message, size_t len)
{
	static uint8_t bytes[KTLS_ENGINE_SESSION_MAX];

	session->session.bytes = bytes;
	ASSERT_EQ(0, ktls_secrets_ticket(&client->secrets, message, len, session->server_name,
					 conn_op_now(NULL), bytes, &session->session.len));
	conn_session_keep(conns->loop, session);
}

static void keep_record(struct conns *conns, struct conn_end *client, struct conn_session *session,
			const struct ktls_span *content)
{
	struct reader r, body;
	uint8_t type;

	reader_init(&r, content->bytes, content->len);
	while (!reader_empty(&r)) {
		const uint8_t *message = r.at;

		ASSERT_TRUE(reader_u8(&r, &type) && reader_vec24(&r, &body));
		keep_one(conns, client, session, message, (size_t)(r.at - message));
	}
}

void conns_keep_tickets(struct conns *conns, struct conn_end *client, struct conn_session session)
{
	static uint8_t wire[65536];
	ssize_t n = recv(client->fd, wire, sizeof(wire), MSG_DONTWAIT);
	struct ktls_record_layer layer;

	session.alpn = session.profile->alpn;
	session.alpn_len = session.profile->alpn_len;
	ASSERT_EQ(0, ktls_record_init(&layer, &client->tx, &client->rx));
	for (ssize_t at = 0; at < n;) {
		size_t len = 5 + ((size_t)wire[at + 3] << 8 | wire[at + 4]);
		struct ktls_span content;
		uint8_t type;

		ASSERT_EQ(0, ktls_record_open(&layer, wire + at, len, &type, &content));
		if (type == 22) /* else the alert of a server that was not content */
			keep_record(conns, client, &session, &content);
		at += (ssize_t)len;
	}
	ktls_record_wipe(&layer);
}
