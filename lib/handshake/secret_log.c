/* SPDX-License-Identifier: MIT */
#include "lib/handshake/secret_log.h"

static void tell(struct engine *e, const char *label, const uint8_t *secret, size_t len)
{
	if (e->config.ops->log_secret)
		e->config.ops->log_secret(e->arg, label, e->random, secret, len);
}

void secret_log_handshake(struct engine *e)
{
	const struct schedule *s = &e->schedule;
	size_t len = hash_size(s->suite->hash);
	bool server = engine_is_server(e);

	tell(e, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", server ? s->rx.secret : s->tx.secret, len);
	tell(e, "SERVER_HANDSHAKE_TRAFFIC_SECRET", server ? s->tx.secret : s->rx.secret, len);
}

void secret_log_application(struct engine *e)
{
	const struct schedule *s = &e->schedule;
	size_t len = hash_size(s->suite->hash);

	tell(e, "CLIENT_TRAFFIC_SECRET_0", s->client_application, len);
	tell(e, "SERVER_TRAFFIC_SECRET_0", s->server_application, len);
	tell(e, "EXPORTER_SECRET", s->exporter, len);
}

void secret_log_master(struct engine *e)
{
	tell(e, "CLIENT_RANDOM", e->schedule.secret, KTLS_ENGINE_MASTER_LEN);
}
