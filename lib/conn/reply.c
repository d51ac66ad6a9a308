/* SPDX-License-Identifier: MIT */
#include "lib/conn/reply.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/conn/exports.h"
#include "lib/x509/verify.h"

_Static_assert(HANDOFF_CERTS_MAX >= KTLS_ENGINE_CERTS_MAX, "a chain must fit a reply");
_Static_assert(HANDOFF_CERTS_MAX >= X509_PATH_MAX, "a path must fit a reply");
_Static_assert(HANDOFF_CHAIN_MAX >= X509_PATH_LEN_MAX, "a path must fit a reply");
_Static_assert(HANDOFF_NAMES_MAX >= X509_NAMES_MAX, "names must fit a reply");
_Static_assert(HANDOFF_NAMES_LEN_MAX >= X509_NAMES_LEN_MAX, "names must fit a reply");

static void put_exports(const struct conn_exports *e, struct handoff_reply *out)
{
	memcpy(out->exported, e->exported, sizeof(out->exported));
	out->exported_len = e->exported_len;
	out->tls_exporter = (struct ktls_span){ e->exporter, e->exporter_len };
	out->tls_server_end_point = (struct ktls_span){ e->end_point, e->end_point_len };
}

void conn_reply(const struct conn_result *result, struct handoff_reply *out)
{
	const struct ktls_engine_facts *facts = result->facts;

	*out = (struct handoff_reply){ .reason = (uint16_t)result->reason,
				       .alert = result->alert,
				       .version = facts->version,
				       .suite = facts->suite,
				       .group = facts->group,
				       .scheme = facts->scheme,
				       .tx = (uint8_t)result->tx,
				       .rx = (uint8_t)result->rx,
				       .tx_no_hw = (uint8_t)result->tx_no_hw,
				       .rx_no_hw = (uint8_t)result->rx_no_hw,
				       .time_us = result->wall_us,
				       .alpn = { facts->alpn, facts->alpn_len },
				       .client_scheme = facts->client_scheme,
				       .resumed = facts->resumed,
				       .certs_len = result->chain_len,
				       .names_len = result->names_len };
	if (result->alert != KTLS_ALERT_NONE)
		out->alert_origin = result->alert_received ? KTLS_ALERT_RECEIVED : KTLS_ALERT_SENT;
	memccpy(out->text, result->text, '\0', sizeof(out->text) - 1);
	memcpy(out->server_name, facts->server_name, sizeof(out->server_name));
	for (size_t i = 0; i < result->chain_len; i++)
		out->certs[i] = result->chain[i];
	for (size_t i = 0; i < result->names_len; i++) {
		const struct ktls_name *name = &result->names[i];

		out->names[i].kind = (uint8_t)name->kind;
		out->names[i].text =
			(struct ktls_span){ (const uint8_t *)name->text, strlen(name->text) };
	}
	out->session = result->session;
	out->records_max = result->records_max;
	out->session_age = result->session_age;
	out->key_tx = result->key_tx;
	out->key_rx = result->key_rx;
	if (result->exports)
		put_exports(result->exports, out);
	out->names_left_out =
		result->names_left_out < UINT16_MAX ? (uint16_t)result->names_left_out : UINT16_MAX;
}

static struct ktls_span address_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *),
				   uint8_t out[static HANDOFF_ADDRESS_MAX])
{
	struct sockaddr_in6 address;
	struct sockaddr *any = (struct sockaddr *)&address;
	socklen_t len = sizeof(address);

	if (get(fd, any, &len) != 0)
		return (struct ktls_span){ 0 };
	return (struct ktls_span){ out, handoff_address_build(any, out) };
}

void conn_reply_carried(const struct conn_result *result, struct conn_carried *room,
			struct handoff_reply *out)
{
	const char *why = "the profile says so";

	if (result->refused != KTLS_OK)
		why = ktls_reason_text((int)result->refused);
	snprintf(out->text, sizeof(out->text), "a relay has the records: %s%s%s", why,
		 result->text[0] ? ": " : "", result->text);
	out->tx = KTLS_STATE_RELAY;
	out->rx = KTLS_STATE_RELAY;
	out->tx_no_hw = KTLS_NO_HW_RELAY;
	out->rx_no_hw = KTLS_NO_HW_RELAY;
	out->descriptor = HANDOFF_FD_RELAYED;
	out->session = (struct ktls_span){ NULL, 0 }; /* the relay's */
	out->records_max = 0;                         /* which counts */
	out->peer_address = address_of(result->fd, getpeername, room->peer);
	out->local_address = address_of(result->fd, getsockname, room->local);
}
