/* SPDX-License-Identifier: MIT */
/*
 * libktls-handshake: the record layer behind a handshake (RFC 9846, 5; RFC 5246, 6.2), for those
 * whose kernel does not carry the records. Like the engine: bytes in, bytes out, no I/O, no heap;
 * the context is the caller's and has one thread at a time.
 *
 *	struct ktls_traffic_key tx, rx;
 *	struct ktls_record_layer layer;
 *
 *	if (ktls_engine_keys(&engine, &tx, &rx) == 0 && ktls_record_init(&layer, &tx, &rx) == 0)
 *		...
 *
 * What stands in records that are no application data (alerts, tickets, KeyUpdate) is the caller's
 * to understand.
 */
#ifndef KTLS_RECORD_H
#define KTLS_RECORD_H

#include <ktls-tls.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define KTLS_RECORD_LAYER_SIZE   768
#define KTLS_RECORD_CONTENT_MAX  16384 /* bytes of a record's content (RFC 9846, 5.1) */
#define KTLS_RECORD_OVERHEAD_MAX 29    /* bytes that a record of ours is longer than its content */
#define KTLS_RECORD_PREFIX_MAX   13    /* of these, before the content */

/* The keys of both directions, expanded. Secret; its insides are the library's. */
struct ktls_record_layer {
	KTLS_ALIGNED(16) unsigned char opaque[KTLS_RECORD_LAYER_SIZE];
};

/*
 * Begins with the keys that a handshake ended with, sequence numbers included, where a kernel would
 * get them. Returns 0, or -KTLS_R_MISUSE for keys of an unknown suite or of two. To be ended with
 * ktls_record_wipe().
 */
int ktls_record_init(struct ktls_record_layer *layer, const struct ktls_traffic_key *tx,
		     const struct ktls_traffic_key *rx) __attribute__((warn_unused_result));
void ktls_record_wipe(struct ktls_record_layer *layer);

/* Bytes before the content in a record: who puts the content there saves seal() a copy. */
size_t ktls_record_prefix(const struct ktls_record_layer *layer);

/*
 * Makes the next record, of a content type (RFC 9846, 5.1), around len bytes of content. out has
 * room for len + KTLS_RECORD_OVERHEAD_MAX; content may be out + ktls_record_prefix(), or lie
 * outside of it. Returns 0 with the record's length, or with nothing written -KTLS_R_MISUSE
 * (content too long, or empty where that is no application data) or -KTLS_R_KEY_EXHAUSTED where
 * the key has made as many records as it may.
 */
int ktls_record_seal(struct ktls_record_layer *layer, uint8_t type, const void *content, size_t len,
		     uint8_t *out, size_t *out_len) __attribute__((warn_unused_result));

/*
 * Opens the next record in place: record_len bytes, header included, neither more nor less than
 * one. Returns 0 with the type and the content, which points into the record; or a negative reason:
 * RECORD_MAC, RECORD_TOO_LONG, RECORD_TYPE, RECORD_NO_TYPE, RECORD_EMPTY, KEY_EXHAUSTED. After
 * that no further record can be opened.
 */
int ktls_record_open(struct ktls_record_layer *layer, uint8_t *record, size_t record_len,
		     uint8_t *type, struct ktls_span *content) __attribute__((warn_unused_result));

/*
 * Replaces the key of a direction (RFC 9846, 4.7.3), which has the suite of the one before.
 * Returns 0 or -KTLS_R_MISUSE.
 */
int ktls_record_rekey_tx(struct ktls_record_layer *layer, const struct ktls_traffic_key *tx)
	__attribute__((warn_unused_result));
int ktls_record_rekey_rx(struct ktls_record_layer *layer, const struct ktls_traffic_key *rx)
	__attribute__((warn_unused_result));

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
