/* SPDX-License-Identifier: MIT */
/*
 * A service, for a connection whose handshake is over. Who may have one: whoever has the
 * descriptor and its seal, and may use the profile that the handshake was made with.
 */
#include "daemon/clock.h"
#include "daemon/worker.h"
#include "lib/conn/reply.h"

static void log_success(const struct request *request, const struct conn_result *result)
{
	static const char *const renewed[] = { "-", "tx", "rx", "tx,rx" };
	unsigned int i = (result->key_tx.len > 0) | (unsigned int)(result->key_rx.len > 0) << 1;
	char who[256];

	request_describe(request, who, sizeof(who));
	log_message(LOG_INFO, "%s: OK %s %s renew=%s, %u us", who,
		    ktls_version_name(result->facts->version),
		    ktls_suite_name(result->facts->suite), renewed[i], result->wall_us);
}

/* lib/conn has closed the descriptor by now. */
static void on_done(void *arg, const struct conn_result *result)
{
	struct request *request = arg;
	struct handoff_reply reply;

	request->conn = NULL;
	if (result->reason == KTLS_OK)
		log_success(request, result);
	else
		request_log_failure(request, result->reason, result);
	conn_reply(result, &reply);
	request_answer(request, &reply);
}

static int admit(void *arg, const char *profile, enum ktls_role role,
		 const struct conn_profile **out)
{
	struct request *request = arg;
	int err = request_admit(request, profile, role);

	if (err == 0)
		*out = &request->profile->conn;
	return err;
}

int service_start(struct request *request, const struct handoff_service *service, int fd)
{
	struct worker *w = request->worker;
	struct conn_service_request conn = { .fd = fd,
					     .session = service->session,
					     .ticket = service->ticket,
					     .renew = service->renew,
					     .timeout_ms = service->deadline_ms,
					     .admit = admit,
					     .done = on_done,
					     .arg = request };

	request->service = true;
	if (conn.timeout_ms > w->settings.deadline_max)
		conn.timeout_ms = w->settings.deadline_max;
	return w->stopping ? -KTLS_R_TOO_MANY : conn_service_start(w->loop, &conn, &request->conn);
}
