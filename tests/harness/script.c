/* SPDX-License-Identifier: MIT */
#include "tests/harness/script.h"

#include <err.h>
#include <stdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ktls.h>

#include "tests/harness/peer.h"
#include "tests/harness/script_words.h"
#include "tests/harness/sessions.h"
#include "tests/harness/shake.h"

#define LINE_MAX_LEN 1000

const char *script_arg(const struct script *s, int i)
{
	return i < s->argc ? s->argv[i] : "";
}

uint64_t script_number(const struct script *s, int i, uint64_t otherwise)
{
	char *end;
	uint64_t n;

	if (i >= s->argc)
		return otherwise;
	n = strtoull(s->argv[i], &end, 0);
	if (end == s->argv[i] || *end != '\0')
		errx(2, "%s: not a number", s->argv[i]);
	return n;
}

bool script_is(const struct script *s, int i, const char *word)
{
	return strcmp(script_arg(s, i), word) == 0;
}

const struct script_word *script_find(const struct script_word *table, const char *name)
{
	while (table->name && strcmp(table->name, name) != 0)
		table++;
	return table->name ? table : NULL;
}

/* ---- the language ------------------------------------------------------------------------------
 */

const char script_usage[] =
	"sending\n"
	"  send N                N bytes of data\n"
	"  get PATH              a request of HTTP, one record\n"
	"  record N              bytes in each record of data from now on\n"
	"  empty [N]             N empty records of data\n"
	"  pad N                 N zeros behind the content of each record from now on\n"
	"  tickets N [LEN]       N NewSessionTickets, with LEN bytes of ticket in each\n"
	"  split N               the next message goes into N records\n"
	"  join N                the next N messages go into one\n"
	"  key-update [request]  and the new key\n"
	"  storm N [request]     N of these\n"
	"  hello-request [N]\n"
	"  message TYPE [LEN]    any handshake message, of zeros\n"
	"  type TYPE [LEN]       a record of any content type, of zeros\n"
	"  alert LEVEL NUMBER, fatal NUMBER, close-notify\n"
	"  bad-mac, oversize     a record that does not decrypt, or is too long\n"
	"  cut                   half a record\n"
	"  old-key               a KeyUpdate, and the old key as before\n"
	"  new-key               the new key without a KeyUpdate\n"
	"  same-key              the key in force from its first number on\n"
	"  fin                   no more is sent\n"
	"  rst                   an end without a word: the last statement\n"
	"  trickle [off]         byte by byte from now on\n"
	"  cork, uncork          what is between leaves in one piece\n"
	"  heedless              the other end may be gone while we send\n"
	"  silent                no KeyUpdates for those that ask, from now on\n"
	"waiting\n"
	"  delay MS, wait        so long; until something comes\n"
	"  touch FILE, await FILE\n"
	"expecting: tickets are passed over where no message is expected\n"
	"  expect data N         so many bytes, whatever KeyUpdates are among them\n"
	"  expect key-update [request|answer], alert NUMBER, close-notify, message TYPE, fin,\n"
	"         reset          next\n"
	"  expect end            close_notify and FIN\n"
	"  expect key-updates N  that have come up to now\n"
	"  expect sha256 HEX     of all data up to now\n"
	"  expect nothing MS     for so long\n"
	"  until ...             the same, behind whatever data and KeyUpdates\n"
	"  drain                 reads up to the end, FIN or reset\n"
	"  duplex SEND EXPECT [EVERY [request]]\n"
	"                        both at once, with a KeyUpdate every so many records\n"
	"repeat N before any of these: the rest of the line, N times\n";

static const struct script_word *find_word(const char *name)
{
	const struct script_word *word = script_find(script_senders, name);

	if (!word)
		word = script_find(script_listeners, name);
	if (!word)
		errx(2, "%s: no word of the script's", name);
	return word;
}

