/* SPDX-License-Identifier: MIT */
/*
 * A new configuration (SIGHUP). The file itself is read here, as at the start; the files that it
 * names by a process of its own (loader.h), which nobody waits for. What is wrong is told in the
 * words of --check-config, and everything stays as it is then.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/supervisor.h"

#define READ_MS 60000 /* for the files that the configuration names: some may be far away */

static void tell_manager(void)
{
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_us());
	notify_manager(text);
}

/* What was written about the configuration, line by line, to the log; closes it. */
static void tell_lines(struct reload *r, int priority)
{
	size_t size = 0;
	char *line = NULL;
	ssize_t len;

	rewind(r->out);
	for (len = getline(&line, &size, r->out); len > 0; len = getline(&line, &size, r->out))
		log_message(priority, "%.*s", (int)strcspn(line, "\n"), line);
	free(line);
	fclose(r->out);
	r->out = NULL;
}

void reload_done(struct supervisor *s, bool good)
{
	if (good)
		log_message(LOG_NOTICE, "reload: done: %s is in force", s->file);
	else
		log_message(LOG_ERR, "reload: nothing has changed");
	notify_manager("READY=1");
}

static void refuse(struct supervisor *s)
{
	struct reload *r = &s->reload;

	if (r->out)
		tell_lines(r, LOG_ERR);
	config_free(r->config);
	r->config = NULL;
	reload_done(s, false);
}

/* ---- what stays -------------------------------------------------------------------------------
 */

static bool socket_differs(const struct config *a, const struct config *b)
{
	return strcmp(a->socket.text, b->socket.text) != 0 || a->socket_owner != b->socket_owner ||
	       a->socket_group != b->socket_group || a->socket_mode != b->socket_mode;
}

/* The socket stays, and who it belongs to; so do the user of workers and signers, and the log. */
static void keep_what_stays(const struct config *now, struct config *config)
{
	bool user = now->user != config->user || now->group != config->group;
	bool socket = socket_differs(now, config);
	struct config_text path = config->socket;

	if (socket || user || now->log != config->log)
		log_message(LOG_WARNING, "reload: %s%s%sas before until ktlsd is restarted",
			    socket ? "socket " : "", user ? "user " : "",
			    now->log != config->log ? "log " : "");
	config->socket.text = strdup(now->socket.text);
	if (config->socket.text)
		free(path.text);
	else
		config->socket = path; /* nobody reads it again */
	config->socket_owner = now->socket_owner;
	config->socket_group = now->socket_group;
	config->socket_mode = now->socket_mode;
	config->user = now->user;
	config->group = now->group;
	config->log = now->log;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static FILE *memory_file(void)
{
	int fd = memfd_create("ktlsd reload", MFD_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w+");

	if (!f && fd >= 0)
		close(fd);
	return f;
}

/* A reload under way is ended before the next; so is an earlier one, where there are many. */
static bool has_to_wait(const struct supervisor *s)
{
	return s->starting || s->leaving || s->reload.files.pid > 0 ||
	       generations_count(s) >= GENERATIONS_MAX;
}

static void begin(struct supervisor *s)
{
	struct reload *r = &s->reload;

	r->wanted = false;
	tell_manager();
	log_message(LOG_NOTICE, "reload: reading %s", s->file);
	r->out = memory_file();
	if (!r->out) {
		log_message(LOG_ERR, "reload: %s", strerror(errno));
		refuse(s);
		return;
	}
	r->config = config_read(s->file, r->out);
	if (!r->config) {
		refuse(s);
		return;
	}
	keep_what_stays(s->serving->config, r->config);
	r->give_up = clock_ms() + READ_MS;
	if (bundles_begin(r->config, r->out, &r->files) != 0) {
		r->files.pid = 0;
		refuse(s);
	}
}

void reload_begin(struct supervisor *s)
{
	s->reload.wanted = !s->stopping;
	if (has_to_wait(s))
		log_message(LOG_NOTICE, "reload: as soon as what is under way is over");
	else if (!s->stopping)
		begin(s);
}

bool reload_reaped(struct supervisor *s, pid_t pid, int status)
{
	struct reload *r = &s->reload;
	struct bundles bundles;

	if (pid != r->files.pid)
		return false;
	if (bundles_end(&r->files, status, r->config, r->out, &bundles) != 0) {
		refuse(s);
		return true;
	}
	tell_lines(r, LOG_WARNING);
	if (s->stopping || !generation_new(s, r->config, &bundles)) {
		bundles_close(&bundles);
		refuse(s);
		return true;
	}
	r->config = NULL;
	return true;
}

void reload_run(struct supervisor *s, uint64_t now)
{
	struct reload *r = &s->reload;

	if (r->files.pid > 0 && now >= r->give_up) {
		log_message(LOG_ERR, "reload: %s names files that cannot be read in %d s", s->file,
			    READ_MS / 1000);
		r->give_up = now + READ_MS;
		kill(r->files.pid, SIGKILL);
	}
	if (r->wanted && !s->stopping && !has_to_wait(s))
		begin(s);
}

void reload_wipe(struct supervisor *s)
{
	struct reload *r = &s->reload;

	if (r->files.pid > 0) {
		kill(r->files.pid, SIGKILL);
		bundles_close(&r->files.bundles);
	}
	if (r->out)
		fclose(r->out);
	config_free(r->config);
}
