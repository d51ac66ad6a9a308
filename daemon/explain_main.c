/* SPDX-License-Identifier: MIT */
/* "ktlsctl explain": one handshake after the other, each of them explained. */
#include <err.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/explain.h"

#include "lib/crypto/util.h"
#include "lib/x509/x509.h"

static void start(struct explain *x, const struct explain_options *o,
		  const struct explain_credentials *credentials)
{
	struct reader target;

	memset(x, 0, sizeof(*x));
	x->options = o;
	x->credentials = credentials;
	x->fd = -1;
	trace_init(&x->trace, o->role);
	reader_init(&target, o->target, strlen(o->target));
	x->trace.target = trace_escape(&x->trace, target);
	x->trace.date = decode_time(&x->trace, time(NULL));
	x->decoder = (struct decoder){ .trace = &x->trace, .now = time(NULL) };
	x->start = explain_now();
	x->deadline = x->start + o->timeout * 1000000ULL;
}

static void show(const struct explain *x)
{
	const struct explain_options *o = x->options;
	FILE *svg;

	if (o->json)
		explain_json(&x->trace, stdout);
	else
		explain_text(&x->trace, o, stdout);
	if (fflush(stdout) != 0)
		err(2, "standard output");
	if (!o->svg_file)
		return;
	svg = fopen(o->svg_file, "we");
	if (!svg)
		err(2, "%s", o->svg_file);
	explain_svg(&x->trace, svg);
	if (fclose(svg) != 0)
		err(2, "%s", o->svg_file);
}

static void end(struct explain *x)
{
	if (x->fd >= 0)
		close(x->fd);
	x509_peer_free(x->peer);
	ktls_engine_wipe(&x->engine);
	trace_free(&x->trace);
}

/* What many handshakes took. */
struct tally {
	unsigned long begun, complete;
	uint64_t least, most, sum; /* microseconds, of those that were complete */
};

static void count(struct tally *t, const struct trace *trace)
{
	uint64_t took = trace->finished;

	t->begun++;
	if (!trace->verdict.good)
		return;
	t->least = t->complete == 0 || took < t->least ? took : t->least;
	t->most = took > t->most ? took : t->most;
	t->sum += took;
	t->complete++;
}

static void put_tally(const struct tally *t)
{
	printf("\n%lu of %lu handshakes were complete", t->complete, t->begun);
	if (t->complete > 0)
		printf("; they took %.1f ms at least, %.1f on average, %.1f at most",
		       (double)t->least / 1000, (double)t->sum / 1000 / (double)t->complete,
		       (double)t->most / 1000);
	puts(".");
}

/* True where it was complete. */
static bool explain_one(const struct explain_options *o,
			const struct explain_credentials *credentials, int listener, FILE *keylog,
			struct tally *tally)
{
	static struct explain_session session;
	static struct explain x;
	bool good;

	start(&x, o, credentials);
	x.session = &session;
	x.keylog = keylog;
	if (o->role == KTLS_SERVER ? explain_accept(&x, listener) : explain_connect(&x)) {
		explain_handshake(&x);
		/* A client may be refused even now; a server shows the verdict to its client. */
		if (x.outcome == OUTCOME_DONE && o->role == KTLS_CLIENT)
			explain_after(&x);
	}
	explain_verdict(&x);
	if (x.outcome == OUTCOME_DONE && o->role == KTLS_SERVER)
		explain_after(&x);
	show(&x);
	count(tally, &x.trace);
	good = x.trace.verdict.good;
	end(&x);
	return good;
}

/* Whoever has this file can read what was recorded of the connection. */
static FILE *open_keylog(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "a");

	if (!out)
		err(2, "%s", path);
	return out;
}

int explain_main(int argc, char **argv)
{
	struct explain_credentials credentials;
	struct explain_options options;
	int status = 0, listener = -1;
	struct tally tally = { .begun = 0 };
	FILE *keylog = NULL;

	if (explain_options_parse(argc, argv, &options, &status) != 0)
		return status;
	if (crypto_init() != 0 || x509_init() != 0)
		errx(2, "cannot set up cryptography");
	explain_credentials_load(&options, &credentials);
	if (options.role == KTLS_SERVER)
		listener = explain_listen(&options);
	if (options.keylog_file)
		keylog = open_keylog(options.keylog_file);
	for (unsigned long i = 0; options.count == 0 || i < options.count; i++) {
		if (i > 0 && !options.json)
			putchar('\n');
		status = explain_one(&options, &credentials, listener, keylog, &tally) ? 0 : 1;
	}
	if (options.count > 1 && !options.json)
		put_tally(&tally);
	if (keylog && fclose(keylog) != 0)
		err(2, "%s", options.keylog_file);
	if (listener >= 0)
		close(listener);
	explain_credentials_free(&credentials);
	return status;
}
