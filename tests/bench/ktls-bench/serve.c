/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/serve.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/crypto/util.h"
#include "tests/bench/ktls-bench/clocks.h"
#include "tests/bench/ktls-bench/machine.h"
#include "tests/bench/ktls-bench/run.h"

#define IDLE_MS    3600000 /* between rounds */
#define OPEN_MS    20000   /* for all connections and their handshakes */
#define MARGIN_MS  30000   /* behind a round's end */
#define CHURN_POLL 20      /* ms: how soon the end of the round is noticed */

/* A round being served. */
struct served {
	struct server *server;
	struct control *control;
	struct running running;
	struct ready ready;
	int listener;
};

static int send_failed(struct control *control, const char *text)
{
	uint8_t bytes[RESULT_LINE + 2];
	struct writer w;

	writer_init(&w, bytes, sizeof(bytes));
	failed_write(&w, text);
	return control_send(control, MESSAGE_FAILED, &w);
}

/* ---- connections ------------------------------------------------------------------------------
 */

static int open_listener(struct served *s)
{
	struct address bound;

	s->listener = net_listen(&s->server->address, 1024);
	if (s->listener < 0 || !net_local(s->listener, &bound)) {
		round_fail(&s->running.round, "listening: %m");
		return -1;
	}
	s->ready.port = net_port(&bound);
	random_bytes(s->ready.token, sizeof(s->ready.token));
	return 0;
}

static int accept_known(struct served *s, uint32_t *index)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -1;
	if (net_recognize(fd, s->ready.token, index))
		return fd;
	close(fd);
	return -1;
}

