/* SPDX-License-Identifier: MIT */
/* Counters: how they are read, and how two samples compare. */
#include "kernel-setup/watch.h"

#include <inttypes.h>
#include <string.h>

/* ---- reading --------------------------------------------------------------------------------- */

/* Lines of "TlsTxSw   12". */
bool watch_parse_tls(const char *text, struct watch_sample *out)
{
	struct netlink_counter *c = out->tls;
	int used;

	for (out->tls_len = 0; out->tls_len < WATCH_TLS_MAX; out->tls_len++, c++, text += used)
		if (sscanf(text, "%32s %" SCNu64 "%n", c->name, &c->value, &used) != 2)
			break;
	out->module = out->tls_len > 0;
	return out->module;
}

/* The value below a name: two lines begin with "Tcp:", the first has names, the second values. */
static bool snmp_value(const char *names, const char *values, const char *name, uint64_t *out)
{
	char word[33];
	uint64_t value;
	int n, v;

	while (sscanf(names, "%32[^ \n]%n", word, &n) == 1 &&
	       sscanf(values, "%" SCNu64 "%n", &value, &v) == 1) {
		if (strcmp(word, name) == 0) {
			*out = value;
			return true;
		}
		/* TCP's largest number of connections is -1. */
		names += n + (names[n] == ' ');
		values += v;
	}
	return false;
}

bool watch_parse_snmp(const char *text, struct watch_sample *out)
{
	const char *names = strstr(text, "\nTcp: ");
	const char *values = names ? strstr(names + 1, "\nTcp: ") : NULL;

	return values && snmp_value(names + 6, values + 6, "OutSegs", &out->segments) &&
	       snmp_value(names + 6, values + 6, "RetransSegs", &out->retransmitted);
}

/* ---- comparing ------------------------------------------------------------------------------- */

bool watch_has(const struct watch_sample *s, const struct offload_device *d)
{
	return !s->only || strcmp(s->only, d->device.name) == 0;
}

uint64_t watch_value(const struct netlink_counter *counters, size_t len, const char *name)
{
	for (size_t i = 0; i < len; i++)
		if (strcmp(counters[i].name, name) == 0)
			return counters[i].value;
	return 0;
}

uint64_t watch_since(uint64_t before, uint64_t now)
{
	return now < before ? now : now - before;
}

const struct offload_device *watch_before(const struct watch_sample *before,
					  const struct offload_device *now)
{
	for (size_t i = 0; i < before->report.len; i++)
		if (before->report.devices[i].device.index == now->device.index)
			return &before->report.devices[i];
	return NULL;
}
