/* SPDX-License-Identifier: MIT */
/*
 * What a run of ktls-bench measured, where, and with what. The measuring part fills it, the report
 * reads it, and result_json.c writes and reads it: members have these names there, so their units
 * are in the names, and RESULT_VERSION changes where one of them is renamed, removed or comes to
 * mean something else. A member that is added changes nothing: readers take what is missing as
 * zero or "", which say "not known" wherever the comment does not say otherwise.
 *
 * Ownership: a run owns its cells, a cell its rounds, a round its counters. All text lies in the
 * structs (result_text() cuts it to fit). result_run_free() frees everything. The _add functions
 * return a new element, zeroed, that is valid until the next _add to the same array, or NULL where
 * there is no memory; they and result_text() do no I/O.
 */
#ifndef KTLS_BENCH_RESULT_H
#define KTLS_BENCH_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESULT_FORMAT  "ktls-bench"
#define RESULT_VERSION 1

#define RESULT_NAME    48  /* bytes with the zero, of what programs compare */
#define RESULT_LINE    256 /* of what people read */

/* More than these is a mistake or an attack; _add returns NULL and the reader refuses. */
#define RESULT_MODES_MAX    16
#define RESULT_CELLS_MAX    4096
#define RESULT_ROUNDS_MAX   1000
#define RESULT_COUNTERS_MAX 512
#define RESULT_WARNINGS_MAX 64

enum result_end { RESULT_SERVER, RESULT_CLIENT, RESULT_ENDS };

/* Which way the data goes that is counted in bytes. */
enum result_direction { RESULT_TO_CLIENT, RESULT_TO_SERVER, RESULT_BOTH_WAYS, RESULT_DIRECTIONS };

enum result_known { RESULT_UNKNOWN, RESULT_NO, RESULT_YES, RESULT_KNOWNS };

/* ---- a round: one measurement ---------------------------------------------------------------- */

enum result_source {
	RESULT_TLS_STAT, /* /proc/net/tls_stat */
	RESULT_ETHTOOL,  /* ethtool -S of the machine's nic */
	RESULT_SOURCES
};

/* How much a counter grew; only what grew is listed. */
struct result_counter {
	enum result_end end;
	enum result_source source;
	char name[RESULT_NAME];
	uint64_t value;
};

/* What the kernel did with one direction of the round's connections; the sum may be 0. */
struct result_offload {
	uint32_t hw, sw, unknown;  /* connections */
	char why_not[RESULT_NAME]; /* ktls_no_hw_name() of the first that is not hw; or "" */
};

enum result_payload { RESULT_UNCHECKED, RESULT_VERIFIED, RESULT_CORRUPT, RESULT_PAYLOADS };

struct result_round {
	double began_seconds; /* since the run began: rounds are interleaved, and machines drift */
	double wall_seconds;
	uint64_t bytes;                  /* of payload, at the receiver; both directions together */
	uint64_t operations;             /* requests answered, connections made, or objects sent */
	uint64_t failures;               /* operations that failed; not in operations */
	double cpu_seconds[RESULT_ENDS]; /* of the end's threads, user and system */
	/* Of all CPUs that were not idle: with interrupts, and with others' work. 0: not known. */
	double busy_seconds[RESULT_ENDS];
	uint64_t cycles[RESULT_ENDS];            /* of the CPU; 0: there was no counter */
	uint64_t latency_p50_ns, latency_p99_ns; /* of an operation, at the client; 0: none */
	uint64_t retransmits;                    /* TCP segments, both ends */
	struct result_offload tx[RESULT_ENDS], rx[RESULT_ENDS];
	enum result_payload payload; /* compared with what was sent, by hash */
	struct result_counter *counters;
	size_t counters_len;
};

/* ---- a cell: a mode doing something ---------------------------------------------------------- */

/* What is done, whoever does it: only cells whose workloads are equal can be compared. */
struct result_workload {
	char pattern[RESULT_NAME]; /* "sendfile", "write", "splice", "more", "request", "churn" */
	enum result_direction direction;
	uint64_t object_bytes; /* a file, or an answer; 0: one stream without an end */
	uint32_t write_bytes;  /* a call's; 0: as many as there are */
	uint32_t record_bytes; /* of plaintext in a record, at most; 0: the mode's default */
	uint32_t connections;  /* at a time */
	uint32_t threads;      /* of each end */
};

