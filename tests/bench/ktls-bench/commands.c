/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ktls.h>

#include "lib/crypto/util.h"
#include "tests/bench/ktls-bench/clocks.h"
#include "tests/bench/ktls-bench/machine.h"
#include "tests/bench/ktls-bench/warnings.h"

/* ---- what both ends have ----------------------------------------------------------------------
 */

static bool open_daemon(struct station *station, const struct options *o)
{
	struct ktls_error error;

	if (!o->socket)
		return true;
	station->profile = o->profile;
	station->ktls = ktls_open(o->socket, &error);
	if (!station->ktls)
		fprintf(stderr, "ktls-bench: %s: %s\n", o->socket, error.text);
	return station->ktls != NULL;
}

bool station_init(struct station *station, const struct options *o, enum result_end end)
{
	*station = (struct station){ .end = end,
				     .content = { .file = -1 },
				     .device = { .tx_before = -1, .rx_before = -1 } };
	station->cpus = end == RESULT_CLIENT                     ? o->pin
			: o->host || o->command == COMMAND_SERVE ? o->pin
								 : o->serve_pin;
	if (!credentials_load(&station->credentials, end == RESULT_SERVER ? o->cert : NULL,
			      end == RESULT_SERVER ? o->key : NULL,
			      end == RESULT_CLIENT ? o->trust : NULL))
		return false;
	station->credentials.name = o->name ? o->name : o->cert ? "localhost" : CREDENTIALS_NAME;
	station->credentials.rsa = o->rsa;
	return open_daemon(station, o);
}

void station_wipe(struct station *station)
{
	if (station->ktls)
		ktls_close(station->ktls);
	credentials_wipe(&station->credentials);
	content_free(&station->content);
	device_forget(&station->device);
}

/* ---- run --------------------------------------------------------------------------------------
 */

static int failed(const char *what, const char *why)
{
	fprintf(stderr, "ktls-bench: %s%s%s\n", what, what[0] ? ": " : "", why);
	return 1;
}

static int reach(struct runner *r, const uint8_t *key, int fd)
{
	if (control_begin(&r->control, fd, false, key) < 0)
		return failed("", r->control.failed);
	return 0;
}

/* The two ends tell each other who they are. */
static int greet(struct runner *r, struct greeting *greeting)
{
	const struct options *o = r->options;
	const struct hello hello = { .version = MESSAGE_VERSION,
				     .rsa = o->rsa,
				     .want_trust = r->station.credentials.trust == NULL };
	uint8_t bytes[16];
	struct writer w;
	struct reader body;

	writer_init(&w, bytes, sizeof(bytes));
	hello_write(&w, &hello);
	if (control_send(&r->control, MESSAGE_HELLO, &w) < 0 ||
	    control_expect(&r->control, 30000, MESSAGE_MACHINE, &body) < 0)
		return failed("", r->control.failed);
	if (!greeting_read(&body, greeting))
		return failed("", "the other end: a malformed message");
	if (hello.want_trust && greeting->trust[0])
		r->station.credentials.trust = strdup(greeting->trust);
	if (!o->name)
		r->station.credentials.name = greeting->name;
	return 0;
}

static bool may_offload(const struct result_run *run)
{
	for (int end = 0; end < RESULT_ENDS; end++)
		if (run->machines[end].nic_tls_tx == RESULT_YES ||
		    run->machines[end].nic_tls_rx == RESULT_YES)
			return true;
	return false;
}

/* Devices know TLS 1.2 only: where one is wanted, and could be, everybody does that. */
static void choose_suite(struct runner *r, bool rsa)
{
	const struct options *o = r->options;
	const bool hardware = o->modes & (1U << MODE_HW | 1U << MODE_HW_ZC);

	r->version = o->version;
	if (r->version == 0)
		r->version = hardware && (may_offload(r->run) || o->switch_offload) ? KTLS_TLS_1_2
										    : KTLS_TLS_1_3;
	r->suite = options_suite(o, r->version, rsa);
}

static void describe_parameters(struct runner *r, int argc, char **argv)
{
	const struct options *o = r->options;
	struct result_parameters *p = &r->run->parameters;
	size_t len = 0;

	for (int i = 0; i < argc && len < sizeof(p->command); i++) {
		result_text(p->command + len, sizeof(p->command) - len, "%s%s", i > 0 ? " " : "",
			    argv[i]);
		len += strlen(p->command + len);
	}
	p->rounds = o->rounds;
	p->warmup_seconds = o->warmup_ms / 1000.0;
	p->round_seconds = o->bytes ? 0 : o->duration_ms / 1000.0;
	p->one_machine = o->host == NULL;
	p->shared_cpu = p->one_machine && cpu_lists_meet(&o->pin, &o->serve_pin, CPUS_FOLDER);
	if (o->pin_text || o->serve_pin_text)
		result_text(p->pinning, sizeof(p->pinning), "server %s, client %s",
			    o->serve_pin_text ? o->serve_pin_text : "any",
			    o->pin_text ? o->pin_text : "any");
}

