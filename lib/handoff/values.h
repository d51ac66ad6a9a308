/* SPDX-License-Identifier: MIT */
/* Values of the hand-off protocol's attributes, from and to the fields of a message's struct. */
#ifndef KTLS_HANDOFF_VALUES_H
#define KTLS_HANDOFF_VALUES_H

#include "lib/handoff/protocol.h"
#include "lib/wire/writer.h"

enum kind {
	NUMBER, /* as wide as its field; min and max are of the value, else of the bytes */
	NAME,   /* printable ASCII without blanks */
	TEXT,   /* anything but 0; control characters become '?' */
	ALPN,   /* names with a length byte before each */
	BYTES,
	CERT,      /* the next one of certs[] */
	PEER_NAME, /* the next one of names[] */
	EXPORT,    /* the next one of exports[] */
	EXPORTED,  /* the next one of exported[] */
};

enum {
	NEEDED = 1,    /* a message without it is malformed */
	MANDATORY = 2, /* sent with HANDOFF_MANDATORY */
};

/* A row of the table of attributes. */
struct attribute {
	uint8_t message;
	uint16_t type;
	enum kind kind;
	unsigned int flags;
	size_t offset; /* of the field */
	size_t size;
	uint64_t min, max;
};

/* Those that may come several times. */
bool is_list(const struct attribute *a);

/* The number in a field of size bytes. */
uint64_t number_get(const void *field, size_t size);

/* Into the field, or the next of the list. out is the message's struct. */
WIRE_MUST_CHECK bool value_parse(const struct attribute *a, struct reader r, void *out);

/* Writes the attribute, or those of the list; nothing where its field is empty. */
void attribute_build(const struct attribute *a, const void *in, struct writer *w);

#endif
