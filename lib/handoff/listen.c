/* SPDX-License-Identifier: MIT */
#include "lib/handoff/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAUSE_MIN_MS 10 /* before a worker is asked again; twice as long each time */
#define PAUSE_MAX_MS 1000
#define SETTLED_MS   5000 /* a share that lived so long makes the next pause a short one */

TAILQ_HEAD(share_list, share);

/* The impl of a call with listens set. */
struct listening {
	TAILQ_ENTRY(listening) link;
	struct ktls_call *call;
	int fd;          /* a duplicate of the application's */
	uint8_t *packet; /* the request */
	size_t len;
	unsigned int backlog;
	struct share_list shares;
	unsigned int asked;    /* shares that are not leaving */
	unsigned int given;    /* connections that they have together */
	bool renewed;          /* a share has ended: what goes wrong now will pass */
	bool held;             /* nothing more to be done for it in this run */
	bool ending;           /* nobody is asked any more; when the last share ends, it is over */
	enum ktls_reason last; /* for which it ends */
	char text[HANDOFF_TEXT_MAX + 1];
	int64_t retry_at; /* monotonic milliseconds; 0: at once */
	unsigned int pause_ms;
};

/* ---- the end ------------------------------------------------------------------------------- */

static void listening_free(struct client *c, struct listening *l)
{
	TAILQ_REMOVE(&c->listenings, l, link);
	close(l->fd);
	free(l->packet);
	free(l);
}

static void finish(struct client *c, struct listening *l)
{
	struct handoff_reply facts = { .reason = (uint16_t)l->last };
	struct ktls_call *call = l->call;

	memcpy(facts.text, l->text, sizeof(facts.text));
	listening_free(c, l);
	ktls_call_done(&c->base, call, &facts, -1);
}

/* A worker that leaves hears nothing more and ends by itself: sending fails then. */
static void share_cancel(struct client *c, struct share *share)
{
	uint8_t packet[HANDOFF_HEADER_LEN];
	size_t len = handoff_cancel_build(share->listening->call->id, packet, sizeof(packet));

	share->cancel =
		share->lane->blocked || handoff_send(share->lane->fd, packet, len, -1) == -EAGAIN;
	if (share->cancel)
		lane_block(c, share->lane, true);
}

/* The first reason counts. The listening may be gone afterwards. */
static void end(struct client *c, struct listening *l, enum ktls_reason reason, const char *text)
{
	struct share *share;

	if (!l->ending) {
		l->ending = true;
		l->last = reason;
		memccpy(l->text, text, '\0', sizeof(l->text) - 1);
		TAILQ_FOREACH(share, &l->shares, link)
		share_cancel(c, share);
	}
	if (TAILQ_EMPTY(&l->shares))
		finish(c, l);
}

/* ---- shares -------------------------------------------------------------------------------- */

static void pause_before_next(struct client *c, struct listening *l)
{
	l->retry_at = now_ms() + l->pause_ms;
	l->pause_ms = l->pause_ms ? l->pause_ms * 2 : PAUSE_MIN_MS;
	if (l->pause_ms > PAUSE_MAX_MS)
		l->pause_ms = PAUSE_MAX_MS;
	client_wake_at(c, l->retry_at);
}

static void share_leave(struct share *share)
{
	if (share->leaving)
		return;
	share->leaving = true;
	share->listening->asked--;
	share->listening->given -= share->size;
	share->listening->renewed = true;
}

static void share_free(struct share *share)
{
	TAILQ_REMOVE(&share->lane->shares, share, in_lane);
	TAILQ_REMOVE(&share->listening->shares, share, link);
	share->lane->in_flight--;
	free(share);
}

/* What may be over soon: no reason to end where it has worked before. */
static bool passes(const struct listening *l, enum ktls_reason reason)
{
	return reason == KTLS_R_WORKER_LOST ||
	       (l->renewed && (reason == KTLS_R_TOO_MANY || reason == KTLS_R_NO_MEMORY));
}

static void share_ended(struct client *c, struct share *share, enum ktls_reason reason,
			const char *text)
{
	struct listening *l = share->listening;
	bool again = passes(l, reason), left = share->leaving;

	if (now_ms() - share->since > SETTLED_MS)
		l->pause_ms = 0;
	share_leave(share);
	share_free(share);
	if (l->ending || !again)
		end(c, l, reason, text);
	else if (!left)
		pause_before_next(c, l);
}

