/* SPDX-License-Identifier: MIT */
/* Generations, and the lives of their children. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/key_log.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/supervisor.h"

#define FAILURES_MAX 5    /* of children, before the generation ever was complete */
#define RETIRE_MS    5000 /* past the last deadline of a handshake */

/* Out of the epoll set by itself: a process that reads files may have a copy of the descriptor. */
void child_close(struct supervisor *s, struct child *child)
{
	if (child->channel.fd < 0)
		return;
	epoll_ctl(s->epoll, EPOLL_CTL_DEL, child->channel.fd, NULL);
	close(child->channel.fd);
	child->channel.fd = -1;
}

/* ---- starting ---------------------------------------------------------------------------------
 */

static int send_index(const struct child *to, enum channel_type type, uint16_t index, int fd)
{
	struct channel_message m;

	channel_begin(&m, type);
	writer_u16(&m.body, index);
	return channel_send(&to->channel, &m, fd);
}

void children_introduce(struct child *w, struct child *s)
{
	enum channel_type type = s->role == ROLE_RELAY     ? CHANNEL_RELAY
				 : s->role == ROLE_NETLINK ? CHANNEL_NETLINK
							   : CHANNEL_SIGNER;
	int pair[2];

	if (w->pid == 0 || s->pid == 0)
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		log_message(LOG_ERR, "socketpair: %s", strerror(errno));
		return;
	}
	if (send_index(w, type, s->index, pair[0]) != 0)
		child_kill(w);
	if (send_index(s, CHANNEL_WORKER, w->index, pair[1]) != 0)
		child_kill(s);
	close(pair[0]);
	close(pair[1]);
}

static int set_up(const struct supervisor *s, const struct child *child)
{
	const struct bundles *bundles = &child->generation->bundles;
	bool relays = child->generation->config->relays > 0;
	struct channel_message m;

	channel_begin(&m, CHANNEL_SETUP);
	writer_u16(&m.body, child->index);
	writer_u64(&m.body, s->capabilities | (relays ? KTLS_CAN_RELAY : 0));
	/* Private keys are for signers only. */
	return channel_send(&child->channel, &m,
			    child->role == ROLE_SIGNER ? bundles->signers : bundles->workers);
}

/* Without the file handshakes go on all the same. False where the worker cannot be told. */
static bool give_key_log(const struct child *child)
{
	const char *file = child->generation->config->key_log.text;
	struct channel_message m;
	int fd, err;

	if (!file || child->role != ROLE_WORKER)
		return true;
	fd = key_log_open(file);
	if (fd < 0) {
		log_message(LOG_ERR, "key-log %s: %s", file, strerror(-fd));
		return true;
	}
	if (child->index == 0)
		log_message(LOG_WARNING, "the secrets of all connections are written to %s", file);
	channel_begin(&m, CHANNEL_KEY_LOG);
	err = channel_send(&child->channel, &m, fd);
	close(fd);
	return err == 0;
}

static void start(struct supervisor *s, struct child *child)
{
	struct generation *g = child->generation;
	int err = child_start(child);

	if (err) {
		log_message(LOG_ERR, "cannot start %s: %s", child->name, strerror(-err));
		return;
	}
	if (set_up(s, child) != 0 || !give_key_log(child) ||
	    !supervisor_watch(s, child->channel.fd, child)) {
		child_kill(child);
		return;
	}
	if (child->role == ROLE_SIGNER &&
	    (tickets_tell(s, child) != 0 || seals_tell(s, child) != 0))
		child_kill(child);
	if (child->role == ROLE_WORKER) {
		g->loads[child->index] = (struct load){ 0 };
		for (size_t j = 0; j < g->config->signers; j++)
			children_introduce(child, generation_signer(g, j));
		children_introduce(child, generation_netlink(g));
		relays_introduce(s, child);
	} else {
		for (size_t j = 0; j < g->config->workers; j++)
			children_introduce(generation_worker(g, j), child);
	}
}

/* Workers that have been told to go are not started again; the signers that they need are. */
static bool is_wanted(const struct child *child)
{
	const struct generation *g = child->generation;

	return !g->retiring || (child->role != ROLE_WORKER && !g->signers_told);
}

static struct generation *link_new(struct supervisor *s, struct generation *g)
{
	const struct config *config = g->config;

	for (uint16_t i = 0; i < config->workers; i++)
		child_init(generation_worker(g, i), ROLE_WORKER, i);
	for (uint16_t i = 0; i < config->signers; i++)
		child_init(generation_signer(g, i), ROLE_SIGNER, i);
	child_init(generation_netlink(g), ROLE_NETLINK, 0);
	for (size_t i = 0; i < g->children_len; i++)
		g->children[i].generation = g;
	g->older = s->newest;
	s->newest = g;
	s->starting = g;
	return g;
}

