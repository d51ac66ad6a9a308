/* SPDX-License-Identifier: MIT */
/* What "ktls-setup offload show --watch" prints of an interval: for people, and for programs. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "kernel-setup/json.h"
#include "kernel-setup/watch.h"

static double seconds(const struct watch_sample *before, const struct watch_sample *now)
{
	return (double)(now->ns - before->ns) / 1e9;
}

/* ---- for people ------------------------------------------------------------------------------ */

/* The kernel has its connections of now among what it counts. */
static bool is_gauge(const char *name)
{
	return strncmp(name, "TlsCurr", 7) == 0;
}

static void text_counter(const char *name, uint64_t value, uint64_t since, double s, FILE *out)
{
	if (value == 0)
		return;
	fprintf(out, "  %-33s %14" PRIu64, name, value);
	if (since > 0 && s > 0 && !is_gauge(name))
		fprintf(out, " %12.1f/s", (double)since / s);
	fputc('\n', out);
}

static void text_counters(const struct netlink_counter *now, size_t len,
			  const struct netlink_counter *before, size_t before_len, double s,
			  FILE *out)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t was = watch_value(before, before_len, now[i].name);

		text_counter(now[i].name, now[i].value, watch_since(was, now[i].value), s, out);
	}
}

static void text_device(const struct watch_sample *before, const struct offload_device *d, double s,
			FILE *out)
{
	const struct offload_device *was = watch_before(before, d);

	fprintf(out, "%s%s%s%s%s: sending %s, receiving %s\n", d->device.name,
		d->driver[0] ? " (" : "", d->driver, d->driver[0] ? ")" : "",
		d->device.up ? "" : ", down", offload_state(d, OFFLOAD_TX),
		offload_state(d, OFFLOAD_RX));
	/* One that is new has counted nothing yet that could be told. */
	text_counters(d->counters, d->counters_len, was ? was->counters : d->counters,
		      was ? was->counters_len : d->counters_len, s, out);
}

static void text_findings(const struct watch_sample *before, const struct watch_sample *now,
			  FILE *out)
{
	struct watch_finding findings[WATCH_FINDINGS_MAX];
	size_t len = watch_judge(before, now, findings);

	fputs(len > 0 ? "wrong:\n" : "nothing is wrong\n", out);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "  %s%s%s: %s\n", findings[i].device ? findings[i].device : "",
			findings[i].device ? ": " : "", watch_trouble_name(findings[i].trouble),
			findings[i].text);
}

/* Those that could have offload, or the one that was named. */
static bool is_shown(const struct watch_sample *s, const struct offload_device *d)
{
	if (s->only)
		return watch_has(s, d);
	return d->counters_len > 0 || d->features.states[NETLINK_TLS_TX].changeable ||
	       d->features.states[NETLINK_TLS_RX].changeable;
}

void watch_text(const struct watch_sample *before, const struct watch_sample *now, FILE *out)
{
	double s = seconds(before, now);
	time_t t = time(NULL);
	struct tm tm;
	char clock[16] = "";

	if (localtime_r(&t, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	fprintf(out, "%s, %.1f s\n", clock, s);
	text_counters(now->tls, now->tls_len, before->tls, before->tls_len, s, out);
	text_counter("TCP segments sent", now->segments,
		     watch_since(before->segments, now->segments), s, out);
	text_counter("TCP segments sent again", now->retransmitted,
		     watch_since(before->retransmitted, now->retransmitted), s, out);
	for (size_t i = 0; i < now->report.len; i++)
		if (is_shown(now, &now->report.devices[i]))
			text_device(before, &now->report.devices[i], s, out);
	text_findings(before, now, out);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void json_counter(const char *name, uint64_t value, uint64_t since, FILE *out)
{
	json_text(name, out);
	fprintf(out, ": { \"value\": %" PRIu64 ", \"since\": %" PRIu64 " }", value, since);
}

static void json_counters(const struct netlink_counter *now, size_t len,
			  const struct netlink_counter *before, size_t before_len, FILE *out)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t was = watch_value(before, before_len, now[i].name);

		fputs(i > 0 ? ", " : " ", out);
		json_counter(now[i].name, now[i].value,
			     is_gauge(now[i].name) ? 0 : watch_since(was, now[i].value), out);
	}
}

static void json_device(const struct watch_sample *before, const struct offload_device *d,
			FILE *out)
{
	const struct offload_device *was = watch_before(before, d);

	fputs("{ ", out);
	json_member("name", d->device.name, out);
	fprintf(out, ", \"up\": %s, ", json_truth(d->device.up));
	json_member("tx", offload_state(d, OFFLOAD_TX), out);
	fputs(", ", out);
	json_member("rx", offload_state(d, OFFLOAD_RX), out);
	fputs(", \"counters\": {", out);
	json_counters(d->counters, d->counters_len, was ? was->counters : d->counters,
		      was ? was->counters_len : d->counters_len, out);
	fputs(" } }", out);
}

static void json_devices(const struct watch_sample *before, const struct watch_sample *now,
			 FILE *out)
{
	bool first = true;

	fputs("\"devices\": [", out);
	for (size_t i = 0; i < now->report.len; i++) {
		if (!watch_has(now, &now->report.devices[i]))
			continue;
		fputs(first ? " " : ", ", out);
		json_device(before, &now->report.devices[i], out);
		first = false;
	}
	fputs(" ]", out);
}

static void json_findings(const struct watch_sample *before, const struct watch_sample *now,
			  FILE *out)
{
	struct watch_finding findings[WATCH_FINDINGS_MAX];
	size_t len = watch_judge(before, now, findings);

	fputs("\"wrong\": [", out);
	for (size_t i = 0; i < len; i++) {
		fputs(i > 0 ? ", { " : " { ", out);
		json_member("trouble", watch_trouble_name(findings[i].trouble), out);
		fputs(", ", out);
		json_member("device", findings[i].device, out);
		fputs(", ", out);
		json_member("text", findings[i].text, out);
		fputs(" }", out);
	}
	fputs(" ]", out);
}

void watch_json(const struct watch_sample *before, const struct watch_sample *now, FILE *out)
{
	fprintf(out, "{ \"time\": %lld, \"seconds\": %.3f, \"module\": %s, \"tls\": {",
		(long long)time(NULL), seconds(before, now), json_truth(now->module));
	json_counters(now->tls, now->tls_len, before->tls, before->tls_len, out);
	fputs(" }, \"tcp\": { ", out);
	json_counter("OutSegs", now->segments, watch_since(before->segments, now->segments), out);
	fputs(", ", out);
	json_counter("RetransSegs", now->retransmitted,
		     watch_since(before->retransmitted, now->retransmitted), out);
	fputs(" }, ", out);
	json_devices(before, now, out);
	fputs(", ", out);
	json_findings(before, now, out);
	fputs(" }\n", out);
}
