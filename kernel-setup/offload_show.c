/* SPDX-License-Identifier: MIT */
/* What "ktls-setup offload show" prints: for people, and for programs. */
#include <inttypes.h>
#include <string.h>

#include "kernel-setup/json.h"
#include "kernel-setup/offload.h"

static bool wanted(const struct offload_device *d, const char *name)
{
	return !name || strcmp(d->device.name, name) == 0;
}

/* ---- for people ------------------------------------------------------------------------------ */

static void text_counters(const struct offload_device *d, FILE *out)
{
	for (size_t i = 0; i < d->counters_len; i++)
		if (d->counters[i].value != 0)
			fprintf(out, "  %-33s%" PRIu64 "\n", d->counters[i].name,
				d->counters[i].value);
}

/* The devices of a bond, team or bridge. */
static void text_lowers(const struct offload_report *report, const struct offload_device *d,
			FILE *out)
{
	const char *before = " of ";

	for (size_t i = 0; i < report->len; i++) {
		if (report->devices[i].device.master != d->device.index)
			continue;
		fprintf(out, "%s%s", before, report->devices[i].device.name);
		before = ", ";
	}
}

static void text_device(const struct offload_report *report, const struct offload_device *d,
			FILE *out)
{
	const char *kind = d->driver[0] ? d->driver : d->device.kind;
	char why[256];

	fprintf(out, "%s%s%s%s", d->device.name, kind[0] ? " (" : "", kind, kind[0] ? ")" : "");
	fprintf(out, "%s%s", d->lower ? " on " : "", d->lower ? d->lower->device.name : "");
	text_lowers(report, d, out);
	fputs(d->device.up ? "\n" : ", down\n", out);
	for (int i = 0; i < OFFLOAD_DIRECTIONS; i++) {
		obstacle_text(d, i, why, sizeof(why));
		fprintf(out, "  %-10s %-10s%s%s\n", offload_direction(i), offload_state(d, i),
			why[0] ? " " : "", why);
	}
	text_counters(d, out);
}

void offload_text(const struct offload_report *report, const char *name, FILE *out)
{
	if (report->kernel_unknown)
		fputs("Whether this kernel was built with CONFIG_TLS_DEVICE cannot be told here.\n",
		      out);
	for (size_t i = 0; i < report->len; i++)
		if (wanted(&report->devices[i], name))
			text_device(report, &report->devices[i], out);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void json_direction(const struct offload_device *d, int direction, FILE *out)
{
	const struct netlink_feature_state *s = &d->features.states[offload_feature(direction)];
	char why[256];

	obstacle_text(d, direction, why, sizeof(why));
	fprintf(out, "\"%s\": { ", direction == OFFLOAD_TX ? "tx" : "rx");
	json_member("feature", netlink_feature_name(offload_feature(direction)), out);
	fputs(", ", out);
	json_member("state", offload_state(d, direction), out);
	fprintf(out, ", \"wanted\": %s, ", json_truth(s->wanted));
	json_member("obstacle", obstacle_name(d->obstacles[direction]), out);
	fputs(", ", out);
	json_member("text", why, out);
	fputs(" }", out);
}

static void json_counters(const struct offload_device *d, FILE *out)
{
	fputs("\"counters\": {", out);
	for (size_t i = 0; i < d->counters_len; i++) {
		fputs(i > 0 ? ", " : " ", out);
		json_text(d->counters[i].name, out);
		fprintf(out, ": %" PRIu64, d->counters[i].value);
	}
	fputs(d->counters_len > 0 ? " }" : "}", out);
}

static void json_lowers(const struct offload_report *report, const struct offload_device *d,
			FILE *out)
{
	const char *before = " ";

	fputs("\"lowers\": [", out);
	for (size_t i = 0; i < report->len; i++) {
		if (report->devices[i].device.master != d->device.index)
			continue;
		fputs(before, out);
		json_text(report->devices[i].device.name, out);
		before = ", ";
	}
	fputs(before[0] == ',' ? " ]" : "]", out);
}

static void json_device(const struct offload_report *report, const struct offload_device *d,
			FILE *out)
{
	fputs("    { ", out);
	json_member("name", d->device.name, out);
	fputs(", ", out);
	json_member("driver", d->driver[0] ? d->driver : NULL, out);
	fputs(", ", out);
	json_member("kind", d->device.kind[0] ? d->device.kind : NULL, out);
	fputs(", ", out);
	json_member("lower", d->lower ? d->lower->device.name : NULL, out);
	fputs(", ", out);
	json_lowers(report, d, out);
	fprintf(out, ", \"up\": %s,\n      ", json_truth(d->device.up));
	for (int i = 0; i < OFFLOAD_DIRECTIONS; i++) {
		json_direction(d, i, out);
		fputs(",\n      ", out);
	}
	json_counters(d, out);
	fputs(" }", out);
}

void offload_json(const struct offload_report *report, const char *name, FILE *out)
{
	bool first = true;

	fprintf(out, "{ \"kernel_unknown\": %s,\n  \"devices\": [",
		json_truth(report->kernel_unknown));
	for (size_t i = 0; i < report->len; i++) {
		if (!wanted(&report->devices[i], name))
			continue;
		fputs(first ? "\n" : ",\n", out);
		json_device(report, &report->devices[i], out);
		first = false;
	}
	fputs(first ? "] }\n" : "\n  ] }\n", out);
}
