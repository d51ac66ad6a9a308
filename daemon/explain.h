/* SPDX-License-Identifier: MIT */
/*
 * "ktlsctl explain": a handshake by our engine in this process, every step of it watched.
 *
 *   explain_options.c     what is wanted
 *   explain_net.c         names, sockets, deadlines
 *   explain_auth.c        certificates: ours, and what the peer's are worth
 *   explain_run.c         the engine, and what it tells
 *   explain_keys.c        which keys there are when
 *   explain_after.c       what comes behind the handshake
 *   explain_verdict.c     what was agreed and why; what failed, whose fault, what to do
 *   explain_text.c, explain_json.c, explain_svg.c
 *
 * No secret is shown. None is kept beyond the connection, but for a session that the next one shall
 * resume; none is written anywhere, but for --keylog.
 */
#ifndef KTLS_DAEMON_EXPLAIN_H
#define KTLS_DAEMON_EXPLAIN_H

#include <netdb.h>
#include <stdio.h>

#include "daemon/explain_decode.h"
#include "daemon/explain_trace.h"

#include "lib/x509/identity.h"
#include "lib/x509/key.h"
#include "lib/x509/trust.h"
#include "lib/x509/verify.h"

#define EXPLAIN_LIST_MAX 32

struct explain_options {
	enum ktls_role role;
	const char *host; /* to connect to, or to listen on; NULL: any */
	const char *port;
	const char *target; /* as the user wrote it */
	char text[512];     /* that these point to */
	int family;         /* AF_UNSPEC, AF_INET, AF_INET6 */
	uint16_t version_min, version_max;
	uint16_t suites[EXPLAIN_LIST_MAX];
	size_t suites_len; /* 0: all */
	uint16_t groups[EXPLAIN_LIST_MAX];
	size_t groups_len;
	uint8_t alpn[256];
	size_t alpn_len;
	const char *name; /* that the certificate must have, and for SNI; "": none */
	const char *ca_file;
	bool insecure;
	bool resume; /* client: each handshake the session of the one before */
	bool grease; /* client */
	const char *keylog_file;
	const char *cert_file, *key_file;
	enum ktls_engine_client_auth client_auth;
	unsigned int timeout; /* seconds for one handshake */
	unsigned long count;  /* 0: without end */
	const char *svg_file;
	bool json;
	bool color, unicode;
};

/* What a client keeps from one connection to the next; secret. */
struct explain_session {
	uint8_t bytes[KTLS_ENGINE_SESSION_MAX];
	size_t len; /* 0: none */
};

/* How far it came. */
enum outcome {
	OUTCOME_DONE,
	OUTCOME_RESOLVE, /* the name has no address; error is getaddrinfo()'s */
	OUTCOME_CONNECT, /* error is an errno */
	OUTCOME_TIMEOUT,
	OUTCOME_EOF,
	OUTCOME_RESET,
	OUTCOME_SOCKET, /* error is an errno */
	OUTCOME_ENGINE, /* the engine ended it: its facts say why */
};

/* Loaded once. */
struct explain_credentials {
	struct x509_identity *identity; /* NULL: none */
	struct x509_key *key;
	struct x509_trust *trust; /* NULL: none was found */
	const char *trust_name;   /* where it came from */
	bool temporary;           /* the identity was made up */
};

struct explain {
	const struct explain_options *options;
	const struct explain_credentials *credentials;
	struct explain_session *session;
	FILE *keylog; /* NULL: not wanted */
	struct trace trace;
	struct decoder decoder;
	int fd;
	uint64_t start, deadline; /* microseconds of the monotonic clock */

	struct ktls_engine engine;
	struct ktls_engine_ops ops;
	struct ktls_engine_config config;
	enum outcome outcome;
	int error;
	bool sent_since;  /* something, since the peer was heard last */
	uint64_t derived; /* when keys were derived last; 0: since the last step there were none */
	struct step *unsettled;                /* told of, and not yet known to be good */
	const struct record_seen *record;      /* that is being read */
	const struct record_seen *began_in;    /* where a message began that is not whole yet */
	bool told;                             /* by the engine, of something in that record */
	bool finished_by_us, finished_by_peer; /* Finished was sent; was received */
	const struct step *client_hello;       /* the last one */
	const struct step *server_hello;
	const char *first_bytes; /* of a peer that speaks something else */

	struct x509_peer *peer;   /* whose leaf was seen last */
	bool peer_chain;          /* it sent certificates */
	enum ktls_reason checked; /* what they are worth */
	struct x509_error checked_error;
	bool asked; /* for a certificate, as a client */
};

/* explain_options.c. 0 where there is something to do; else exit with *status. */
int explain_options_parse(int argc, char **argv, struct explain_options *out, int *status);

/* explain_net.c */
uint64_t explain_now(void);
uint64_t explain_elapsed(const struct explain *x); /* since the connection was made */
int explain_listen(const struct explain_options *o);
bool explain_connect(struct explain *x);
bool explain_accept(struct explain *x, int listener);
bool explain_send(struct explain *x, const uint8_t *bytes, size_t len);
/* Waits until the deadline. False with the outcome set. */
bool explain_recv(struct explain *x, uint8_t *bytes, size_t len);

/* explain_auth.c */
bool explain_credentials_load(const struct explain_options *o, struct explain_credentials *out);
void explain_credentials_free(struct explain_credentials *c);
void explain_auth_ops(struct explain *x);

/* explain_run.c: from the connection on; the outcome is set. */
void explain_handshake(struct explain *x);
void explain_note_record(struct explain *x, bool sent, const uint8_t *record, size_t len);
void explain_assign_records(struct explain *x, struct step *first, const struct record_seen *from);

/* explain_keys.c: the steps at which keys are made, behind a message that was good. */
void explain_keys(struct explain *x, const struct step *step);

/* explain_after.c: close_notify, and what the peer has still to say. */
void explain_after(struct explain *x);

/* explain_verdict.c */
void explain_verdict(struct explain *x);

/* explain_advice.c: of a handshake that failed. */
void explain_failure(struct explain *x);

/* Renderers. */
void explain_text(const struct trace *trace, const struct explain_options *o, FILE *out);
void explain_json(const struct trace *trace, FILE *out);
void explain_svg(const struct trace *trace, FILE *out);

/* The subcommand: an exit status. */
int explain_main(int argc, char **argv);

#endif
