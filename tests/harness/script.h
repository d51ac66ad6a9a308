/* SPDX-License-Identifier: MIT */
/*
 * What a peer of peer_records.h says and expects, in words:
 *
 *	tickets 2, send 1000, key-update request
 *	expect key-update, expect data 1000
 *	close-notify, expect end
 *
 * Statements are done one after the other, and are parted by commas and line ends; "repeat N"
 * before them does the rest of the line N times; # begins a comment. What does not come as expected
 * ends the program with status 1 and a message; script_usage has all of the words.
 */
#ifndef KTLS_TESTS_SCRIPT_H
#define KTLS_TESTS_SCRIPT_H

#include "tests/harness/auth.h"
#include "tests/harness/peer_records.h"

extern const char script_usage[];

/* Ends the program where there is a word that the language has not. */
void script_check(const char *text);

/* True where the script has closed the connection itself, by rst. */
bool script_run(struct peer_records *p, const char *text);

/* A peer, handshake included. Zero is a sensible default for each field but script. */
struct script_peer {
	enum ktls_role role;
	uint16_t version;  /* 0: TLS 1.3 */
	uint16_t suite;    /* 0: any */
	const char *name;  /* client: of the server; NULL: any */
	uint8_t tickets;   /* server: that end its flight; others come by the script */
	bool any_data;     /* what comes is not pattern.h's */
	struct auth *auth; /* certificates or trust */
	const char *script;
};

/*
 * Handshake, script and an orderly end on a connected socket, which is closed. Returns 0, and
 * leaves in *p what was counted; other results end the program.
 */
int script_peer_run(const struct script_peer *peer, int fd, struct peer_records *p);

/*
 * The same in a child process, whose number is returned. fd stays the caller's to close; other, the
 * connection's other end, is none of the child's; -1: it is not here.
 */
pid_t script_peer_start(const struct script_peer *peer, int fd, int other);

/* What the child that was started last has counted; to be looked at when it has ended. */
const struct peer_records *script_peer_seen(void);

/* Whether it ended well; waits for it. */
bool script_peer_wait(pid_t pid);

#endif
