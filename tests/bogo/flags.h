/* SPDX-License-Identifier: MIT */
/*
 * The runner's command line: what the shim shall do and expect on each of its connections.
 *
 * A flag counts for every connection, or with the prefix -on-initial or -on-resume for the first or
 * the others only. What is not built yet has a row in the table of flags.c, too, that says so: the
 * runner is told that the test cannot be done, and the reason is added to the file that
 * KTLS_BOGO_MISSING names. So it is with a flag that has no row; tests/bogo/run takes that for a
 * failure.
 */
#ifndef KTLS_TESTS_BOGO_FLAGS_H
#define KTLS_TESTS_BOGO_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIST_MAX        64
#define CREDENTIALS_MAX 8
#define CREDENTIAL_ANY  INT32_MIN

/* What the runner takes for "the shim cannot do that". */
#define STATUS_UNIMPLEMENTED 89

struct list {
	uint16_t items[LIST_MAX];
	size_t len;
};

/* A certificate and its key. */
struct credential_flags {
	const char *cert_file; /* PEM, leaf first; NULL: none */
	const char *key_file;
	struct list schemes; /* that it may sign with, in order of preference; none: all */
};

struct flags {
	/* The way to the runner. */
	int port;
	bool ipv6;
	uint64_t id;

	/* The handshake. */
	bool server;
	bool async; /* input byte by byte, and operations that complete later */
	int min_version, max_version;
	bool no_tls12, no_tls13;
	struct list groups;
	struct list key_shares;     /* client: groups to send a share of */
	struct list verify_schemes; /* that a peer may sign with */
	const char *host_name;
	bool grease;
	const char *alpn;        /* client: as RFC 7301 writes a list */
	const char *select_alpn; /* server: the only protocol that it has */
	bool decline_alpn, reject_alpn;
	const char *trust_file;
	bool verify_fail;                              /* refuses every certificate */
	bool request_certificate, require_certificate; /* server: of the client */
	bool fail_choice;                              /* fails to choose a certificate */
	/* [0] is of the flags before the first -new-x509-credential. */
	struct credential_flags credentials[1 + CREDENTIALS_MAX];
	size_t credentials_len; /* without [0] */
	int resume_count;       /* connections after the first */
	int resumption_delay;   /* seconds that pass between connections */
	bool no_ticket, skip_ticket;
	bool handshake_never_done;
	bool handshake_again; /* runs the engine once more when it is done */

	/* After the handshake. */
	bool writes_first;
	bool unfinished_write; /* the first record is complete only after something was read */
	const char *initial_write;
	int initial_writes;
	bool different_sizes;
	bool shuts_down;
	bool check_close_notify;
	bool send_alert;
	int read_size;
	bool key_update; /* before what is written first */
	/* What is exported is written before anything else. */
	int export_len; /* bytes of keying material */
	const char *export_label;
	const char *export_context;
	bool use_export_context;
	bool export_traffic_secrets;

	/* What must have come of it; 0, NULL: anything. */
	int expect_version;
	int expect_suite, expect_suite_aes, expect_suite_no_aes;
	int expect_group;
	int expect_scheme;
	int expect_credential; /* place among those behind [0], -1 for that, or CREDENTIAL_ANY */
	bool expect_retry, expect_no_retry;
	const char *expect_server_name;
	const char *expect_alpn;
	const char *expect_chain_file;
	bool expect_no_chain;
	bool resumes; /* whether it is one of the connections that do */
	bool expect_session_miss;
	bool expect_no_session;
	bool expect_ticket_renewal; /* client: when it resumes TLS 1.2 */
};

#define FLAGS_INITIAL 0
#define FLAGS_RESUME  1

/*
 * Reads the command line. Does not return where a flag is unknown or has no sense: the process ends
 * with STATUS_UNIMPLEMENTED or 1. Text stays where it is in argv.
 */
void flags_parse(int argc, char **argv, struct flags out[2]);

/* Ends the process with STATUS_UNIMPLEMENTED; what says what is missing. */
__attribute__((noreturn)) void flags_missing(const char *what);

bool list_has(const struct list *list, uint16_t item);

#endif