void client_listen_lost(struct client *c, struct share *share, enum ktls_reason reason)
{
	share_ended(c, share, reason, "");
}

static struct share *share_on(const struct listening *l, const struct lane *lane)
{
	struct share *share;

	TAILQ_FOREACH(share, &l->shares, link)
	{
		if (share->lane == lane)
			return share;
	}
	return NULL;
}

/* ---- asking -------------------------------------------------------------------------------- */

static unsigned int wanted(const struct client *c, const struct listening *l)
{
	return c->lanes_max < l->backlog ? (unsigned int)c->lanes_max : l->backlog;
}

/* One that has no share of it yet. */
static struct lane *lane_without(const struct client *c, const struct listening *l)
{
	for (size_t i = 0; i < c->lanes_len; i++) {
		struct lane *lane = c->lanes[i];

		if (!lane->leaving && !share_on(l, lane))
			return lane;
	}
	return NULL;
}

/* The request with the next share in it. */
static size_t build(struct client *c, const struct listening *l, unsigned int size)
{
	struct handoff_request request;

	if (handoff_request_parse(l->packet, l->len, &request) < 0)
		return 0;
	request.listen = (uint16_t)size;
	return handoff_request_build(&request, c->packet, sizeof(c->packet));
}

static int share_send(struct client *c, struct listening *l, struct lane *lane, unsigned int size)
{
	struct share *share = calloc(1, sizeof(*share));
	size_t len = build(c, l, size);
	int ret = share && len > 0 ? handoff_send(lane->fd, c->packet, len, l->fd) : -ENOMEM;

	if (ret < 0) {
		free(share);
		return ret;
	}
	*share = (struct share){ .listening = l,
				 .lane = lane,
				 .serial = ++c->last_share,
				 .since = now_ms(),
				 .size = size };
	TAILQ_INSERT_TAIL(&l->shares, share, link);
	TAILQ_INSERT_TAIL(&lane->shares, share, in_lane);
	lane->in_flight++;
	l->asked++;
	l->given += size;
	return 0;
}

/* Nothing can be opened: that is the end only where nobody has been there from the beginning. */
static void unreachable(struct client *c, struct listening *l, int error)
{
	char buf[128];

	if (l->renewed || l->asked > 0 || lane_error_passes(error))
		pause_before_next(c, l);
	else
		end(c, l, KTLS_R_DAEMON_UNREACHABLE, strerror_r(-error, buf, sizeof(buf)));
}

/* True: a worker was asked. Else the listening may be gone. */
static bool ask_one(struct client *c, struct listening *l)
{
	unsigned int missing = wanted(c, l) - l->asked;
	struct lane *lane = lane_without(c, l);
	int ret = lane ? 0 : lane_open(c, &lane);

	if (ret < 0) {
		unreachable(c, l, ret);
		return false;
	}
	if (!lane || lane->blocked) /* there will be room, or one less */
		return false;
	ret = share_send(c, l, lane, (l->backlog - l->given) / missing);
	if (ret == -EAGAIN) {
		lane_block(c, lane, true);
	} else if (ret == -EPIPE || ret == -ECONNRESET) {
		l->renewed = true;
		pause_before_next(c, l);
		lane_refuses(c, lane);
	} else if (ret < 0) {
		pause_before_next(c, l);
	}
	return ret == 0;
}

static bool due(const struct client *c, const struct listening *l, int64_t now)
{
	return !l->ending && !l->held && l->asked < wanted(c, l) && l->given < l->backlog &&
	       l->retry_at <= now;
}

/* What is asked of one may end another, so each time the list is looked at anew. */
static struct listening *first_due(const struct client *c, int64_t now)
{
	struct listening *l;

	TAILQ_FOREACH(l, &c->listenings, link)
	{
		if (due(c, l, now))
			return l;
	}
	return NULL;
}

/* The timer that has just been heard may have been an earlier one. */
static void wake_at_next(struct client *c, int64_t now)
{
	const struct listening *l;

	TAILQ_FOREACH(l, &c->listenings, link)
	{
		if (l->retry_at > now)
			client_wake_at(c, l->retry_at);
	}
}

void client_listen_run(struct client *c)
{
	int64_t now = now_ms();
	struct listening *l;

	TAILQ_FOREACH(l, &c->listenings, link)
	l->held = false;
	for (l = first_due(c, now); l; l = first_due(c, now)) {
		l->held = true;
		if (ask_one(c, l))
			l->held = false;
	}
	wake_at_next(c, now);
}

