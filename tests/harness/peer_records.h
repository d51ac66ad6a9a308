/* SPDX-License-Identifier: MIT */
/*
 * The records of a peer behind its handshake (RFC 9846, 5; RFC 5246, 6.2), on a TCP socket, with
 * the library's own record layer: a peer that may send what it likes, right or wrong, and looks
 * closely at what comes. What it holds the other end to:
 *
 *   - every record is the next one under the key in force: no pair of key and sequence number is
 *     ever met twice, none is left out (5.3);
 *   - a KeyUpdate stands alone at the end of its record and goes out under the old key; every
 *     record behind it is under the new one, and none before it (4.7.3);
 *   - a KeyUpdate that asks for ours is not followed by another that asks, before ours;
 *   - data is that of pattern.h, where wanted.
 *
 * Whoever breaks one of these ends the program, with a line on standard error that says which. So
 * does silence: everything here waits for PEER_PATIENCE_S at most, times KTLS_TIMEOUT_FACTOR.
 */
#ifndef KTLS_TESTS_PEER_RECORDS_H
#define KTLS_TESTS_PEER_RECORDS_H

#include <stdbool.h>

#include <ktls-handshake.h>
#include <ktls-record.h>
#include <ktls-secrets.h>

#include "lib/crypto/hash.h"

#define PEER_PATIENCE_S  10
#define PEER_EVENTS      256   /* that wait to be taken */
#define PEER_PAST        8     /* keys of the other end that are remembered */
#define PEER_HELD_MAX    65536 /* bytes of messages that wait to be joined */
#define PEER_MESSAGE_MAX 65540

enum { PEER_TYPE_ALERT = 21, PEER_TYPE_HANDSHAKE = 22, PEER_TYPE_DATA = 23 };
enum { PEER_HELLO_REQUEST = 0, PEER_TICKET = 4, PEER_KEY_UPDATE = 24 };

enum peer_event_kind {
	PEER_SAID_DATA,       /* value: bytes */
	PEER_SAID_KEY_UPDATE, /* value: 1 where it asks for ours */
	PEER_SAID_ALERT,      /* value: its number */
	PEER_SAID_MESSAGE,    /* value: type of another handshake message */
	PEER_SAID_FIN,
	PEER_SAID_RESET,
};

struct peer_event {
	enum peer_event_kind kind;
	uint64_t value;
};

/* A key that has been in force. */
struct peer_past {
	struct ktls_traffic_key key; /* seq is nothing */
	uint64_t generation;         /* KeyUpdates before it */
	uint64_t next;               /* number of the next record under it */
};

struct peer_records {
	int fd;
	uint16_t version;
	struct ktls_record_layer layer;
	struct ktls_secrets secrets;
	struct ktls_traffic_key tx_key;
	/* How to send. The caller may change these at any time. */
	size_t content_max; /* bytes in a record of data */
	size_t padding;     /* zeros behind the content, TLS 1.3 */
	unsigned int split; /* records that the next message goes into; 0: as few as will do */
	unsigned int join;  /* messages that go into one record; 0: each into its own */
	bool trickle;       /* byte by byte */
	bool heedless;      /* what cannot be sent is not */
	bool silent;        /* a KeyUpdate that is asked for is not sent */
	bool any_data;      /* what comes is not compared */
	/* What was sent. */
	uint64_t sent; /* bytes of data */
	uint64_t updates_sent;
	uint8_t held[PEER_HELD_MAX]; /* messages to be joined */
	size_t held_len;
	bool asked;       /* for the other end's KeyUpdate, which has not come */
	bool update_owed; /* the other end has asked for ours */
	bool step_owed;   /* behind the messages that are held */
	/* What has come. */
	uint64_t received; /* bytes of data */
	uint64_t updates_received;
	uint64_t messages_received; /* others */
	struct hash hash;           /* SHA-256 of the data */
	struct peer_past now;       /* the key that the other end is to use */
	struct peer_past past[PEER_PAST];
	uint8_t message[PEER_MESSAGE_MAX]; /* what has come of one */
	size_t message_len;
	struct peer_event events[PEER_EVENTS];
	size_t events_len;
};

/* Behind the handshake of an engine. The socket is the caller's, and gets a time limit. */
void peer_records_init(struct peer_records *p, int fd, const struct ktls_engine *engine);
void peer_records_wipe(struct peer_records *p);

/* ---- sending: while the socket has no room, what comes is read ---------------------------------
 */

/* len bytes of the pattern, in records of content_max, behind the KeyUpdate that is owed. */
void peer_send_data(struct peer_records *p, uint64_t len);

/* A record of a type, as it is. */
void peer_send_record(struct peer_records *p, uint8_t type, const void *bytes, size_t len);

/* A handshake message with its header, by split and join. */
void peer_send_message(struct peer_records *p, uint8_t type, const void *body, size_t len);

void peer_send_alert(struct peer_records *p, uint8_t level, uint8_t alert);

/* A KeyUpdate, and the new key for what follows. */
void peer_send_key_update(struct peer_records *p, bool request);

/* The new key without a word; or the one in force from its first number on: what nobody may do. */
void peer_step_key(struct peer_records *p);
void peer_repeat_key(struct peer_records *p);

/* Seals a record and gives it out instead of sending it; its length. */
size_t peer_seal(struct peer_records *p, uint8_t type, const void *bytes, size_t len,
		 uint8_t out[static KTLS_ENGINE_RECORD_MAX]);

/* Bytes as they are. */
void peer_send_raw(struct peer_records *p, const void *bytes, size_t len);

/* ---- receiving ---------------------------------------------------------------------------------
 */

/* Reads one record and appends what it says to the events. */
void peer_receive(struct peer_records *p);

/* What is to come next; waits for it. Then drop it, or so much of its data. */
struct peer_event *peer_next(struct peer_records *p);
void peer_drop(struct peer_records *p);
void peer_drop_data(struct peer_records *p, uint64_t len);

/* Whether the other end has said its last. */
bool peer_ended(const struct peer_records *p);

/* Answers the KeyUpdate that asked for ours, unless silent. */
void peer_answer(struct peer_records *p);

/* Ends the program with what is wrong, behind what it was about. */
extern const char *peer_doing;
void peer_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Milliseconds as they are meant on a fast machine, for poll(). */
int peer_patience_ms(void);

#endif
