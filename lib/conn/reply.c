/* SPDX-License-Identifier: MIT */
#include "lib/conn/reply.h"

#include <string.h>

_Static_assert(HANDOFF_CERTS_MAX >= KTLS_ENGINE_CERTS_MAX, "a chain must fit a reply");

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
				       .time_us = result->wall_us,
				       .alpn = { facts->alpn, facts->alpn_len },
				       .certs_len = result->chain_len };
	if (result->alert != KTLS_ALERT_NONE)
		out->alert_origin = result->alert_received ? KTLS_ALERT_RECEIVED : KTLS_ALERT_SENT;
	memccpy(out->text, result->text, '\0', sizeof(out->text) - 1);
	memcpy(out->server_name, facts->server_name, sizeof(out->server_name));
	for (size_t i = 0; i < result->chain_len; i++)
		out->certs[i] = result->chain[i];
}
