/* SPDX-License-Identifier: MIT */
/* Connections of applications, as far as the supervisor goes: it never reads from them. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/bundle.h"
#include "daemon/clock.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/supervisor.h"

#define ACCEPT_TURN 16 /* connections taken before children are listened to */
#define RETRY_MS    20 /* after all workers were busy */

/* The profiles that a user may use in a role, one bit each. */
static void write_allowed(struct writer *w, const struct config *config, enum ktls_role role,
			  const struct peer *peer)
{
	uint8_t bits[BUNDLE_PROFILES_MAX / 8] = { 0 };

	for (size_t i = 0; i < config->profiles_len; i++) {
		if (config_allows(&config->profiles[i], role, peer->uid, peer->groups,
				  peer->groups_len))
			bits[i / 8] |= (uint8_t)(1U << (i % 8));
	}
	writer_bytes(w, bits, sizeof(bits));
}

/* Ready workers in the order of their load; by the number of connections first. */
static size_t least_loaded(const struct generation *g, const bool *tried)
{
	size_t best = g->config->workers;

	for (size_t i = 0; i < g->config->workers; i++) {
		const struct load *a = &g->loads[i];
		const struct load *b = &g->loads[best < g->config->workers ? best : i];
		uint64_t mine = a->given - a->gone;
		uint64_t least = b->given - b->gone;

		if (tried[i] || !generation_worker(g, i)->ready)
			continue;
		if (best == g->config->workers || mine < least ||
		    (mine == least && a->handshakes < b->handshakes))
			best = i;
	}
	return best;
}

/* False where no worker has room now. */
static bool give(struct generation *g, int fd, const struct channel_message *m)
{
	bool tried[CONFIG_PROCESSES_MAX] = { false };
	size_t i;

	for (i = least_loaded(g, tried); i < g->config->workers; i = least_loaded(g, tried)) {
		if (channel_send(&generation_worker(g, i)->channel, m, fd) == 0) {
			g->loads[i].given++;
			return true;
		}
		tried[i] = true;
	}
	return false;
}

/* True where the connection has been dealt with. */
static bool pass_on(struct supervisor *s, int fd)
{
	struct generation *g = s->serving;
	struct channel_message m;
	struct peer peer;
	bool given;
	int err;

	if (!g)
		return false; /* nobody is ready yet */
	err = peer_get(fd, &peer);
	if (err) {
		log_message(LOG_ERR, "cannot tell who has connected: %s", strerror(-err));
		close(fd);
		return true;
	}
	channel_begin(&m, CHANNEL_CLIENT);
	writer_u32(&m.body, peer.uid);
	writer_u32(&m.body, (uint32_t)peer.pid);
	write_allowed(&m.body, g->config, KTLS_SERVER, &peer);
	write_allowed(&m.body, g->config, KTLS_CLIENT, &peer);
	peer_wipe(&peer);
	given = give(g, fd, &m);
	if (given)
		close(fd);
	return given;
}

static void listen_again(struct supervisor *s, bool listen)
{
	struct epoll_event event = { .events = listen ? EPOLLIN : 0, .data.ptr = &s->listener };

	if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->listener, &event) != 0)
		log_message(LOG_ERR, "epoll_ctl: %s", strerror(errno));
	s->retry_at = listen ? 0 : clock_ms() + RETRY_MS;
}

void clients_accept(struct supervisor *s)
{
	for (int i = 0; i < ACCEPT_TURN; i++) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
			listen_again(s, false);
		if (fd < 0)
			return;
		if (!pass_on(s, fd)) {
			s->waiting = fd;
			listen_again(s, false);
			return;
		}
	}
}

/* Others wait in the listener's queue meanwhile. */
void clients_retry(struct supervisor *s)
{
	if (s->waiting >= 0 && !pass_on(s, s->waiting)) {
		s->retry_at = clock_ms() + RETRY_MS;
		return;
	}
	s->waiting = -1;
	listen_again(s, true);
}