struct result_cell {
	char mode[RESULT_NAME]; /* one of the run's modes */
	struct result_workload workload;
	char tls[RESULT_NAME];   /* version: "TLS 1.2"; "": plain */
	char suite[RESULT_NAME]; /* ktls_suite_name(); "": plain */
	/*
	 * Why there are no rounds, for people: "no device with TLS offload on the route". Then it
	 * is in the report and in no comparison. "": there are.
	 */
	char missing[RESULT_LINE];
	struct result_round *rounds;
	size_t rounds_len;
};

/* ---- the run --------------------------------------------------------------------------------- */

struct result_mode {
	char name[RESULT_NAME];  /* "tcp", "user", "libssl", "ktls-sw", "ktls-hw", "ktls-hw-zc" */
	char label[RESULT_NAME]; /* "kTLS, hardware": in tables and under bars */
	bool wants_hardware;     /* to be warned about where it did not get it */
};

struct result_machine {
	char kernel[RESULT_LINE]; /* release and version, of uname */
	char cpu_model[RESULT_LINE];
	uint32_t cpus; /* online */
	/* Of CPU frequency, of all CPUs or of those that the end is pinned to: each that there is
	 * once, "performance, powersave"; "": there is none to be seen. */
	char governor[RESULT_NAME];
	enum result_known turbo;      /* frequencies above the nominal one */
	char hypervisor[RESULT_NAME]; /* "KVM"; "": none */
	bool emulated;                /* instructions are interpreted or translated: TCG */
	double load;                  /* CPUs in use by others, just before the first round */
	char nic[RESULT_NAME];        /* of the route between the ends: "eth0", "lo" */
	char nic_driver[RESULT_NAME];
	char nic_firmware[RESULT_NAME];
	uint32_t nic_mbit;                        /* speed of the link; 0: none or not known */
	uint32_t nic_mtu;                         /* bytes */
	enum result_known nic_tls_tx, nic_tls_rx; /* features tls-hw-tx/rx-offload are on */
	char version[RESULT_NAME];                /* of ktls-bench */
	char build[RESULT_NAME];  /* "release"; else what it is: "address sanitizer" */
	char libssl[RESULT_NAME]; /* its version, "3.0.19"; "": built without */
};

struct result_warning {
	char code[RESULT_NAME];   /* "emulated-cpu": for programs */
	char text[RESULT_LINE];   /* what spoils what */
	char advice[RESULT_LINE]; /* what to do about it */
};

/* Asked for; what a cell needs to be understood is in its workload. */
struct result_parameters {
	char command[2 * RESULT_LINE]; /* the command line */
	uint32_t rounds;
	double warmup_seconds;     /* before each round, not counted */
	double round_seconds;      /* of a round; 0: as long as the bytes take */
	bool one_machine;          /* both ends: machines[] are the same, with each end's CPUs */
	bool shared_cpu;           /* some core may run both ends */
	char pinning[RESULT_NAME]; /* "server 0-1, client 2-3"; "": none */
};

struct result_run {
	char date[RESULT_NAME];  /* of its beginning: "2026-01-31T12:00:00Z" */
	char title[RESULT_LINE]; /* the user's; may be "" */
	struct result_parameters parameters;
	struct result_machine machines[RESULT_ENDS];
	struct result_mode modes[RESULT_MODES_MAX]; /* in the order in which they are shown */
	size_t modes_len;
	char base[RESULT_NAME];    /* the mode that others are compared with */
	struct result_cell *cells; /* in the order in which they are shown */
	size_t cells_len;
	struct result_warning warnings[RESULT_WARNINGS_MAX];
	size_t warnings_len;
};

/* Zeroed; NULL: no memory. */
struct result_run *result_run_new(void);
void result_run_free(struct result_run *run);

struct result_mode *result_mode_add(struct result_run *run);
struct result_cell *result_cell_add(struct result_run *run);
struct result_round *result_round_add(struct result_cell *cell);
struct result_counter *result_counter_add(struct result_round *round);

/* The first warning of a code stays. What does not fit is cut. */
void result_warn(struct result_run *run, const char *code, const char *text, const char *advice);

/* The mode of that name, or NULL. */
const struct result_mode *result_mode_find(const struct result_run *run, const char *name);

/* printf into a field of size bytes, cut where it does not fit; unprintable bytes become '?'. */
__attribute__((format(printf, 3, 4))) void result_text(char *field, size_t size, const char *format,
						       ...);

#endif
