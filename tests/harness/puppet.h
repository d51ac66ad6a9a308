/* SPDX-License-Identifier: MIT */
/*
 * A peer on strings: an engine that a test moves state by state, and through which it sends
 * whatever it likes, under the right keys and with the right transcript. For what an honest peer
 * never sends.
 */
#ifndef KTLS_TESTS_PUPPET_H
#define KTLS_TESTS_PUPPET_H

#include "lib/handshake/engine.h"
#include "tests/harness/engines.h"

/* Moves the engine until it is about to enter the row of a state; the test ends if it does not get
 * there. */
void puppet_until(struct engine_end *end, struct engine_queue *peer, enum state state);

/* Sends a handshake message in a record of its own; it counts for the transcript. */
void puppet_message(struct engine_end *end, struct engine_queue *peer, enum message type,
		    const void *body, size_t len);

/* Sends bytes as one record of a type, protected where the engine's keys are on. */
void puppet_record(struct engine_end *end, struct engine_queue *peer, uint8_t type,
		   const void *bytes, size_t len);

/* The same with so many bytes of padding; always protected. */
void puppet_padded(struct engine_end *end, struct engine_queue *peer, uint8_t type,
		   const void *bytes, size_t len, size_t padding);

/*
 * Edits the one hello in a queue (a ClientHello or ServerHello in one record, nothing else):
 * replaces the body of an extension, removes it (body NULL), or appends it at the end where it is
 * not there or where again is set.
 */
void puppet_edit_extension(struct engine_queue *queue, uint16_t type, const void *body, size_t len);
void puppet_add_extension(struct engine_queue *queue, uint16_t type, const void *body, size_t len);

/* Offset of the hello's body in its queue: record header, handshake header. */
#define PUPPET_BODY 9

#endif
