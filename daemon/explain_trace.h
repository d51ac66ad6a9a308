/* SPDX-License-Identifier: MIT */
/*
 * What "ktlsctl explain" found out about one handshake: a list of steps in the order of time, each
 * with a tree of fields, and what came of it all. Renderers (text, JSON, SVG) read nothing else.
 *
 * Everything lies in the trace's own memory and is freed with it. Text is printable ASCII: whoever
 * puts in what came from the wire does so by trace_escape().
 */
#ifndef KTLS_DAEMON_EXPLAIN_TRACE_H
#define KTLS_DAEMON_EXPLAIN_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls-handshake.h>

#include "lib/wire/reader.h"

/* A name with a text, a list of texts (children without names), or further fields. */
struct field {
	const char *name; /* NULL: an item of a list */
	const char *text; /* NULL: none */
	bool list;
	struct field *first, *last; /* children */
	struct field *next;
};

/* A record on the wire (RFC 9846, 5.1). */
struct record_seen {
	unsigned int number; /* in its direction, from 1 */
	bool sent;
	uint8_t type;
	uint16_t version;
	size_t len; /* header included */
	uint64_t at;
	struct record_seen *next;
};

enum step_kind { STEP_MESSAGE, STEP_CCS, STEP_ALERT, STEP_KEYS, STEP_DONE, STEP_DATA };

struct step {
	enum step_kind kind;
	uint8_t message; /* HandshakeType, for STEP_MESSAGE */
	bool retry;      /* a ServerHello that is a HelloRetryRequest */
	bool sent;       /* by us */
	bool encrypted;
	bool application; /* encrypted with the application keys */
	bool bad;         /* a fatal alert */
	uint64_t at;      /* microseconds since the connection was made */
	const char *name;
	const char *meaning;  /* a sentence: what it is for */
	const char *brief[3]; /* the same for a diagram: lines of at most 60 characters, or NULL */
	const uint8_t *bytes; /* of the message, its header included */
	size_t len;
	const struct record_seen *first_record, *last_record;
	bool shares_record; /* with the step before */
	struct field fields;
	struct step *next;
};

/* Who has to do something about it. */
enum fault { FAULT_NONE, FAULT_US, FAULT_PEER, FAULT_BETWEEN, FAULT_UNKNOWN };

struct verdict {
	bool good;
	const char *headline;
	const char *where; /* which message */
	const char *why;
	enum fault fault;
	struct field advice; /* list: what to do */
};

struct block;

struct trace {
	struct block *blocks;
	enum ktls_role role; /* ours */
	const char *target;  /* what the user asked for: "example.org:443", "port 443" */
	const char *date;    /* and time */
	const char *address; /* of the peer; NULL as long as there is none */
	uint64_t resolved;   /* microseconds that it took */
	uint64_t connected;
	uint64_t finished; /* since the connection was made; 0: the handshake never was */
	uint64_t computed; /* microseconds that the engine worked */
	uint64_t waited;   /* and waited for the peer */
	unsigned int round_trips;
	struct step *steps, *last;
	struct record_seen *records, *last_record;
	struct field negotiated;  /* name, text: value and why */
	struct field certificate; /* of the peer, what it is worth */
	const char *kernel;
	struct verdict verdict;
};

void trace_init(struct trace *trace, enum ktls_role role);
void trace_free(struct trace *trace);

/* Zeros, as long as the trace. Ends the program without memory. */
void *trace_alloc(struct trace *trace, size_t len);
const char *trace_text(struct trace *trace, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
const uint8_t *trace_copy(struct trace *trace, const uint8_t *bytes, size_t len);

/* Bytes from the wire as printable ASCII; others as \xNN, and so the backslash. */
const char *trace_escape(struct trace *trace, struct reader bytes);

/* In hexadecimal; where there are more than most bytes, the first 12 and "...". */
const char *trace_hex(struct trace *trace, struct reader bytes, size_t most);

#define HEX_SHORT 16 /* for what means nothing to people */
#define HEX_WHOLE 64

struct step *trace_step(struct trace *trace, enum step_kind kind, uint64_t at);

/* Appends a child; its text follows the format, or NULL. */
struct field *field_add(struct trace *trace, struct field *parent, const char *name,
			const char *format, ...) __attribute__((format(printf, 4, 5)));
struct field *field_list(struct trace *trace, struct field *parent, const char *name);
void field_item(struct trace *trace, struct field *list, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The child of a name, NULL if there is none. */
const struct field *field_find(const struct field *parent, const char *name);

#endif