static void generation_free(struct supervisor *s, struct generation *g)
{
	for (size_t i = 0; i < g->children_len; i++)
		child_close(s, &g->children[i]);
	free(g->children);
	free(g->loads);
	bundles_close(&g->bundles);
	config_free(g->config);
	free(g);
}

struct generation *generation_new(struct supervisor *s, struct config *config,
				  const struct bundles *bundles)
{
	struct generation *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->children_len = config->workers + config->signers + 1;
	g->children = calloc(g->children_len, sizeof(*g->children));
	g->loads = calloc(config->workers, sizeof(*g->loads));
	if (!g->children || !g->loads || !relays_begin(s, config)) {
		free(g->children);
		free(g->loads);
		free(g);
		return NULL;
	}
	g->config = config;
	g->bundles = *bundles;
	return link_new(s, g);
}

size_t generations_count(const struct supervisor *s)
{
	size_t n = 0;

	for (const struct generation *g = s->newest; g; g = g->older)
		n++;
	return n;
}

static void tell(const struct child *child, enum channel_type type)
{
	struct channel_message m;

	channel_begin(&m, type);
	if (child->pid > 0 && channel_send(&child->channel, &m, CHANNEL_FD_NONE) != 0)
		kill(child->pid, SIGKILL);
}

/* Its workers take no more requests from now on, and end. */
static void retire(struct generation *g)
{
	g->retiring = true;
	g->kill_at = clock_ms() + g->config->deadline_max + RETIRE_MS;
	for (size_t i = 0; i < g->config->workers; i++)
		tell(generation_worker(g, i), CHANNEL_RETIRE);
}

/* ---- what they say ----------------------------------------------------------------------------
 */

struct message_of {
	struct supervisor *s;
	struct child *child;
};

static void now_serves(struct supervisor *s, struct generation *g)
{
	struct generation *before = s->serving;

	g->complete = true;
	s->serving = g;
	s->starting = NULL;
	log_message(LOG_NOTICE,
		    "%sready: %u workers, %u signers, %u relays, %zu profiles, listening on %s",
		    before ? "reload: " : "", g->config->workers, g->config->signers,
		    g->config->relays, g->config->profiles_len, s->socket);
	if (s->waiting >= 0)
		clients_retry(s);
	tickets_configure(s, g->config);
	relays_serve(s, g->config);
	s->leaving = before;
	if (before)
		retire(before);
	else
		notify_manager("READY=1");
}

/* No request is served by the old configuration any more: so the new one is in force. */
static void check_left(struct supervisor *s)
{
	const struct generation *g = s->leaving;

	for (size_t i = 0; g && i < g->config->workers; i++) {
		if (generation_worker(g, i)->pid > 0 && !generation_worker(g, i)->retired)
			return;
	}
	s->leaving = NULL;
	if (g)
		reload_done(s, true);
}

static int on_ready(void *arg, struct reader *body, int fd)
{
	const struct message_of *m = arg;
	struct generation *g = m->child->generation;

	(void)body;
	(void)fd;
	if (g->retiring) {
		m->child->retired = true;
		check_left(m->s);
		return 0;
	}
	m->child->ready = true;
	if (m->s->waiting >= 0 && g == m->s->serving)
		clients_retry(m->s);
	if (g->complete)
		log_message(LOG_NOTICE, "%s is there again (pid %d)", m->child->name,
			    (int)m->child->pid);
	children_check(m->s);
	return 0;
}

void children_check(struct supervisor *s)
{
	struct generation *g = s->starting;

	if (!g || g->complete || s->stopping || !relays_ready(s))
		return;
	for (size_t i = 0; i < g->children_len; i++) {
		if (!g->children[i].ready)
			return;
	}
	now_serves(s, g);
}

static int on_load(void *arg, struct reader *body, int fd)
{
	const struct message_of *m = arg;
	struct load *load = &m->child->generation->loads[m->child->index];
	uint64_t gone;

	(void)fd;
	if (!reader_u32(body, &load->handshakes) || !reader_u64(body, &gone) ||
	    gone > load->given || !reader_u64(body, &load->succeeded) ||
	    !reader_u64(body, &load->failed))
		return -EPROTO;
	load->gone = gone;
	return 0;
}

/* A worker may accuse nobody, and a signer only workers of its own generation. */
static int on_suspect(void *arg, struct reader *body, int fd)
{
	const struct message_of *m = arg;
	struct generation *g = m->child->generation;
	uint16_t index;

	(void)fd;
	if (!reader_u16(body, &index) || index >= g->config->workers)
		return -EPROTO;
	log_message(LOG_ERR, "%s broke the rules towards %s: it is ended",
		    generation_worker(g, index)->name, m->child->name);
	child_kill(generation_worker(g, index));
	return 0;
}

