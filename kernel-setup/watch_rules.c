/* SPDX-License-Identifier: MIT */
/* What is wrong by the counters, in words. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "kernel-setup/watch.h"

const char *watch_trouble_name(enum watch_trouble trouble)
{
	static const char *const names[WATCH_TROUBLES] = {
		[WATCH_NO_MODULE] = "NO_MODULE",
		[WATCH_DECRYPT_ERRORS] = "DECRYPT_ERRORS",
		[WATCH_DECRYPTED_TWICE] = "DECRYPTED_TWICE",
		[WATCH_REKEY_ERRORS] = "REKEY_ERRORS",
		[WATCH_NOT_USED] = "NOT_USED",
		[WATCH_RETRANSMITS] = "RETRANSMITS",
		[WATCH_RX_RESYNC_STORM] = "RX_RESYNC_STORM",
		[WATCH_RX_RESYNC_SKIPPED] = "RX_RESYNC_SKIPPED",
		[WATCH_RX_ERRORS] = "RX_ERRORS",
		[WATCH_TX_RESYNC_STORM] = "TX_RESYNC_STORM",
		[WATCH_TX_DROPPED] = "TX_DROPPED",
	};

	return names[trouble];
}

struct judge {
	const struct watch_sample *before, *now;
	const struct offload_device *was, *is; /* the device at hand */
	struct watch_finding *out;
	size_t len;
};

