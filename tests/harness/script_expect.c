/* SPDX-License-Identifier: MIT */
/* The words of script.h that wait, and say what is to come. */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ktls.h>

#include "tests/harness/script_words.h"

/* ---- when --------------------------------------------------------------------------------------
 */

static void do_delay(struct script *s)
{
	usleep((useconds_t)script_number(s, 0, 100) * 1000);
}

static void do_wait(struct script *s)
{
	struct pollfd pfd = { .fd = s->p->fd, .events = POLLIN };

	if (s->p->events_len == 0 && poll(&pfd, 1, peer_patience_ms()) <= 0)
		peer_fail("nothing comes");
}

static void do_touch(struct script *s)
{
	int fd = open(script_arg(s, 0), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		peer_fail("%s: %m", script_arg(s, 0));
	close(fd);
}

static void do_await(struct script *s)
{
	for (int ms = 0; access(script_arg(s, 0), F_OK) < 0; ms += 10) {
		if (ms > peer_patience_ms())
			peer_fail("%s does not come", script_arg(s, 0));
		usleep(10000);
	}
}

/* ---- what is expected --------------------------------------------------------------------------
 */

static const char *event_name(const struct peer_event *e)
{
	static const char *const names[] = {
		[PEER_SAID_DATA] = "bytes of data, number",
		[PEER_SAID_KEY_UPDATE] = "a KeyUpdate, that asks",
		[PEER_SAID_ALERT] = "an alert, number",
		[PEER_SAID_MESSAGE] = "a message, type",
		[PEER_SAID_FIN] = "the end,",
		[PEER_SAID_RESET] = "a reset,",
	};

	return names[e->kind];
}

static bool is_ticket(const struct peer_event *e)
{
	return e->kind == PEER_SAID_MESSAGE && e->value == PEER_TICKET;
}

/* The next event, that is to be of this kind. Tickets come when servers like. */
static struct peer_event *next_is(struct script *s, enum peer_event_kind kind, const char *what)
{
	struct peer_event *e = peer_next(s->p);

	for (; is_ticket(e) && kind != PEER_SAID_MESSAGE; e = peer_next(s->p))
		peer_drop(s->p);
	if (e->kind != kind)
		peer_fail("expected %s, got %s %llu", what, event_name(e),
			  (unsigned long long)e->value);
	return e;
}

static bool passes_over(const struct peer_event *e)
{
	return e->kind == PEER_SAID_KEY_UPDATE || is_ticket(e) ||
	       (e->kind == PEER_SAID_DATA && e->value == 0);
}

static void expect_data(struct script *s)
{
	uint64_t left = script_number(s, 1, 0), n;
	struct peer_event *e;

	while (left > 0) {
		e = peer_next(s->p);
		if (passes_over(e)) {
			peer_drop(s->p);
			continue;
		}
		e = next_is(s, PEER_SAID_DATA, "data");
		n = e->value < left ? e->value : left;
		peer_drop_data(s->p, n);
		left -= n;
	}
}

static void expect_key_update(struct script *s)
{
	struct peer_event *e = next_is(s, PEER_SAID_KEY_UPDATE, "a KeyUpdate");

	if (s->argc > 1 && script_is(s, 1, "request") != (e->value == 1))
		peer_fail("a KeyUpdate that %s for ours", e->value ? "asks" : "does not ask");
	peer_drop(s->p);
}

static void expect_key_updates(struct script *s)
{
	if (s->p->updates_received != script_number(s, 1, 0))
		peer_fail("%llu KeyUpdates have come, not %s",
			  (unsigned long long)s->p->updates_received, script_arg(s, 1));
}

static void expect_alert(struct script *s)
{
	struct peer_event *e = next_is(s, PEER_SAID_ALERT, "an alert");

	if (e->value != script_number(s, 1, 0))
		peer_fail("alert %llu, not %s", (unsigned long long)e->value, script_arg(s, 1));
	peer_drop(s->p);
}

static void expect_close_notify(struct script *s)
{
	struct peer_event *e = next_is(s, PEER_SAID_ALERT, "close_notify");

	if (e->value != KTLS_ALERT_CLOSE_NOTIFY)
		peer_fail("alert %llu, not close_notify", (unsigned long long)e->value);
	peer_drop(s->p);
}

static void expect_message(struct script *s)
{
	struct peer_event *e = next_is(s, PEER_SAID_MESSAGE, "a message");

	if (e->value != script_number(s, 1, 0))
		peer_fail("message %llu, not %s", (unsigned long long)e->value, script_arg(s, 1));
	peer_drop(s->p);
}

static void expect_sha256(struct script *s)
{
	uint8_t digest[HASH_MAX];
	char hex[65];

	hash_peek(&s->p->hash, digest);
	for (size_t i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	if (!script_is(s, 1, hex))
		peer_fail("the data's SHA-256 is %s", hex);
}

static void expect_fin(struct script *s)
{
	next_is(s, PEER_SAID_FIN, "the end");
}

static void expect_reset(struct script *s)
{
	next_is(s, PEER_SAID_RESET, "a reset");
}

static void expect_end(struct script *s)
{
	expect_close_notify(s);
	expect_fin(s);
}

static void expect_nothing(struct script *s)
{
	struct pollfd pfd = { .fd = s->p->fd, .events = POLLIN };

	if (s->p->events_len > 0 || poll(&pfd, 1, (int)script_number(s, 1, 100)) != 0)
		peer_fail("expected nothing, got %s %llu", event_name(peer_next(s->p)),
			  (unsigned long long)peer_next(s->p)->value);
}

/* Data and KeyUpdates before it are passed over. */
static void pass_over(struct script *s, bool updates, bool tickets, bool closed)
{
	struct peer_event *e = peer_next(s->p);

	while (e->kind == PEER_SAID_DATA || (tickets && is_ticket(e)) ||
	       (updates && e->kind == PEER_SAID_KEY_UPDATE) ||
	       (closed && e->kind < PEER_SAID_FIN)) {
		peer_drop(s->p);
		e = peer_next(s->p);
	}
}

static const struct script_word expectations[] = {
	{ "data", 2, expect_data },
	{ "key-update", 2, expect_key_update },
	{ "key-updates", 2, expect_key_updates },
	{ "alert", 2, expect_alert },
	{ "close-notify", 1, expect_close_notify },
	{ "message", 2, expect_message },
	{ "sha256", 2, expect_sha256 },
	{ "fin", 1, expect_fin },
	{ "reset", 1, expect_reset },
	{ "end", 1, expect_end },
	{ "nothing", 2, expect_nothing },
	{ NULL, 0, NULL },
};

static const struct script_word *find_expectation(const char *name)
{
	const struct script_word *e = script_find(expectations, name);

	if (!e)
		errx(2, "%s: nothing that can be expected", name);
	return e;
}

static void do_expect(struct script *s)
{
	find_expectation(script_arg(s, 0))->run(s);
}

static void do_until(struct script *s)
{
	pass_over(s, !script_is(s, 0, "key-update"), !script_is(s, 0, "message"), false);
	find_expectation(script_arg(s, 0))->run(s);
}

/* To the end, whichever. */
static void do_drain(struct script *s)
{
	pass_over(s, true, true, true);
}

/* ---- both at once ------------------------------------------------------------------------------
 */

/* Takes what is there without waiting; returns what is left of so many bytes. */
static uint64_t take_data(struct script *s, uint64_t left)
{
	struct pollfd pfd = { .fd = s->p->fd, .events = POLLIN };
	uint64_t n;

	while (left > 0 && (s->p->events_len > 0 || poll(&pfd, 1, 0) > 0)) {
		struct peer_event *e = peer_next(s->p);

		if (passes_over(e)) {
			peer_drop(s->p);
			continue;
		}
		n = next_is(s, PEER_SAID_DATA, "data")->value;
		n = n < left ? n : left;
		peer_drop_data(s->p, n);
		left -= n;
	}
	return left;
}

static void do_duplex(struct script *s)
{
	uint64_t out = script_number(s, 0, 0), in = script_number(s, 1, 0),
		 every = script_number(s, 2, 0), n;
	bool request = script_is(s, 3, "request");

	for (uint64_t record = 1; out > 0; record++) {
		n = out < s->p->content_max ? out : s->p->content_max;
		peer_send_data(s->p, n);
		out -= n;
		/* Not again before the other end has answered. */
		if (every > 0 && record % every == 0)
			peer_send_key_update(s->p, request && !s->p->asked);
		in = take_data(s, in);
	}
	for (struct peer_event *e; in > 0; in = take_data(s, in)) {
		e = peer_next(s->p);
		if (passes_over(e))
			peer_drop(s->p);
	}
}

const struct script_word script_listeners[] = {
	{ "delay", 1, do_delay }, { "wait", 0, do_wait },     { "touch", 1, do_touch },
	{ "await", 1, do_await }, { "expect", 2, do_expect }, { "until", 2, do_until },
	{ "drain", 0, do_drain }, { "duplex", 4, do_duplex }, { NULL, 0, NULL },
};
