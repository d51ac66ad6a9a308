/* SPDX-License-Identifier: MIT */
/*
 * What the counters of kernel TLS, of TCP and of devices say over a time, and what is wrong by
 * them. Counters: Linux's Documentation/networking/tls.rst and tls-offload.rst, /proc/net/snmp (RFC
 * 4022).
 */
#ifndef KTLS_SETUP_WATCH_H
#define KTLS_SETUP_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "kernel-setup/offload.h"

/* ---- where counting ends and trouble begins -------------------------------------------------- */

/*
 * A device that has lost its place in the records asks where it is, or the driver reads a record
 * once more: now and then that is what loss costs. At this many a second, and for this part of the
 * packets, it is what the device is busy with.
 */
#define WATCH_RESYNC_PER_SECOND 10
#define WATCH_RESYNC_PERCENT    1
/*
 * Part of the TCP segments that were sent again. For each the device reads its record from the
 * start, up to 16 KiB for 1.4. FreeBSD takes connections from its devices at 2 %; Linux leaves
 * them there.
 */
#define WATCH_RETRANSMIT_PERCENT 2
#define WATCH_SEGMENTS_MIN       100 /* fewer say nothing */
/* New connections that are all the CPU's, though a device has offload on. */
#define WATCH_CONNECTIONS_MIN 5

/* ---- samples --------------------------------------------------------------------------------- */

#define WATCH_TLS_MAX 32

struct watch_sample {
	uint64_t ns; /* of a clock that does not jump */
	bool module; /* there is /proc/net/tls_stat */
	struct netlink_counter tls[WATCH_TLS_MAX];
	size_t tls_len;
	uint64_t segments, retransmitted; /* TCP's OutSegs, RetransSegs */
	struct offload_report report;
	const char *only; /* the device that is watched; NULL: all */
};

/* The text of /proc/net/tls_stat; false where it is none. */
bool watch_parse_tls(const char *text, struct watch_sample *out);

/* The text of /proc/net/snmp; false where TCP's counters are not in it. */
bool watch_parse_snmp(const char *text, struct watch_sample *out);

bool watch_has(const struct watch_sample *s, const struct offload_device *d);

/* Of a counter: 0 where it is not there; what was counted since it began again where it did. */
uint64_t watch_value(const struct netlink_counter *counters, size_t len, const char *name);
uint64_t watch_since(uint64_t before, uint64_t now);

/* The device as it was in the sample before; NULL where it was not there. */
const struct offload_device *watch_before(const struct watch_sample *before,
					  const struct offload_device *now);

/* ---- what is wrong --------------------------------------------------------------------------- */

enum watch_trouble {
	WATCH_NO_MODULE,       /* the kernel's tls module is not loaded */
	WATCH_DECRYPT_ERRORS,  /* records that were not the peer's, or broken on the way */
	WATCH_DECRYPTED_TWICE, /* TLS_RX_EXPECT_NO_PAD, and a peer that pads */
	WATCH_REKEY_ERRORS,
	WATCH_NOT_USED, /* a device has it on, and new connections do not get it */
	WATCH_RETRANSMITS,
	WATCH_RX_RESYNC_STORM,
	WATCH_RX_RESYNC_SKIPPED, /* the device asked where it is, and got no answer it could use */
	WATCH_RX_ERRORS,
	WATCH_TX_RESYNC_STORM,
	WATCH_TX_DROPPED, /* packets that cannot be encrypted any more */
	WATCH_TROUBLES,
};

const char *watch_trouble_name(enum watch_trouble trouble);

struct watch_finding {
	enum watch_trouble trouble;
	const char *device; /* NULL: of all */
	char text[384];
};

#define WATCH_FINDINGS_MAX 32

/* How many there are in out. */
size_t watch_judge(const struct watch_sample *before, const struct watch_sample *now,
		   struct watch_finding out[static WATCH_FINDINGS_MAX]);

/* ---- output, and the command ----------------------------------------------------------------- */

void watch_text(const struct watch_sample *before, const struct watch_sample *now, FILE *out);
/* One line. */
void watch_json(const struct watch_sample *before, const struct watch_sample *now, FILE *out);

/* "offload show --watch", of one device, or of all where name is NULL. An exit status. */
int watch_main(struct netlink *nl, const char *name, const struct options *o);

#endif
