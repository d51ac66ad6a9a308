/* SPDX-License-Identifier: MIT */
/*
 * The record layer of a handshake (RFC 9846, 5): takes whole records from the input, puts messages
 * into records in the output. What both sides may skip or must refuse around handshake records is
 * decided here.
 */
#ifndef KTLS_HANDSHAKE_RECORD_H
#define KTLS_HANDSHAKE_RECORD_H

#include "lib/handshake/engine.h"

/* Tells the caller's watch operation, if there is one, of what goes by. */
void record_watch(const struct engine *e, bool sent, uint8_t type, bool encrypted,
		  const uint8_t *bytes, size_t len);

/* The same for a handshake message, under the keys in force. */
void record_watch_message(const struct engine *e, bool sent, const uint8_t *bytes, size_t len);

/*
 * The next record with handshake bytes, decrypted; others on the way are dealt with. 1 with
 * *content set (never empty), 0 where the input holds no further whole record (io->need is set), or
 * a negative reason.
 */
int record_recv(struct engine *e, struct reader *content) __attribute__((warn_unused_result));

/*
 * Whether these four bytes are a HelloRequest that is ignored: a client that is in a handshake
 * already does so (RFC 5246, 7.4.1.1), and does not count it for the transcript; but not many.
 */
bool record_is_hello_request(struct engine *e, const struct reader *message);

/* Takes the change_cipher_spec of TLS 1.2 (RFC 5246, 7.1): 1, 0 for want of input, or a reason. */
int record_recv_ccs(struct engine *e) __attribute__((warn_unused_result));

/* The writer for the next handshake message of this flight. */
struct writer *record_writer(struct engine *e);

/* Takes back what was written to the flight behind its first len bytes. */
void record_unwrite(struct engine *e, size_t len);

/* Seals the flight under the keys in force. */
int record_flush(struct engine *e) __attribute__((warn_unused_result));

/* Puts a change_cipher_spec into the output, once a connection (E.4). */
int record_send_ccs(struct engine *e) __attribute__((warn_unused_result));

/* Puts an alert that ends the connection into the output, under the keys in force. */
void record_send_alert(struct engine *e, uint8_t alert);

#endif
