/* SPDX-License-Identifier: MIT */
/*
 * Relays. They belong to no generation: a connection would not outlive a reload else. A new
 * configuration keeps those that fit it; the others leave, which takes until their last connection
 * has ended.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/supervisor.h"

#define FAILURES_MAX 5 /* in a row, before anything ever served */

static bool fits(const struct relay_child *relay, const struct config *config)
{
	return !relay->leaving && relay->child.index < config->relays &&
	       relay->most == config->relays_max;
}

/* ---- which there are --------------------------------------------------------------------------
 */

static const struct relay_child *find(const struct supervisor *s, const struct config *config,
				      uint16_t index)
{
	const struct relay_child *relay = s->relays;

	while (relay && !(relay->child.index == index && fits(relay, config)))
		relay = relay->next;
	return relay;
}

bool relays_begin(struct supervisor *s, const struct config *config)
{
	for (uint16_t i = 0; i < config->relays; i++) {
		struct relay_child *relay;

		if (find(s, config, i))
			continue;
		relay = calloc(1, sizeof(*relay));
		if (!relay)
			return false;
		child_init(&relay->child, ROLE_RELAY, i);
		relay->most = config->relays_max;
		relay->next = s->relays;
		s->relays = relay;
	}
	return true;
}

static void tell(const struct child *child, enum channel_type type)
{
	struct channel_message m;

	channel_begin(&m, type);
	if (child->pid > 0 && channel_send(&child->channel, &m, CHANNEL_FD_NONE) != 0)
		kill(child->pid, SIGKILL);
}

void relays_serve(struct supervisor *s, const struct config *config)
{
	for (struct relay_child *relay = s->relays; relay; relay = relay->next) {
		if (relay->leaving || fits(relay, config))
			continue;
		relay->leaving = true;
		tell(&relay->child, CHANNEL_RETIRE);
		log_message(LOG_INFO, "%s takes no more connections, and has %u", relay->child.name,
			    relay->connections);
	}
}

bool relays_ready(const struct supervisor *s)
{
	for (const struct relay_child *relay = s->relays; relay; relay = relay->next)
		if (!relay->leaving && !relay->child.ready)
			return false;
	return true;
}

/* ---- starting ---------------------------------------------------------------------------------
 */

void relays_introduce(struct supervisor *s, struct child *worker)
{
	for (struct relay_child *relay = s->relays; relay; relay = relay->next)
		if (fits(relay, worker->generation->config))
			children_introduce(worker, &relay->child);
}

static void introduce_all(struct supervisor *s, struct relay_child *relay)
{
	for (struct generation *g = s->newest; g; g = g->older)
		for (size_t i = 0; i < g->config->workers && fits(relay, g->config); i++)
			children_introduce(generation_worker(g, i), &relay->child);
}

/* Of a relay's bundle only the settings count: any generation's will do that it fits. */
static int set_up(const struct supervisor *s, const struct relay_child *relay)
{
	const struct generation *g = s->newest;
	struct channel_message m;

	while (g && !fits(relay, g->config))
		g = g->older;
	if (!g)
		return -ENOENT;
	channel_begin(&m, CHANNEL_SETUP);
	writer_u16(&m.body, relay->child.index);
	writer_u64(&m.body, s->capabilities);
	return channel_send(&relay->child.channel, &m, g->bundles.workers);
}

static void start(struct supervisor *s, struct relay_child *relay)
{
	struct child *child = &relay->child;
	int err = child_start(child);

	if (err) {
		log_message(LOG_ERR, "cannot start %s: %s", child->name, strerror(-err));
		return;
	}
	if (set_up(s, relay) != 0 || !supervisor_watch(s, child->channel.fd, child)) {
		child_kill(child);
		return;
	}
	introduce_all(s, relay);
}