static void add(struct judge *j, enum watch_trouble trouble, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void add(struct judge *j, enum watch_trouble trouble, const char *fmt, ...)
{
	struct watch_finding *f = &j->out[j->len];
	va_list args;

	if (j->len == WATCH_FINDINGS_MAX)
		return;
	*f = (struct watch_finding){ .trouble = trouble,
				     .device = j->is ? j->is->device.name : NULL };
	va_start(args, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, args);
	va_end(args);
	j->len++;
}

/* ---- what happened between the samples ------------------------------------------------------- */

static uint64_t tls(const struct judge *j, const char *name)
{
	return watch_since(watch_value(j->before->tls, j->before->tls_len, name),
			   watch_value(j->now->tls, j->now->tls_len, name));
}

static uint64_t tls_now(const struct judge *j, const char *name)
{
	return watch_value(j->now->tls, j->now->tls_len, name);
}

static uint64_t device(const struct judge *j, const char *name)
{
	if (!j->was)
		return 0;
	return watch_since(watch_value(j->was->counters, j->was->counters_len, name),
			   watch_value(j->is->counters, j->is->counters_len, name));
}

static double per_second(const struct judge *j, uint64_t n)
{
	uint64_t ns = j->now->ns - j->before->ns;

	return ns > 0 ? (double)n * 1e9 / (double)ns : 0;
}

static double percent(uint64_t part, uint64_t all)
{
	return all > 0 ? 100 * (double)part / (double)all : 0;
}

static bool is_on(const struct offload_device *d, int direction)
{
	return d->device.up && !netlink_device_is_bond(&d->device) &&
	       d->features.states[offload_feature(direction)].on;
}

/* A device that has it on, NULL: none. */
static const char *any_on(const struct judge *j, int direction)
{
	for (size_t i = 0; i < j->now->report.len; i++)
		if (watch_has(j->now, &j->now->report.devices[i]) &&
		    is_on(&j->now->report.devices[i], direction))
			return j->now->report.devices[i].device.name;
	return NULL;
}

/* ---- rules about all connections ------------------------------------------------------------- */

static void judge_errors(struct judge *j)
{
	uint64_t n = tls(j, "TlsDecryptError");

	if (n > 0)
		add(j, WATCH_DECRYPT_ERRORS,
		    "%" PRIu64 " records did not decrypt, which ended their connections: changed "
		    "on the way, by a device, or read by two at a time while keys were installed",
		    n);
	/* TlsDecryptRetry is no trouble: it counts the alert at a connection's end, too. */
	n = tls(j, "TlsRxNoPadViolation");
	if (n > 0)
		add(j, WATCH_DECRYPTED_TWICE,
		    "%" PRIu64 " records were decrypted twice, for their peers pad them: that is "
		    "what TLS_RX_EXPECT_NO_PAD costs where it is wrong",
		    n);
	n = tls(j, "TlsRxRekeyError") + tls(j, "TlsTxRekeyError");
	if (n > 0)
		add(j, WATCH_REKEY_ERRORS,
		    "%" PRIu64 " changes of keys failed, which ended their connections", n);
}

static void judge_use(struct judge *j, int direction)
{
	bool tx = direction == OFFLOAD_TX;
	const char *device_counter = tx ? "TlsTxDevice" : "TlsRxDevice";
	const char *name = any_on(j, direction);
	uint64_t software = tls(j, tx ? "TlsTxSw" : "TlsRxSw");
	uint64_t wanted = tls_now(j, device_counter) == 0 ? 1 : WATCH_CONNECTIONS_MIN;

	if (!name || tls(j, device_counter) > 0 || software < wanted)
		return;
	add(j, WATCH_NOT_USED,
	    "%s is on for %s, but none of %" PRIu64 " new connections got a device for %s: only "
	    "TLS 1.2 with AES-GCM does, on a route straight through the device, while it has room "
	    "(connections over loopback count here, too)",
	    netlink_feature_name(offload_feature(direction)), name, software,
	    offload_direction(direction));
}

/* Connections came and went between the samples, or are there at one of them. */
static bool has_had_device(const struct judge *j)
{
	return tls(j, "TlsTxDevice") > 0 || tls_now(j, "TlsCurrTxDevice") > 0 ||
	       watch_value(j->before->tls, j->before->tls_len, "TlsCurrTxDevice") > 0;
}

static void judge_retransmits(struct judge *j)
{
	uint64_t sent = watch_since(j->before->segments, j->now->segments);
	uint64_t again = watch_since(j->before->retransmitted, j->now->retransmitted);
	const char *name = any_on(j, OFFLOAD_TX);

	if (!name || sent < WATCH_SEGMENTS_MIN || !has_had_device(j) ||
	    percent(again, sent) < WATCH_RETRANSMIT_PERCENT)
		return;
	add(j, WATCH_RETRANSMITS,
	    "%.1f %% of TCP's segments were sent again; for each of an offloaded connection the "
	    "device reads the record from its start, which eats what it gains. New connections do "
	    "without after: ktls-setup offload off %s tx",
	    percent(again, sent), name);
}

/* ---- rules about a device -------------------------------------------------------------------- */

/* That many, for that many packets, is a storm. */
static bool is_storm(const struct judge *j, uint64_t n, uint64_t packets)
{
	return per_second(j, n) >= WATCH_RESYNC_PER_SECOND &&
	       percent(n, packets + n) >= WATCH_RESYNC_PERCENT;
}

static void judge_receiving(struct judge *j)
{
	uint64_t asked = device(j, "rx_tls_resync_req_start");
	uint64_t skipped = device(j, "rx_tls_resync_res_skip");
	uint64_t errors = device(j, "rx_tls_err");

	if (is_storm(j, asked, device(j, "rx_tls_decrypted_packets")))
		add(j, WATCH_RX_RESYNC_STORM,
		    "the device lost its place in the records %.0f times a second: loss or "
		    "disorder on the way; meanwhile the CPU decrypts",
		    per_second(j, asked));
	if (skipped > 0)
		add(j, WATCH_RX_RESYNC_SKIPPED,
		    "%" PRIu64 " answers about the place in the records came too late, or were "
		    "wrong: those connections stay with the CPU for longer",
		    skipped);
	if (errors > 0)
		add(j, WATCH_RX_ERRORS, "%" PRIu64 " packets or records failed in the device",
		    errors);
}

static void judge_sending(struct judge *j)
{
	uint64_t behind = device(j, "tx_tls_ooo");
	uint64_t no_data = device(j, "tx_tls_drop_no_sync_data");
	uint64_t bypass = device(j, "tx_tls_drop_bypass_req");

	if (is_storm(j, behind, device(j, "tx_tls_encrypted_packets")))
		add(j, WATCH_TX_RESYNC_STORM,
		    "%.0f packets a second were not those that the device expected next: what is "
		    "sent again makes it read the record from its start",
		    per_second(j, behind));
	if (no_data + bypass > 0)
		add(j, WATCH_TX_DROPPED,
		    "%" PRIu64 " packets were dropped (tx_tls_drop_no_sync_data %" PRIu64
		    "): the record that they belong to was gone when they were to be sent again, "
		    "so connections may hang, but for those whose peers had it by then. A driver's "
		    "fault where they do: new ones are the CPU's after ktls-setup offload off %s "
		    "tx",
		    no_data + bypass, no_data, j->is->device.name);
}

/* The kernel's own count, for drivers that have none. */
static void judge_resync(struct judge *j)
{
	uint64_t n = tls(j, "TlsRxDeviceResync");
	size_t i;

	for (i = 0; i < j->len && j->out[i].trouble != WATCH_RX_RESYNC_STORM; i++)
		;
	if (i == j->len && per_second(j, n) >= WATCH_RESYNC_PER_SECOND &&
	    percent(n, tls_now(j, "TlsCurrRxDevice")) >= 100)
		add(j, WATCH_RX_RESYNC_STORM,
		    "devices were told their place in the records %.0f times a second, more often "
		    "than there are connections: loss or disorder on the way",
		    per_second(j, n));
}

size_t watch_judge(const struct watch_sample *before, const struct watch_sample *now,
		   struct watch_finding out[static WATCH_FINDINGS_MAX])
{
	struct judge j = { .before = before, .now = now, .out = out };

	if (!now->module) {
		add(&j, WATCH_NO_MODULE, "the tls module is not loaded: ktls-setup prepare");
		return j.len;
	}
	judge_errors(&j);
	judge_use(&j, OFFLOAD_TX);
	judge_use(&j, OFFLOAD_RX);
	judge_retransmits(&j);
	for (size_t i = 0; i < now->report.len; i++) {
		j.is = &now->report.devices[i];
		j.was = watch_before(before, j.is);
		if (watch_has(now, j.is)) {
			judge_receiving(&j);
			judge_sending(&j);
		}
	}
	j.is = j.was = NULL;
	judge_resync(&j);
	return j.len;
}
