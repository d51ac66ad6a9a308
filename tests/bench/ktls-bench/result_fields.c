/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/result_fields.h"

const char *const result_end_words[] = { "server", "client", NULL };
const char *const result_direction_words[] = { "to-client", "to-server", "both", NULL };
const char *const result_source_words[] = { "tls_stat", "ethtool", NULL };
static const char *const payload_words[] = { "unchecked", "verified", "corrupt", NULL };
static const char *const known_words[] = { "unknown", "no", "yes", NULL };

_Static_assert(sizeof(result_end_words) == (RESULT_ENDS + 1) * sizeof(char *), "all ends");
_Static_assert(sizeof(result_direction_words) == (RESULT_DIRECTIONS + 1) * sizeof(char *),
	       "all directions");
_Static_assert(sizeof(result_source_words) == (RESULT_SOURCES + 1) * sizeof(char *), "all sources");
_Static_assert(sizeof(payload_words) == (RESULT_PAYLOADS + 1) * sizeof(char *), "all verdicts");
_Static_assert(sizeof(known_words) == (RESULT_KNOWNS + 1) * sizeof(char *), "all truths");
_Static_assert(sizeof(enum result_end) == sizeof(int), "enumerations are read as int");

#define AT(s, member)      offsetof(struct s, member), sizeof(((struct s *)0)->member)
#define AT_ENDS(s, member) offsetof(struct s, member), sizeof(((struct s *)0)->member[0])

#define MEMBER(type, s, member, words, label)                       \
	{                                                           \
#member, type, AT(s, member), words, NULL, 0, label \
	}
#define TEXT(s, member)        MEMBER(FIELD_TEXT, s, member, NULL, NULL)
#define U32(s, member)         MEMBER(FIELD_U32, s, member, NULL, NULL)
#define U64(s, member)         MEMBER(FIELD_U64, s, member, NULL, NULL)
#define DOUBLE(s, member)      MEMBER(FIELD_DOUBLE, s, member, NULL, NULL)
#define BOOL(s, member)        MEMBER(FIELD_BOOL, s, member, NULL, NULL)
#define ENUM(s, member, words) MEMBER(FIELD_ENUM, s, member, words, NULL)
#define STRUCT(s, member, fields)                                           \
	{                                                                   \
#member, FIELD_STRUCT, AT(s, member), NULL, fields, 0, NULL \
	}
#define ENDS(s, member, each)                                                   \
	{                                                                       \
#member, FIELD_ENDS, AT_ENDS(s, member), NULL, NULL, each, NULL \
	}
#define ENDS_STRUCT(s, member, fields)                                                    \
	{                                                                                 \
#member, FIELD_ENDS, AT_ENDS(s, member), NULL, fields, FIELD_STRUCT, NULL \
	}
#define END                                        \
	{                                          \
		NULL, 0, 0, 0, NULL, NULL, 0, NULL \
	}

/* ---- rounds ---------------------------------------------------------------------------------- */

const struct field result_counter_fields[] = {
	ENUM(result_counter, end, result_end_words),
	ENUM(result_counter, source, result_source_words),
	TEXT(result_counter, name),
	U64(result_counter, value),
	END,
};

static const struct field offload_fields[] = {
	U32(result_offload, hw),
	U32(result_offload, sw),
	U32(result_offload, unknown),
	TEXT(result_offload, why_not),
	END,
};

const struct field result_round_fields[] = {
	DOUBLE(result_round, began_seconds),
	DOUBLE(result_round, wall_seconds),
	U64(result_round, bytes),
	U64(result_round, operations),
	U64(result_round, failures),
	ENDS(result_round, cpu_seconds, FIELD_DOUBLE),
	ENDS(result_round, busy_seconds, FIELD_DOUBLE),
	ENDS(result_round, cycles, FIELD_U64),
	U64(result_round, latency_p50_ns),
	U64(result_round, latency_p99_ns),
	U64(result_round, retransmits),
	ENDS_STRUCT(result_round, tx, offload_fields),
	ENDS_STRUCT(result_round, rx, offload_fields),
	ENUM(result_round, payload, payload_words),
	END,
};

/* ---- cells ----------------------------------------------------------------------------------- */

static const struct field workload_fields[] = {
	TEXT(result_workload, pattern),
	ENUM(result_workload, direction, result_direction_words),
	U64(result_workload, object_bytes),
	U32(result_workload, write_bytes),
	U32(result_workload, record_bytes),
	U32(result_workload, connections),
	U32(result_workload, threads),
	END,
};

const struct field result_cell_fields[] = {
	TEXT(result_cell, mode),    STRUCT(result_cell, workload, workload_fields),
	TEXT(result_cell, tls),     TEXT(result_cell, suite),
	TEXT(result_cell, missing), END,
};

/* ---- the run --------------------------------------------------------------------------------- */

const struct field result_mode_fields[] = {
	TEXT(result_mode, name),
	TEXT(result_mode, label),
	BOOL(result_mode, wants_hardware),
	END,
};

const struct field result_warning_fields[] = {
	TEXT(result_warning, code),
	TEXT(result_warning, text),
	TEXT(result_warning, advice),
	END,
};

const struct field result_machine_fields[] = {
	MEMBER(FIELD_TEXT, result_machine, kernel, NULL, "kernel"),
	MEMBER(FIELD_TEXT, result_machine, cpu_model, NULL, "CPU"),
	MEMBER(FIELD_U32, result_machine, cpus, NULL, "CPUs"),
	MEMBER(FIELD_TEXT, result_machine, governor, NULL, "governor"),
	MEMBER(FIELD_ENUM, result_machine, turbo, known_words, "turbo frequencies"),
	MEMBER(FIELD_TEXT, result_machine, hypervisor, NULL, "hypervisor"),
	BOOL(result_machine, emulated),
	DOUBLE(result_machine, load),
	MEMBER(FIELD_TEXT, result_machine, nic, NULL, "device"),
	MEMBER(FIELD_TEXT, result_machine, nic_driver, NULL, "driver"),
	MEMBER(FIELD_TEXT, result_machine, nic_firmware, NULL, "firmware"),
	MEMBER(FIELD_U32, result_machine, nic_mbit, NULL, "link's Mbit/s"),
	MEMBER(FIELD_U32, result_machine, nic_mtu, NULL, "MTU"),
	ENUM(result_machine, nic_tls_tx, known_words),
	ENUM(result_machine, nic_tls_rx, known_words),
	MEMBER(FIELD_TEXT, result_machine, version, NULL, "ktls-bench"),
	TEXT(result_machine, build),
	MEMBER(FIELD_TEXT, result_machine, libssl, NULL, "libssl"),
	END,
};

const struct field result_parameters_fields[] = {
	TEXT(result_parameters, command),
	MEMBER(FIELD_U32, result_parameters, rounds, NULL, "rounds"),
	DOUBLE(result_parameters, warmup_seconds),
	MEMBER(FIELD_DOUBLE, result_parameters, round_seconds, NULL, "seconds of a round"),
	BOOL(result_parameters, one_machine),
	BOOL(result_parameters, shared_cpu),
	MEMBER(FIELD_TEXT, result_parameters, pinning, NULL, "pinning"),
	END,
};

const struct field result_run_fields[] = {
	TEXT(result_run, date),
	TEXT(result_run, title),
	STRUCT(result_run, parameters, result_parameters_fields),
	ENDS_STRUCT(result_run, machines, result_machine_fields),
	TEXT(result_run, base),
	END,
};