/* p NULL: only looks whether it is a statement. */
static void do_statement(struct peer_records *p, char *text, bool *closed)
{
	struct script s = { .p = p };
	const struct script_word *word;
	char copy[LINE_MAX_LEN], *rest, *name;

	snprintf(copy, sizeof(copy), "%s", text);
	name = strtok_r(copy, " \t", &rest);
	if (!name)
		return;
	word = find_word(name);
	for (char *w = strtok_r(NULL, " \t", &rest); w; w = strtok_r(NULL, " \t", &rest)) {
		if (s.argc == word->args_max)
			errx(2, "%s: %s is too much", name, w);
		s.argv[s.argc++] = w;
	}
	if (!p)
		return;
	if (*closed)
		errx(2, "%s, behind the end", name);
	peer_doing = text;
	word->run(&s);
	*closed = s.closed;
}

/* A line without its end: statements with commas, perhaps with "repeat N" before them. */
static void do_line(struct peer_records *p, const char *line, bool *closed)
{
	char copy[LINE_MAX_LEN], *rest;
	unsigned long times = 1;
	int at = 0;

	if (sscanf(line, " repeat %lu %n", &times, &at) == 1)
		line += at;
	for (unsigned long i = 0; i < (p ? times : 1); i++) {
		snprintf(copy, sizeof(copy), "%s", line);
		for (char *s = strtok_r(copy, ",", &rest); s; s = strtok_r(NULL, ",", &rest))
			do_statement(p, s, closed);
	}
}

static bool do_script(struct peer_records *p, const char *text)
{
	char line[LINE_MAX_LEN];
	bool closed = false;
	size_t len;

	for (; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		if (len >= sizeof(line))
			errx(2, "a line of %zu characters", len);
		memcpy(line, text, len);
		line[len] = '\0';
		line[strcspn(line, "#")] = '\0';
		do_line(p, line, &closed);
	}
	return closed;
}

void script_check(const char *text)
{
	do_script(NULL, text);
}

bool script_run(struct peer_records *p, const char *text)
{
	return do_script(p, text);
}

/* ---- a peer ------------------------------------------------------------------------------------
 */

static void configure(const struct script_peer *peer, struct engine_end *end,
		      struct sessions *sessions)
{
	static struct engine_end unused;

	engines_init(end, &unused);
	auth_attach(peer->auth, end);
	peer->auth->name = peer->name;
	end->config.role = peer->role;
	end->config.version_min = end->config.version_max =
		peer->version ? peer->version : KTLS_TLS_1_3;
	if (peer->suite) {
		end->config.suites = &peer->suite;
		end->config.suites_len = 1;
	}
	if (peer->name && shake_is_host_name(peer->name))
		end->config.server_name = peer->name;
	end->config.tickets = peer->tickets;
	if (peer->tickets > 0) {
		sessions_init(sessions);
		sessions_attach(sessions, end);
	}
	if (ktls_engine_init(&end->engine, &end->config, end) != 0)
		errx(2, "the engine does not take this configuration");
}

static void shake(int fd, struct engine_end *end)
{
	const int ms = peer_patience_ms(), on = 1;
	const struct timeval patience = { .tv_sec = ms / 1000 };
	enum ktls_reason reason;

	peer_doing = "handshake";
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	reason = shake_hands(fd, end);
	if (reason == KTLS_OK)
		reason = ktls_engine_facts(&end->engine)->reason;
	if (reason != KTLS_OK)
		peer_fail("%s", ktls_reason_name((int)reason));
}

int script_peer_run(const struct script_peer *peer, int fd, struct peer_records *p)
{
	static struct engine_end end;
	static struct sessions sessions;

	script_check(peer->script);
	configure(peer, &end, &sessions);
	shake(fd, &end);
	peer_records_init(p, fd, &end.engine);
	p->any_data = peer->any_data;
	ktls_engine_wipe(&end.engine);
	if (script_run(p, peer->script))
		close(fd);
	else
		peer_close(fd);
	return 0;
}

static struct peer_records *seen;

const struct peer_records *script_peer_seen(void)
{
	return seen;
}

pid_t script_peer_start(const struct script_peer *peer, int fd, int other)
{
	pid_t pid;

	if (seen)
		munmap(seen, sizeof(*seen));
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		err(1, "mmap");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid > 0)
		return pid;
	if (other >= 0)
		close(other);
	_exit(script_peer_run(peer, fd, seen));
}

bool script_peer_wait(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
