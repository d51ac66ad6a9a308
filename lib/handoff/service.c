/* SPDX-License-Identifier: MIT */
#include "lib/handoff/service.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <ktls-session.h>

#define RETRY_MS     20
#define NONSENSE_MAX 3 /* times that ktlsd makes no sense, before it is believed to mean that */

/* Whether asking again helps: of what is asked nothing is used up by that. */
static bool passes(enum ktls_reason reason)
{
	return reason == KTLS_R_WORKER_LOST || reason == KTLS_R_DAEMON_UNREACHABLE ||
	       reason == KTLS_R_TOO_MANY || reason == KTLS_R_SIGNER;
}

/* With the lock released; it is held when this returns 0, whose call may be done already. */
static int begin(struct ktls *k, int fd, struct handoff_service *service, bool waited,
		 struct ktls_call **out)
{
	struct ktls_call *call;
	int ret;

	if (!k->ops->service)
		return -EOPNOTSUPP;
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->waited = waited;
	call->dropped = !waited;
	call->number = -1;
	pthread_mutex_lock(&k->lock);
	ktls_call_begin(k, call, NULL);
	service->id = call->id;
	ret = k->ops->service(k, call, fd, service);
	if (ret == 0) {
		*out = call;
		return 0;
	}
	ktls_call_undo(k, call);
	pthread_mutex_unlock(&k->lock);
	return ret;
}

static int ask_once(struct ktls *k, int fd, struct handoff_service *service, int64_t until,
		    struct ktls_call **out)
{
	struct ktls_call *call;
	int64_t now = now_ms();
	int ret;

	if (now >= until)
		return -ETIMEDOUT;
	service->deadline_ms = (uint32_t)(until - now);
	ret = begin(k, fd, service, true, &call);
	if (ret < 0)
		return ret;
	if (ktls_call_wait(k, call, until)) {
		*out = call;
	} else {
		ret = -ETIMEDOUT;
		call->waited = false;
		call->dropped = true;
		k->ops->cancel(k, call);
	}
	pthread_mutex_unlock(&k->lock);
	return ret;
}

int service_ask(struct ktls *k, int fd, struct handoff_service *service, struct ktls_call **out)
{
	static const struct timespec pause = { .tv_nsec = RETRY_MS * 1000000 };
	int64_t until = now_ms() + KTLS_SERVICE_MS;
	struct ktls_call *call;
	int ret, nonsense = 0;

	for (;;) {
		ret = ask_once(k, fd, service, until, &call);
		if (ret < 0)
			return ret;
		/* The lane is closed then, maybe for what it said to somebody else. */
		if (call->reply.reason == KTLS_R_PROTOCOL && nonsense < NONSENSE_MAX)
			nonsense++;
		else if (!passes(call->reply.reason))
			break;
		ktls_reply_free(&call->reply);
		nanosleep(&pause, NULL);
	}
	*out = call;
	return 0;
}

void service_tell(struct ktls *k, int fd, struct handoff_service *service)
{
	struct ktls_call *call;

	service->deadline_ms = KTLS_SERVICE_MS;
	if (begin(k, fd, service, false, &call) < 0)
		return;
	k->ops->run(k); /* takes the answers to those told before */
	pthread_mutex_unlock(&k->lock);
}
