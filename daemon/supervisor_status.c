/* SPDX-License-Identifier: MIT */
/*
 * What "ktlsctl status" shows. Whoever connects to the socket gets it as lines of "key=value", and
 * the end; nothing is read from anybody.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/supervisor.h"

#define ACCEPT_TURN 4

static char *path_of(const struct supervisor *s)
{
	char *path = NULL;

	return asprintf(&path, "%s%s", s->socket, LISTENER_STATUS) < 0 ? NULL : path;
}

bool status_init(struct supervisor *s, const struct config *config)
{
	char *path = path_of(s);

	s->status = path ? listener_open_status(config, path) : -1;
	free(path);
	return s->status >= 0 && supervisor_watch(s, s->status, &s->status);
}

void status_wipe(struct supervisor *s)
{
	char *path = s->status >= 0 ? path_of(s) : NULL;

	if (path)
		listener_close(s->status, path);
	free(path);
	s->status = -1;
}

/* ---- lines ------------------------------------------------------------------------------------
 */

static const char *state_of(const struct child *child, bool leaving)
{
	if (child->pid == 0)
		return "ended";
	if (leaving)
		return "leaving";
	return child->ready ? "ready" : "starting";
}

static void write_child(FILE *out, const struct child *child, const char *role, bool leaving)
{
	fprintf(out, "process role=%s number=%u pid=%d state=%s", role, child->index + 1U,
		(int)child->pid, state_of(child, leaving));
}

static void write_generation(FILE *out, struct generation *g, struct totals *totals)
{
	for (size_t i = 0; i < g->config->workers; i++) {
		const struct load *load = &g->loads[i];

		write_child(out, generation_worker(g, i), "worker", g->retiring);
		fprintf(out,
			" clients=%" PRIu64 " handshakes=%u succeeded=%" PRIu64 " failed=%" PRIu64
			"\n",
			load->given - load->gone, load->handshakes, load->succeeded, load->failed);
		totals->succeeded += load->succeeded;
		totals->failed += load->failed;
	}
	for (size_t i = 0; i < g->config->signers; i++) {
		write_child(out, generation_signer(g, i), "signer", g->retiring);
		fputc('\n', out);
	}
	write_child(out, generation_netlink(g), "netlink", g->retiring);
	fputc('\n', out);
}

static void write_relay(FILE *out, const struct relay_child *relay, struct totals *totals)
{
	write_child(out, &relay->child, "relay", relay->leaving);
	fprintf(out,
		" connections=%u most=%u memory=%" PRIu64 " carried=%" PRIu64 " sent=%" PRIu64
		" received=%" PRIu64 "\n",
		relay->connections, relay->most, relay->bytes, relay->carried, relay->sent,
		relay->received);
	totals->carried += relay->carried;
	totals->sent += relay->sent;
	totals->received += relay->received;
}

static void write_status(const struct supervisor *s, FILE *out)
{
	struct totals totals = s->totals;

	fprintf(out, "ktlsd version=%s pid=%d seconds=%" PRIu64 " kernel-tls=%s\n", KTLS_VERSION,
		(int)getpid(), (uint64_t)time(NULL) - s->started,
		s->capabilities != 0 ? "yes" : "no");
	for (struct generation *g = s->newest; g; g = g->older)
		write_generation(out, g, &totals);
	for (const struct relay_child *relay = s->relays; relay; relay = relay->next)
		write_relay(out, relay, &totals);
	fprintf(out,
		"total succeeded=%" PRIu64 " failed=%" PRIu64 " carried=%" PRIu64 " sent=%" PRIu64
		" received=%" PRIu64 "\n",
		totals.succeeded, totals.failed, totals.carried, totals.sent, totals.received);
}

void status_count(struct supervisor *s, const struct child *child)
{
	struct load *load;

	if (child->role != ROLE_WORKER)
		return;
	load = &child->generation->loads[child->index];
	s->totals.succeeded += load->succeeded;
	s->totals.failed += load->failed;
	*load = (struct load){ 0 };
}

/* ---- readers ----------------------------------------------------------------------------------
 */

/* Less than a socket's buffer takes: whoever does not read it at once is not waited for. */
static void answer(const struct supervisor *s, int fd)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return;
	write_status(s, out);
	if (fclose(out) == 0 && send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len)
		log_message(LOG_WARNING, "status: cannot be told: %s", strerror(errno));
	free(text);
}

void status_accept(struct supervisor *s)
{
	for (int i = 0; i < ACCEPT_TURN; i++) {
		int fd = accept4(s->status, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return;
		answer(s, fd);
		close(fd);
	}
}
