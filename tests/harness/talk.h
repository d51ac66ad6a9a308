/* SPDX-License-Identifier: MIT */
/*
 * What the test peers say to others' programs once TLS stands: echo, a file, HTTP enough for curl
 * and nginx. tests/tools/tlspeer.c says it in records of its own, ktlspeer.c through kernel TLS.
 */
#ifndef KTLS_TESTS_TALK_H
#define KTLS_TESTS_TALK_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ktls-tls.h>

#include "lib/crypto/hash.h"

/* How to send and receive without waiting; arg is talk.arg. A return below 0 is a negative errno.
 */
struct talk_ops {
	/* Takes up to len bytes; returns how many, or -EAGAIN where there is no room. */
	ssize_t (*send)(void *arg, const void *bytes, size_t len);
	/* The same from a file; NULL where there is nothing better than reading it. */
	ssize_t (*sendfile)(void *arg, int file, off_t at, size_t len);
	/* Sends close_notify behind everything. 0 when all of it is out, else -EAGAIN. */
	int (*finish)(void *arg);
	/* Bytes of data; 0 after close_notify; -EAGAIN; -EPROTO: talk.end is written. */
	ssize_t (*recv)(void *arg, void *buf, size_t len);
};

enum talk_plan {
	TALK_NONE,
	TALK_ECHO, /* server: sends back what comes */
	TALK_FILE, /* server: sends a file */
	TALK_HTTP, /* server: GET gets the file, whatever the path; PUT and POST are echoed */
	TALK_SEND, /* client: sends text and then a file, receives */
};

struct talk {
	enum talk_plan plan;
	const char *file;   /* to be sent; NULL: none */
	const char *text;   /* client: sent before the file; NULL: none */
	const char *method; /* client: makes it an HTTP request; NULL: none */
	const char *path;   /* client: of the request */
	uint64_t expect;    /* client: closes when so many bytes have come; 0: see talk_run() */
	const char *out;    /* file for what comes; NULL: none */

	int fd; /* to wait on; its owner closes it */
	const struct talk_ops *ops;
	void *arg;

	uint64_t sent;        /* bytes */
	uint64_t received;    /* bytes; of an answer's body only, where there was a request */
	struct hash hash;     /* SHA-256 of these */
	int error;            /* errno that ended it, or 0 */
	enum ktls_reason end; /* why the peer's side of the stream ended, KTLS_OK if it did not */
	uint8_t end_alert;    /* that came, or KTLS_ALERT_NONE */
};

/* The options of the above, for getopt_long(); their numbers begin at TALK_OPTION. */
#define TALK_OPTION 1000
enum talk_option {
	TALK_OPT_ECHO = TALK_OPTION,
	TALK_OPT_FILE,
	TALK_OPT_HTTP,
	TALK_OPT_SEND,
	TALK_OPT_SEND_FILE,
	TALK_OPT_GET,
	TALK_OPT_PUT,
	TALK_OPT_EXPECT,
	TALK_OPT_OUT,
};
#define TALK_OPTIONS                                                          \
	{ "echo", no_argument, NULL, TALK_OPT_ECHO },                         \
		{ "file", required_argument, NULL, TALK_OPT_FILE },           \
		{ "http", required_argument, NULL, TALK_OPT_HTTP },           \
		{ "send", required_argument, NULL, TALK_OPT_SEND },           \
		{ "send-file", required_argument, NULL, TALK_OPT_SEND_FILE }, \
		{ "get", required_argument, NULL, TALK_OPT_GET },             \
		{ "put", required_argument, NULL, TALK_OPT_PUT },             \
		{ "expect", required_argument, NULL, TALK_OPT_EXPECT },       \
	{                                                                     \
		"out", required_argument, NULL, TALK_OPT_OUT                  \
	}

#define TALK_USAGE                                                                              \
	"  server: --echo | --file FILE (sends it) | --http FILE (GET gets it, PUT echoes)\n"   \
	"  client: --send TEXT, --send-file FILE, --get PATH, --put PATH (with --send-file),\n" \
	"          --expect BYTES (received before it closes), --out FILE (for what comes)\n"

/* Takes an option; the program ends with a message where it makes no sense. */
void talk_option(struct talk *talk, int option, const char *value);

/*
 * Talks until both sides have closed, the connection has ended or nothing has moved for ten
 * seconds. Servers close after the file or the answer, an echo after the peer; clients when they
 * have what they expect, when the answer's end has come, or else as soon as all is sent. True where
 * the peer closed as it should, with close_notify.
 */
bool talk_run(struct talk *talk);

/* " sent=5 received=5 sha256=... end=PEER_CLOSE_NOTIFY"; an alert or errno stands for the end, too.
 */
void talk_print(const struct talk *talk);

#endif
