/* SPDX-License-Identifier: MIT */
/*
 * What the two ends of ktls-bench do in one round, and what comes of it at each. The running end
 * makes the plan; the serving end gets it in a message (message.h) and holds it to plan_check().
 */
#ifndef KTLS_BENCH_PLAN_H
#define KTLS_BENCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/ktls-bench/result.h"

/* Who makes and opens the records. */
enum mode {
	MODE_TCP,    /* nobody: plain bytes */
	MODE_USER,   /* our engine's record layer, in the process */
	MODE_LIBSSL, /* OpenSSL, handshake and records */
	MODE_SW,     /* the kernel, on the CPU */
	MODE_HW,     /* a network device */
	MODE_HW_ZC,  /* the same, with TLS_TX_ZEROCOPY_RO */
	MODES
};

enum pattern {
	PATTERN_WRITE,    /* a stream of send() */
	PATTERN_SENDFILE, /* a file, again and again */
	PATTERN_SPLICE,   /* the same through a pipe */
	PATTERN_MORE,     /* a header with MSG_MORE, and what follows it */
	PATTERN_REQUEST,  /* a request, an object as the answer, one after the other */
	PATTERN_CHURN,    /* connections: handshake, a byte each way, end */
	PATTERNS
};

#define PLAN_REQUEST        64  /* bytes of a request */
#define PLAN_HEADER         256 /* bytes before MSG_MORE's end */
#define PLAN_CONNECTIONS    4096
#define PLAN_THREADS        256
#define PLAN_OBJECT         (UINT64_C(4) << 30)
#define PLAN_WRITE          (1U << 26)
#define PLAN_RECORD         16384
#define PLAN_RECORD_MIN     64
#define PLAN_ROUND_MS       600000
#define PLAN_VERIFY_DEFAULT (UINT64_C(2) << 20)

struct plan {
	enum mode mode;
	enum pattern pattern;
	enum result_direction direction;
	uint16_t version, suite; /* KTLS_... */
	uint32_t connections, threads;
	uint64_t object_bytes; /* of the file, or of an answer */
	uint32_t write_bytes;  /* a call's; 0: PLAN_WRITE, or what there is */
	uint32_t record_bytes; /* of content in a record, at most; 0: PLAN_RECORD */
	uint32_t warmup_ms, round_ms;
	uint64_t bytes;      /* that a connection sends, at most; 0: as long as the round lasts */
	bool verify;         /* hash what goes by: of no use for measuring */
	bool daemon;         /* kernel modes: handshakes by ktlsd */
	bool switch_offload; /* turn the device's offload on or off, as the mode wants it */
};

/* NULL, or what makes no sense, for people. */
const char *plan_check(const struct plan *plan);

/* "ktls-sw"; NULL past the end. */
const char *mode_name(enum mode mode);
const char *mode_label(enum mode mode);
const char *pattern_name(enum pattern pattern);
const char *direction_name(enum result_direction direction);

static inline bool mode_is_kernel(enum mode mode)
{
	return mode >= MODE_SW && mode < MODES;
}

static inline bool mode_is_hardware(enum mode mode)
{
	return mode == MODE_HW || mode == MODE_HW_ZC;
}

/* Whether an end sends the bytes that count. */
bool plan_sends(const struct plan *plan, enum result_end end);

#define OUTCOME_HASH 32

/* What an end has to say of a round. */
struct outcome {
	uint64_t received, sent; /* bytes of payload behind the warm-up */
	uint64_t operations,
		failures;         /* at the client, for request and churn; at who sends, else */
	uint64_t wall_ns, cpu_ns; /* behind the warm-up; CPU: of the threads that did it */
	uint64_t cycles;          /* 0: no counter */
	uint64_t busy_ns;         /* of all CPUs of the machine, warm-up included */
	uint64_t p50_ns, p99_ns;  /* 0: none */
	uint64_t retransmits;     /* segments */
	struct result_offload tx, rx;
	uint8_t hash_sent[OUTCOME_HASH], hash_received[OUTCOME_HASH]; /* of all connections */
	uint16_t version, suite;      /* that was negotiated; 0: none */
	char failed[RESULT_LINE];     /* why the round is worth nothing; "" */
	struct result_round counters; /* only its counters; to be freed with outcome_wipe() */
};

void outcome_wipe(struct outcome *outcome);

#endif
