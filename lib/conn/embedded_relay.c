/* SPDX-License-Identifier: MIT */
#include "lib/conn/embedded_relay.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/relay/thread.h"

static int make_thread(struct relay_thread **thread)
{
	const struct relay_config config = { .relays_max = EMBEDDED_RELAYS_MAX };

	if (!*thread && relay_thread_new(&config, thread) < 0)
		return -KTLS_R_NO_MEMORY;
	return 0;
}

/* 0, or a negative reason. */
static int start(struct relay_thread **thread, const struct conn_result *result, int application)
{
	const struct relay_request request = {
		.peer = result->fd,
		.application = application,
		.secrets = result->secrets,
		.tx = result->tx_key,
		.rx = result->rx_key,
		.content_max = result->facts->content_max,
	};
	int err = make_thread(thread);

	return err < 0 ? err : relay_thread_start(*thread, &request);
}

static void refuse(enum ktls_reason reason, struct handoff_reply *reply)
{
	*reply = (struct handoff_reply){ .reason = KTLS_R_RELAY_UNAVAILABLE,
					 .alert = KTLS_ALERT_NONE };
	snprintf(reply->text, sizeof(reply->text), "%s", ktls_reason_text((int)reason));
}

int embedded_carry(struct relay_thread **thread, const struct conn_result *result,
		   struct conn_carried *room, struct handoff_reply *reply)
{
	int pair[2] = { -1, -1 };
	int err = -KTLS_R_NO_MEMORY;

	conn_reply_carried(result, room, reply);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0)
		err = start(thread, result, pair[0]);
	if (err == 0)
		return pair[1];
	refuse((enum ktls_reason)(-err), reply);
	close(result->fd);
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	return -1;
}