/* ---- what comes ---------------------------------------------------------------------------- */

/*
 * A quarter of the share at a time, which can never be what a worker waits for: when everything is
 * collected, it still has three quarters.
 */
static void tell_collected(struct client *c, struct share *share)
{
	const struct handoff_collected collected = { .id = share->listening->call->id,
						     .count = (uint16_t)share->untold };
	uint8_t packet[64];
	size_t len = handoff_collected_build(&collected, packet, sizeof(packet));
	int ret;

	if (share->untold * 4 < share->size || share->leaving || share->lane->blocked)
		return;
	ret = handoff_send(share->lane->fd, packet, len, -1);
	if (ret == -EAGAIN)
		lane_block(c, share->lane, true);
	if (ret < 0) /* else it is the lane's end, which an event tells */
		return;
	share->away -= share->untold;
	share->untold = 0;
}

static void collected(struct client *c, struct share *share)
{
	share->untold++;
	tell_collected(c, share);
}

static bool may_come(const struct share *share, const struct handoff_reply *reply)
{
	return (reply->descriptor == HANDOFF_FD_ACCEPTED ||
		reply->descriptor == (HANDOFF_FD_ACCEPTED | HANDOFF_FD_RELAYED)) &&
	       (share->away < share->size || share->leaving);
}

static void connection(struct client *c, struct share *share, const struct handoff_reply *reply,
		       int fd)
{
	struct ktls_call *one = ktls_call_make(share->listening->call, reply, fd, share->serial);

	share->away++;
	if (one) {
		ktls_call_push(&c->base, one);
		return;
	}
	close(fd);
	collected(c, share);
}

int client_listen_reply(struct client *c, struct lane *lane, struct ktls_call *call,
			const struct handoff_reply *reply, int fd)
{
	struct listening *l = call->impl;
	struct share *share = share_on(l, lane);

	if (!share)
		return -KTLS_R_PROTOCOL;
	if (fd < 0 && reply->more) {
		lane->leaving = true;
		share_leave(share);
	} else if (fd < 0) {
		share_ended(c, share, (enum ktls_reason)reply->reason, reply->text);
	} else if (!reply->more || !may_come(share, reply)) {
		return -KTLS_R_PROTOCOL;
	} else {
		connection(c, share, reply, fd);
	}
	return 0;
}

/* ---- the ops ------------------------------------------------------------------------------- */

static struct listening *listening_new(struct client *c, struct ktls_call *call,
				       const struct handoff_request *request)
{
	struct listening *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->len = handoff_request_build(request, c->packet, sizeof(c->packet));
	l->packet = malloc(l->len);
	if (!l->packet) {
		free(l);
		return NULL;
	}
	memcpy(l->packet, c->packet, l->len);
	l->call = call;
	l->backlog = request->listen;
	TAILQ_INIT(&l->shares);
	return l;
}

int client_listen_start(struct client *c, struct ktls_call *call, int fd,
			const struct handoff_request *request)
{
	struct listening *l = listening_new(c, call, request);
	int error;

	if (!l)
		return -ENOMEM;
	l->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	error = errno;
	if (l->fd < 0) {
		free(l->packet);
		free(l);
		return -error;
	}
	call->impl = l;
	TAILQ_INSERT_TAIL(&c->listenings, l, link);
	client_listen_run(c);
	return 0;
}

void client_listen_cancel(struct client *c, struct ktls_call *call)
{
	end(c, call->impl, KTLS_R_CANCELLED, "");
}

void client_listen_collected(struct client *c, const struct ktls_call *call)
{
	const struct ktls_call *begun = ktls_call_find(&c->base, call->id);
	const struct listening *l = begun ? begun->impl : NULL;
	struct share *share = l ? TAILQ_FIRST(&l->shares) : NULL;

	while (share && share->serial != call->from)
		share = TAILQ_NEXT(share, link);
	if (share)
		collected(c, share);
}

void client_listen_has_room(struct client *c, struct lane *lane)
{
	struct share *share;

	TAILQ_FOREACH(share, &lane->shares, in_lane)
	{
		if (share->cancel)
			share_cancel(c, share);
		if (share->untold > 0)
			tell_collected(c, share);
	}
}

void client_listen_close(struct client *c)
{
	while (!TAILQ_EMPTY(&c->listenings))
		listening_free(c, TAILQ_FIRST(&c->listenings));
}
