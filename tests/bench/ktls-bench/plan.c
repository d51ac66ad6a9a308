/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/plan.h"

#include <stdlib.h>

#include <ktls-tls.h>

static const char *const mode_names[MODES] = {
	[MODE_TCP] = "tcp",    [MODE_USER] = "user",  [MODE_LIBSSL] = "libssl",
	[MODE_SW] = "ktls-sw", [MODE_HW] = "ktls-hw", [MODE_HW_ZC] = "ktls-hw-zc",
};

static const char *const mode_labels[MODES] = {
	[MODE_TCP] = "plain TCP",
	[MODE_USER] = "userspace TLS, our engine",
	[MODE_LIBSSL] = "userspace TLS, libssl",
	[MODE_SW] = "kTLS, software",
	[MODE_HW] = "kTLS, hardware",
	[MODE_HW_ZC] = "kTLS, hardware, zerocopy",
};

static const char *const pattern_names[PATTERNS] = {
	[PATTERN_WRITE] = "write", [PATTERN_SENDFILE] = "sendfile", [PATTERN_SPLICE] = "splice",
	[PATTERN_MORE] = "more",   [PATTERN_REQUEST] = "request",   [PATTERN_CHURN] = "churn",
};

static const char *const direction_names[RESULT_DIRECTIONS] = {
	[RESULT_TO_CLIENT] = "to-client",
	[RESULT_TO_SERVER] = "to-server",
	[RESULT_BOTH_WAYS] = "both",
};

const char *mode_name(enum mode mode)
{
	return mode < MODES ? mode_names[mode] : NULL;
}

const char *mode_label(enum mode mode)
{
	return mode < MODES ? mode_labels[mode] : NULL;
}

const char *pattern_name(enum pattern pattern)
{
	return pattern < PATTERNS ? pattern_names[pattern] : NULL;
}

const char *direction_name(enum result_direction direction)
{
	return direction < RESULT_DIRECTIONS ? direction_names[direction] : NULL;
}

static const char *check_sizes(const struct plan *p)
{
	if (p->connections < 1 || p->connections > PLAN_CONNECTIONS)
		return "connections: 1 to 4096";
	if (p->threads < 1 || p->threads > PLAN_THREADS || p->threads > p->connections)
		return "threads: 1 to 256, and no more than connections";
	if (p->object_bytes < 1 || p->object_bytes > PLAN_OBJECT)
		return "file and object size: 1 byte to 4 GiB";
	if (p->write_bytes > PLAN_WRITE)
		return "write size: at most 64 MiB";
	if (p->record_bytes != 0 &&
	    (p->record_bytes < PLAN_RECORD_MIN || p->record_bytes > PLAN_RECORD))
		return "record size: 64 to 16384 bytes";
	if (p->round_ms > PLAN_ROUND_MS || p->warmup_ms > PLAN_ROUND_MS ||
	    (p->round_ms == 0 && p->bytes == 0))
		return "a round takes 1 ms to 10 minutes";
	if (p->pattern == PATTERN_MORE && p->write_bytes <= PLAN_HEADER)
		return "pattern more: write size above 256 bytes";
	return NULL;
}

const char *plan_check(const struct plan *p)
{
	if (p->mode >= MODES || p->pattern >= PATTERNS || p->direction >= RESULT_DIRECTIONS)
		return "no such mode, pattern or direction";
	if (p->version != KTLS_TLS_1_2 && p->version != KTLS_TLS_1_3)
		return "no such version";
	if (p->daemon && !mode_is_kernel(p->mode))
		return "ktlsd gives its keys to the kernel only";
	return check_sizes(p);
}

bool plan_sends(const struct plan *plan, enum result_end end)
{
	if (plan->pattern == PATTERN_REQUEST || plan->pattern == PATTERN_CHURN)
		return end == RESULT_SERVER;
	return plan->direction == RESULT_BOTH_WAYS ||
	       plan->direction == (end == RESULT_SERVER ? RESULT_TO_CLIENT : RESULT_TO_SERVER);
}

void outcome_wipe(struct outcome *outcome)
{
	free(outcome->counters.counters);
	*outcome = (struct outcome){ .received = 0 };
}
