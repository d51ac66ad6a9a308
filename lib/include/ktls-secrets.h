/* SPDX-License-Identifier: MIT */
/*
 * libktls-handshake: what TLS does behind a handshake with the secrets that outlive it (RFC 9846,
 * 4.7.3, 7.2, 7.3, 7.5; RFC 5705): new keys, keying material for applications. Plain functions on a
 * struct of the caller's, which ktls_engine_secrets() filled in; no context, no I/O, no heap.
 */
#ifndef KTLS_SECRETS_H
#define KTLS_SECRETS_H

#include <ktls-handshake.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

enum ktls_direction {
	KTLS_TX, /* what we send */
	KTLS_RX,
};

/*
 * The traffic key that belongs to a direction's secret, as it is before any record: sequence number
 * 0, in TLS 1.2 that behind the Finished. Returns 0, or -KTLS_R_MISUSE for secrets of no handshake,
 * with nothing written. The caller wipes it.
 */
int ktls_secrets_traffic_key(const struct ktls_secrets *secrets, enum ktls_direction direction,
			     struct ktls_traffic_key *key) __attribute__((warn_unused_result));

/*
 * Steps a direction's secret forward (RFC 9846, 7.2) and gives the key that follows: behind a
 * KeyUpdate that was sent (KTLS_TX) or received (KTLS_RX). Returns 0, or -KTLS_R_MISUSE for secrets
 * of no handshake or of TLS 1.2, with nothing changed or written. The caller wipes the key.
 *
 * The RFC's limit of 2^48 - 1 updates (4.7.3) is not counted.
 */
int ktls_secrets_key_update(struct ktls_secrets *secrets, enum ktls_direction direction,
			    struct ktls_traffic_key *key) __attribute__((warn_unused_result));

#define KTLS_KEY_UPDATE_LEN 5 /* bytes of the message, its header included */

/*
 * The KeyUpdate message (RFC 9846, 4.7.3), to be sent in a record of its own under the key before;
 * the next record is under the key after. request: the peer shall update its key, too; it must not
 * be asked again before it has.
 */
void ktls_secrets_build_key_update(bool request, uint8_t out[KTLS_AT_LEAST(KTLS_KEY_UPDATE_LEN)]);

/*
 * Whether the peer asks for ours in a KeyUpdate that is all that its record holds. Returns 0;
 * -KTLS_R_MESSAGE_UNEXPECTED for another message, -KTLS_R_MESSAGE_MALFORMED for one of another
 * length, -KTLS_R_KEY_UPDATE_INVALID for another value, -KTLS_R_MESSAGE_SPANS_KEY_CHANGE where
 * bytes follow; nothing is written then.
 */
int ktls_secrets_parse_key_update(const uint8_t *message, size_t len, bool *request)
	__attribute__((warn_unused_result));

/*
 * Counts a KeyUpdate of the peer: each costs key derivations, and a record of ours if it asks for
 * one. A peer may send KTLS_KEY_UPDATE_BURST at once, and one more for each
 * KTLS_KEY_UPDATE_REFILL_MS that pass and each KTLS_KEY_UPDATE_RECORDS records that it sends.
 * request: what ktls_secrets_parse_key_update() gave; one that makes no request is free where
 * limit->asked is more than 0. records: how many have come under the key that it ends, its own
 * included. now: a time in milliseconds that does not go back. Returns 0, or
 * -KTLS_R_KEY_UPDATE_STORM where there were too many.
 */
int ktls_secrets_count_key_update(struct ktls_key_update_limit *limit, bool request,
				  uint64_t records, uint64_t now)
	__attribute__((warn_unused_result));

#define KTLS_EXPORT_MAX 8160 /* bytes of keying material */

/*
 * Keying material for an application (RFC 9846, 7.5; RFC 5705): len bytes, at most KTLS_EXPORT_MAX,
 * that both ends derive and nobody else. label: at most KTLS_EXPORT_LABEL_MAX characters,
 * registered with IANA or beginning with "EXPERIMENTAL". context: context_len bytes, at most
 * KTLS_EXPORT_CONTEXT_MAX, or NULL for none, which in TLS 1.2 is not the same as an empty one.
 *
 * Returns 0; -KTLS_R_MISUSE for secrets of no handshake, bad lengths or a label of TLS's own;
 * -KTLS_R_MASTER_SECRET in TLS 1.2 without an extended master secret, where another connection may
 * have the same material (RFC 7627, 5.4). Nothing is written then. The caller wipes it.
 */
int ktls_secrets_export(const struct ktls_secrets *secrets, const char *label,
			const uint8_t *context, size_t context_len, uint8_t *out, size_t len)
	__attribute__((warn_unused_result));

#define KTLS_CHANNEL_BINDING_LEN 32

/* The channel binding "tls-exporter" (RFC 9266), for authentication above TLS. Returns as
 * ktls_secrets_export() does. */
int ktls_secrets_channel_binding(const struct ktls_secrets *secrets,
				 uint8_t out[KTLS_AT_LEAST(KTLS_CHANNEL_BINDING_LEN)])
	__attribute__((warn_unused_result));

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