void relays_run(struct supervisor *s, uint64_t now)
{
	for (struct relay_child *relay = s->relays; relay && !s->stopping; relay = relay->next)
		if (relay->child.pid == 0 && !relay->leaving && now >= relay->child.restart)
			start(s, relay);
}

uint64_t relays_next(const struct supervisor *s, uint64_t next)
{
	const struct relay_child *relay = s->stopping ? NULL : s->relays;

	for (; relay; relay = relay->next)
		if (relay->child.pid == 0 && !relay->leaving && relay->child.restart < next)
			next = relay->child.restart;
	return next;
}

/* ---- what they say ----------------------------------------------------------------------------
 */

struct message_of {
	struct supervisor *s;
	struct relay_child *relay;
};

static int on_ready(void *arg, struct reader *body, int fd)
{
	const struct message_of *m = arg;
	struct child *child = &m->relay->child;

	(void)body;
	(void)fd;
	child->ready = true;
	if (m->s->serving)
		log_message(LOG_NOTICE, "%s is there (pid %d)", child->name, (int)child->pid);
	children_check(m->s);
	return 0;
}

static int on_held(void *arg, struct reader *body, int fd)
{
	const struct message_of *m = arg;
	struct relay_child *relay = m->relay;

	(void)fd;
	if (!reader_u32(body, &relay->connections) || !reader_u64(body, &relay->bytes) ||
	    !reader_u64(body, &relay->carried) || !reader_u64(body, &relay->sent) ||
	    !reader_u64(body, &relay->received))
		return -EPROTO;
	return 0;
}

static const struct channel_handler handlers[] = {
	{ CHANNEL_READY, on_ready },
	{ CHANNEL_HELD, on_held },
	{ 0 },
};

void relay_ready(struct supervisor *s, struct child *child)
{
	struct message_of m = { s, (struct relay_child *)child };

	if (child->channel.fd < 0 || channel_run(&child->channel, handlers, &m, CHANNEL_TURN) == 0)
		return;
	child_close(s, child);
	child->ready = false;
	child_kill(child);
}

/* ---- their ends -------------------------------------------------------------------------------
 */

static void count_ended(struct supervisor *s, struct relay_child *relay)
{
	s->totals.carried += relay->carried;
	s->totals.sent += relay->sent;
	s->totals.received += relay->received;
	relay->carried = relay->sent = relay->received = 0;
	relay->connections = 0;
	relay->bytes = 0;
}

bool relay_reaped(struct supervisor *s, pid_t pid, int status)
{
	struct relay_child *relay = s->relays;

	while (relay && relay->child.pid != pid)
		relay = relay->next;
	if (!relay)
		return false;
	if (relay->connections > 0 && !s->stopping)
		log_message(LOG_ERR, "%s: its %u connections are lost", relay->child.name,
			    relay->connections);
	child_close(s, &relay->child);
	count_ended(s, relay);
	child_ended(&relay->child, status, s->stopping || relay->leaving);
	if (!s->serving && !s->stopping && relay->child.failures >= FAILURES_MAX)
		children_hopeless(s, &relay->child);
	return true;
}

void relays_bury(struct supervisor *s)
{
	struct relay_child **at = &s->relays, *relay;

	while (*at) {
		relay = *at;
		if (relay->child.pid > 0 || (!relay->leaving && !s->stopping)) {
			at = &relay->next;
			continue;
		}
		*at = relay->next;
		free(relay);
	}
}

bool relays_stopped(struct supervisor *s, uint64_t kill_at)
{
	bool alive = false;

	for (struct relay_child *relay = s->relays; relay; relay = relay->next) {
		if (relay->child.pid == 0)
			continue;
		alive = true;
		if (!relay->child.retired)
			tell(&relay->child, CHANNEL_STOP);
		relay->child.retired = true;
		if (clock_ms() >= kill_at)
			child_kill(&relay->child);
	}
	while (!alive && s->relays) {
		struct relay_child *next = s->relays->next;

		free(s->relays);
		s->relays = next;
	}
	return !alive;
}