static void describe_run(struct runner *r, const struct greeting *greeting, int argc, char **argv)
{
	const struct options *o = r->options;
	const time_t now = time(NULL);
	struct result_run *run = r->run;
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(run->date, sizeof(run->date), "%Y-%m-%dT%H:%M:%SZ", &utc);
	result_text(run->title, sizeof(run->title), "%s", o->title ? o->title : "");
	run->machines[RESULT_SERVER] = greeting->machine;
	machine_describe(&run->machines[RESULT_CLIENT], &r->station.device, &r->station.cpus);
	run->machines[RESULT_CLIENT].load =
		o->host ? machine_load(CLOCKS_STAT) : greeting->machine.load;
	describe_parameters(r, argc, argv);
	for (unsigned int i = 0; i < MODES; i++) {
		struct result_mode *mode = o->modes & 1U << i ? result_mode_add(run) : NULL;

		if (!mode)
			continue;
		result_text(mode->name, sizeof(mode->name), "%s", mode_name((enum mode)i));
		result_text(mode->label, sizeof(mode->label), "%s", mode_label((enum mode)i));
		mode->wants_hardware = mode_is_hardware((enum mode)i);
	}
}

/* Userspace as most have it, or else the first that there is. */
static void choose_base(struct runner *r)
{
	static const enum mode order[] = { MODE_LIBSSL, MODE_USER, MODE_TCP };
	struct result_run *run = r->run;
	const char *base = r->options->base;

	for (size_t i = 0; i < 3 && !base; i++)
		for (size_t c = 0; c < run->cells_len && !base; c++)
			if (run->cells[c].rounds_len > 0 &&
			    strcmp(run->cells[c].mode, mode_name(order[i])) == 0)
				base = mode_name(order[i]);
	if (!base && run->modes_len > 0)
		base = run->modes[0].name;
	result_text(run->base, sizeof(run->base), "%s", base ? base : "");
}

static int conduct(struct runner *r, int argc, char **argv)
{
	const struct options *o = r->options;
	struct greeting *greeting = calloc(1, sizeof(*greeting));
	int status = 1;

	if (greeting && greet(r, greeting) == 0) {
		describe_run(r, greeting, argc, argv);
		choose_suite(r, greeting->rsa);
		status = run_all(r) < 0 ? failed("", r->failed) : 0;
		choose_base(r);
		warnings_add(r->run);
		if (o->socket)
			result_warn(
				r->run, "ktlsd-cpu",
				"Handshakes of the modes in the kernel were ktlsd's, whose CPU "
				"time is "
				"not in the figures: churn looks cheaper than it is.",
				"Leave out --socket, or read busy_seconds in JSON, which has all "
				"processes.");
		if (o->verify_rounds)
			result_warn(r->run, "verified-rounds",
				    "What the rounds moved was hashed at both ends (--verify all): "
				    "times and cycles are those of SHA-256, too.",
				    "Leave --verify out where speed or CPU time is wanted.");
		if (output(o, r->run) != 0)
			status = 1;
	}
	free(greeting);
	return status;
}

/* The device that connections to the other end go through. */
static void find_device(struct runner *r)
{
	struct address local;

	if (net_source(&r->peer, &local))
		device_find(&r->station.device, (const struct sockaddr *)&local.of);
}

static int open_control(struct runner *r, uint8_t *key, int *pid)
{
	const struct options *o = r->options;
	int fd, error;

	if (!o->host)
		return alone_begin(o, &r->peer, key, pid);
	error = control_key_load(o->key_file, false, key);
	if (error < 0) {
		failed(o->key_file, strerror(-error));
		return -1;
	}
	if (!net_resolve(o->host, o->port, false, &r->peer))
		return -1;
	fd = net_connect(&r->peer);
	if (fd < 0)
		failed(o->host, strerror(errno));
	return fd;
}

int command_run(const struct options *o, int argc, char **argv)
{
	struct runner *r = calloc(1, sizeof(*r));
	uint8_t key[CONTROL_KEY];
	int status = 1, pid = -1, fd = -1;

	if (!r)
		return failed("", "out of memory");
	r->options = o;
	r->run = result_run_new();
	if (r->run && station_init(&r->station, o, RESULT_CLIENT))
		fd = open_control(r, key, &pid);
	if (fd >= 0 && reach(r, key, fd) == 0) {
		find_device(r);
		status = conduct(r, argc, argv);
	}
	secret_wipe(key, sizeof(key));
	if (fd >= 0)
		close(fd);
	alone_end(pid);
	station_wipe(&r->station);
	result_run_free(r->run);
	free(r);
	return run_interrupted && status == 0 ? 130 : status;
}