/* A connection of churn's, in any thread; -1 where the round is over. */
static int accept_one(struct round *round)
{
	struct served *s = round->arg;
	struct pollfd poller = { .fd = s->listener, .events = POLLIN };
	uint32_t index;

	while (!atomic_load(&round->stop)) {
		int fd;

		if (poll(&poller, 1, CHURN_POLL) <= 0)
			continue;
		fd = accept_known(s, &index);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

/* Where there is no handshake the running end is ready before we have seen all of its connections.
 */
static bool gives_up(struct pollfd *control)
{
	uint8_t type;

	if (control->revents == 0)
		return false;
	if (recv(control->fd, &type, 1, MSG_PEEK | MSG_DONTWAIT) != 1 || type != MESSAGE_GO)
		return true;
	control->fd = -1;
	return false;
}

/* Until all are there, or the running end says that they will not be. */
static bool accept_all(struct served *s, int *descriptors)
{
	struct pollfd pollers[] = { { .fd = s->listener, .events = POLLIN },
				    { .fd = s->control->fd, .events = POLLIN } };
	const uint64_t until = wall_now() + (uint64_t)OPEN_MS * 1000000;
	uint32_t left = s->running.plan.connections, index;

	while (left > 0 && wall_now() < until) {
		int fd;

		if (poll(pollers, 2, OPEN_MS) < 0 || gives_up(&pollers[1]))
			return false;
		fd = pollers[0].revents ? accept_known(s, &index) : -1;
		if (fd < 0)
			continue;
		if (index >= s->running.plan.connections || descriptors[index] >= 0) {
			close(fd);
			continue;
		}
		descriptors[index] = fd;
		left--;
	}
	return left == 0;
}

static void begin_streams(struct served *s)
{
	const uint32_t n = s->running.plan.connections;
	int *descriptors = malloc(n * sizeof(*descriptors));

	for (uint32_t i = 0; descriptors && i < n; i++)
		descriptors[i] = -1;
	if (!descriptors || !accept_all(s, descriptors))
		round_fail(&s->running.round, "not all connections came");
	for (uint32_t i = 0; s->running.round.failed[0] && descriptors && i < n; i++) {
		if (descriptors[i] >= 0)
			close(descriptors[i]);
		descriptors[i] = -1;
	}
	if (!descriptors)
		s->running.plan.threads = 0;
	round_begin(&s->running, descriptors, NULL, s);
	free(descriptors);
}

/* ---- a round ----------------------------------------------------------------------------------
 */

/* GO when this end is ready as well; anything else is the end of the round before it began. */
static bool agree_to_go(struct served *s)
{
	char text[RESULT_LINE] = "";
	enum message_type type;
	struct reader body;

	if (control_receive(s->control, OPEN_MS + MARGIN_MS, &type, &body) < 0)
		return false;
	while (type == MESSAGE_GO && !round_ready(&s->running))
		usleep(200);
	if (type == MESSAGE_GO && !round_failed(&s->running, text))
		return control_send(s->control, MESSAGE_GOING, NULL) == 0;
	round_failed(&s->running, text);
	send_failed(s->control, text[0] ? text : "ended before it began");
	return false;
}

/* Until the running end says that it is over, however that came. */
static int await_end(struct served *s)
{
	const struct plan *plan = &s->running.plan;
	const uint32_t ms = plan->round_ms ? plan->round_ms : PLAN_ROUND_MS;
	struct reader body;

	return control_expect(s->control, (int)(plan->warmup_ms + ms + MARGIN_MS), MESSAGE_END,
			      &body);
}

static int send_outcome(struct served *s, const struct outcome *outcome)
{
	uint8_t *bytes = malloc(MESSAGE_MAX);
	struct writer w;
	int r = -1;

	if (!bytes)
		return -1;
	writer_init(&w, bytes, MESSAGE_MAX);
	outcome_write(&w, outcome);
	r = control_send(s->control, MESSAGE_OUTCOME, &w);
	free(bytes);
	return r;
}

static int run_round(struct served *s)
{
	struct outcome outcome;
	bool gone;
	int r = 0;

	if (s->running.plan.pattern == PATTERN_CHURN)
		round_begin(&s->running, NULL, accept_one, s);
	else
		begin_streams(s);
	gone = agree_to_go(s);
	if (gone) {
		round_go(&s->running);
		r = await_end(s);
		round_stop(&s->running);
	} else {
		round_abandon(&s->running);
	}
	round_end(&s->running, &outcome);
	if (gone && r == 0)
		r = send_outcome(s, &outcome);
	outcome_wipe(&outcome);
	return s->control->failed[0] ? -1 : r;
}

static int send_ready(struct served *s)
{
	uint8_t bytes[64];
	struct writer w;

	writer_init(&w, bytes, sizeof(bytes));
	ready_write(&w, &s->ready);
	return control_send(s->control, MESSAGE_READY, &w);
}

/* Threads that were never begun have nothing to be waited for. */
static int refuse(struct served *s, const char *text)
{
	struct outcome outcome;

	s->running.plan.threads = 0;
	round_end(&s->running, &outcome);
	outcome_wipe(&outcome);
	return send_failed(s->control, text);
}

static int serve_plan(struct server *server, struct control *control, struct reader *body)
{
	struct served s = { .server = server, .control = control, .listener = -1 };
	char text[RESULT_LINE];
	struct plan plan;
	int r;

	if (!plan_read(body, &plan))
		return send_failed(control, "a plan without sense");
	if (plan.daemon && !server->station.ktls)
		return send_failed(control, "the serving end was given no --socket");
	if (round_prepare(&s.running, &server->station, &plan) < 0)
		return send_failed(control, "out of memory");
	if (open_listener(&s) < 0 || round_failed(&s.running, text)) {
		round_failed(&s.running, text);
		r = refuse(&s, text);
	} else {
		r = send_ready(&s) < 0 ? refuse(&s, "no connection") : run_round(&s);
	}
	if (s.listener >= 0)
		close(s.listener);
	return r;
}

/* ---- the conversation -------------------------------------------------------------------------
 */

static int greet(struct server *server, struct control *control, const struct hello *hello)
{
	struct greeting *greeting = calloc(1, sizeof(*greeting));
	uint8_t *bytes = malloc(MESSAGE_MAX);
	struct station *station = &server->station;
	struct writer w;
	int r = -1;

	if (!server->given &&
	    (!station->credentials.chain || station->credentials.rsa != hello->rsa)) {
		credentials_wipe(&station->credentials);
		credentials_make(&station->credentials, hello->rsa);
	}
	if (greeting && bytes) {
		machine_describe(&greeting->machine, &station->device, &station->cpus);
		greeting->machine.load = machine_load(CLOCKS_STAT);
		result_text(greeting->name, sizeof(greeting->name), "%s",
			    station->credentials.name);
		if (hello->want_trust && station->credentials.trust)
			snprintf(greeting->trust, sizeof(greeting->trust), "%s",
				 station->credentials.trust);
		greeting->rsa = station->credentials.rsa;
		writer_init(&w, bytes, MESSAGE_MAX);
		greeting_write(&w, greeting);
		r = control_send(control, MESSAGE_MACHINE, &w);
	}
	free(greeting);
	free(bytes);
	return r;
}

static int converse(struct server *server, struct control *control)
{
	enum message_type type;
	struct reader body;
	struct hello hello;

	if (control_expect(control, IDLE_MS, MESSAGE_HELLO, &body) < 0)
		return -1;
	if (!hello_read(&body, &hello) || hello.version != MESSAGE_VERSION)
		return send_failed(control, "another version of ktls-bench");
	if (greet(server, control, &hello) < 0)
		return -1;
	while (control_receive(control, IDLE_MS, &type, &body) == 0) {
		if (type != MESSAGE_PLAN)
			return send_failed(control, "an unexpected message");
		if (serve_plan(server, control, &body) < 0)
			return -1;
	}
	return 0;
}

int serve_one(struct server *server, int fd, char text[static RESULT_LINE])
{
	struct control *control = calloc(1, sizeof(*control));
	int r = -1;

	if (!control)
		return -1;
	control->stop = &run_interrupted;
	if (control_begin(control, fd, true, server->key) == 0)
		r = converse(server, control);
	memcpy(text, control->failed, RESULT_LINE);
	control_wipe(control);
	free(control);
	return r;
}
