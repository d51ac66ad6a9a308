/* SPDX-License-Identifier: MIT */
#include "kernel-setup/report.h"

#include <string.h>

#include <ktls.h>

#include "kernel-setup/json.h"

struct option {
	const char *name; /* in JSON */
	int result;       /* 0, or an errno */
	const char *text;
};

#define OPTIONS 7

static void list_options(const struct ktls_probe *p, struct option out[static OPTIONS])
{
	out[0] = (struct option){ "rekey", p->rekey, "new keys in mid-connection (KeyUpdate)" };
	out[1] = (struct option){ "poll", p->poll, "poll() wakes for whole records only" };
	out[2] = (struct option){ "max_payload", p->max_payload,
				  "shorter records (TLS_TX_MAX_PAYLOAD_LEN)" };
	out[3] = (struct option){ "zerocopy", p->zerocopy,
				  "sendfile without a copy (TLS_TX_ZEROCOPY_RO)" };
	out[4] = (struct option){ "no_pad", p->no_pad,
				  "receiving without a copy (TLS_RX_EXPECT_NO_PAD)" };
	out[5] = (struct option){ "splice", p->splice, "splice() out of a socket without loss" };
	out[6] =
		(struct option){ "interrupt", p->interrupt, "signals while a blocking send waits" };
}

/* ---- for people ---------------------------------------------------------------------------------
 */

static const char *yes(int result)
{
	return result == 0 ? "yes" : "no";
}

static void text_table(const struct report *r, FILE *out)
{
	struct option options[OPTIONS];

	fprintf(out, "\n%-22s%-14s%s\n%-22s%-7s%-7s%-7s%s\n", "", "TLS 1.2", "TLS 1.3", "", "send",
		"recv", "send", "recv");
	for (size_t i = 0; i < KTLS_PROBE_CIPHERS; i++) {
		const struct ktls_probe_cipher *c = &r->probe.ciphers[i];

		fprintf(out, "  %-20s%-7s%-7s%-7s%s\n", c->name, yes(c->tx[0]), yes(c->rx[0]),
			yes(c->tx[1]), yes(c->rx[1]));
	}
	fputc('\n', out);
	list_options(&r->probe, options);
	for (size_t i = 0; i < OPTIONS; i++)
		fprintf(out, "  %-48s%s\n", options[i].text, yes(options[i].result));
}

void report_text(const struct report *r, FILE *out)
{
	fprintf(out, "Kernel TLS on Linux %s (%s): %s\n", r->before.uts.release,
		r->before.uts.machine, r->advice.usable ? "usable" : "NOT usable");
	if (r->before.container != NULL)
		fprintf(out, "This is a container (%s): the kernel is its host's.\n",
			r->before.container);
	if (r->before.tls != MODULE_LOADED && r->after.tls == MODULE_LOADED)
		fputs("The tls module was loaded by this check.\n", out);
	if (r->probe.reason == KTLS_OK)
		text_table(r, out);
	if (r->advice.len > 0)
		fputs("\nMissing:\n", out);
	for (size_t i = 0; i < r->advice.len; i++) {
		const struct advice_item *item = &r->advice.items[i];

		fprintf(out, "  - %s\n", item->what);
		if (item->command[0] != '\0')
			fprintf(out, "      %s\n", item->command);
	}
}

/* ---- for programs -------------------------------------------------------------------------------
 */

/* "ok", or the errno's name. */
static const char *result_name(int result)
{
	const char *name = result == 0 ? "ok" : strerrorname_np(result);

	return name != NULL ? name : "unknown";
}

static void json_ciphers(const struct ktls_probe *p, FILE *out)
{
	static const char *const versions[KTLS_PROBE_VERSIONS] = { "tls1.2", "tls1.3" };

	fputs("  \"ciphers\": [", out);
	for (size_t i = 0; i < KTLS_PROBE_CIPHERS; i++) {
		const struct ktls_probe_cipher *c = &p->ciphers[i];

		fputs(i > 0 ? ",\n    { " : "\n    { ", out);
		json_member("name", c->name, out);
		for (size_t v = 0; v < KTLS_PROBE_VERSIONS; v++)
			fprintf(out, ", \"%s\": { \"tx\": \"%s\", \"rx\": \"%s\" }", versions[v],
				result_name(c->tx[v]), result_name(c->rx[v]));
		fputs(" }", out);
	}
	fputs("\n  ],\n", out);
}

static void json_options(const struct ktls_probe *p, FILE *out)
{
	struct option options[OPTIONS];

	list_options(p, options);
	fputs("  \"options\": { ", out);
	for (size_t i = 0; i < OPTIONS; i++) {
		fputs(i > 0 ? ", " : "", out);
		json_member(options[i].name, result_name(options[i].result), out);
	}
	fputs(" },\n", out);
}

static void json_missing(const struct advice *a, FILE *out)
{
	fputs("  \"missing\": [", out);
	for (size_t i = 0; i < a->len; i++) {
		const char *command = a->items[i].command;

		fputs(i > 0 ? ",\n    { " : "\n    { ", out);
		json_member("what", a->items[i].what, out);
		fputs(", ", out);
		json_member("command", command[0] != '\0' ? command : NULL, out);
		fputs(" }", out);
	}
	fputs(a->len > 0 ? "\n  ]\n" : "]\n", out);
}

void report_json(const struct report *r, FILE *out)
{
	fprintf(out, "{\n  \"usable\": %s,\n  ", json_truth(r->advice.usable));
	json_member("reason", ktls_reason_name((int)r->probe.reason), out);
	fputs(",\n  ", out);
	json_member("error", r->probe.error == 0 ? NULL : result_name(r->probe.error), out);
	fputs(",\n  \"kernel\": { ", out);
	json_member("release", r->before.uts.release, out);
	fputs(", ", out);
	json_member("machine", r->before.uts.machine, out);
	fputs(" },\n  \"module\": { ", out);
	json_member("before", module_state_name(r->before.tls), out);
	fputs(", ", out);
	json_member("after", module_state_name(r->after.tls), out);
	fprintf(out, ", \"at_boot\": %s },\n  ", json_truth(r->before.at_boot));
	json_member("container", r->before.container, out);
	fputs(",\n", out);
	json_ciphers(&r->probe, out);
	json_options(&r->probe, out);
	json_missing(&r->advice, out);
	fputs("}\n", out);
}