static const struct channel_handler handlers[] = {
	{ CHANNEL_READY, on_ready },
	{ CHANNEL_LOAD, on_load },
	{ CHANNEL_SUSPECT, on_suspect },
	{ 0 },
};

void child_ready(struct supervisor *s, struct child *child)
{
	struct message_of m = { s, child };

	if (child->role == ROLE_RELAY) {
		relay_ready(s, child);
		return;
	}
	if (child->channel.fd < 0 || channel_run(&child->channel, handlers, &m, CHANNEL_TURN) == 0)
		return;
	/* It is ending, or not to be trusted any more. */
	child_close(s, child);
	child->ready = false;
	child_kill(child);
}

/* ---- their ends -------------------------------------------------------------------------------
 */

static void kill_all(struct generation *g)
{
	for (size_t i = 0; i < g->children_len; i++)
		child_kill(&g->children[i]);
}

void children_hopeless(struct supervisor *s, const struct child *child)
{
	log_message(LOG_ERR, "%s does not start: giving up", child->name);
	s->failed = true;
	s->stopping = true;
	s->kill_at = clock_ms();
}

/* A child of a generation that never was complete fails again and again. */
static void give_up(struct supervisor *s, const struct child *child)
{
	struct generation *g = child->generation;

	if (!s->serving) {
		children_hopeless(s, child);
		return;
	}
	log_message(LOG_ERR, "%s does not start: giving up", child->name);
	g->failed = true;
	g->retiring = true;
	g->signers_told = true;
	g->kill_at = clock_ms();
	s->starting = NULL;
	kill_all(g);
	relays_serve(s, s->serving->config);
	reload_done(s, false);
}

bool child_reaped(struct supervisor *s, pid_t pid, int status)
{
	for (struct generation *g = s->newest; g; g = g->older) {
		for (size_t i = 0; i < g->children_len; i++) {
			struct child *child = &g->children[i];

			if (child->pid != pid)
				continue;
			child_close(s, child);
			status_count(s, child);
			child_ended(child, status, s->stopping || !is_wanted(child) || g->failed);
			check_left(s);
			if (!g->complete && !g->failed && !s->stopping &&
			    child->failures >= FAILURES_MAX)
				give_up(s, child);
			return true;
		}
	}
	return false;
}

static bool any_alive(const struct child *children, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (children[i].pid > 0)
			return true;
	}
	return false;
}

/* Signers go last: the handshakes in flight may need them. True where all are gone. */
static bool ends(struct generation *g, uint64_t kill_at)
{
	bool workers = any_alive(g->children, g->config->workers);

	for (size_t i = g->config->workers; i < g->children_len && !workers && !g->signers_told;
	     i++)
		tell(&g->children[i], CHANNEL_STOP);
	g->signers_told = g->signers_told || !workers;
	if (clock_ms() >= kill_at)
		kill_all(g);
	return !any_alive(g->children, g->children_len);
}

void generations_bury(struct supervisor *s)
{
	struct generation **at = &s->newest;

	while (*at) {
		struct generation *g = *at;
		bool over = g->retiring && ends(g, g->kill_at);

		if (!over) {
			at = &g->older;
			continue;
		}
		if (!g->failed)
			log_message(LOG_INFO, "reload: the processes from before have ended");
		*at = g->older;
		generation_free(s, g);
	}
}

void children_stop(struct supervisor *s)
{
	for (struct generation *g = s->newest; g; g = g->older) {
		for (size_t i = 0; i < g->config->workers; i++)
			tell(generation_worker(g, i), CHANNEL_STOP);
	}
}

bool children_stopped(struct supervisor *s)
{
	bool all = true;

	for (struct generation *g = s->newest; g; g = g->older)
		all = ends(g, s->kill_at) && all;
	all = all && relays_stopped(s, s->kill_at);
	while (all && s->newest) {
		struct generation *g = s->newest;

		s->newest = g->older;
		generation_free(s, g);
	}
	return all;
}

/* ---- time -------------------------------------------------------------------------------------
 */

void children_run(struct supervisor *s, uint64_t now)
{
	for (struct generation *g = s->newest; g && !s->stopping; g = g->older) {
		for (size_t i = 0; i < g->children_len; i++) {
			struct child *child = &g->children[i];

			if (child->pid == 0 && now >= child->restart && is_wanted(child))
				start(s, child);
		}
	}
}

uint64_t children_next(const struct supervisor *s, uint64_t next)
{
	for (const struct generation *g = s->newest; g && !s->stopping; g = g->older) {
		if (g->retiring && g->kill_at < next)
			next = g->kill_at + 50; /* and then now and then until all are gone */
		for (size_t i = 0; i < g->children_len; i++) {
			const struct child *child = &g->children[i];

			if (child->pid == 0 && child->restart < next && is_wanted(child))
				next = child->restart;
		}
	}
	return next;
}
