/* SPDX-License-Identifier: MIT */
/* The insides of a handshake over a socket and of its loop, shared by the files of this folder. */
#ifndef KTLS_CONN_INTERNAL_H
#define KTLS_CONN_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/conn/closer.h"
#include "lib/conn/conn.h"
#include "lib/conn/exports.h"
#include "lib/conn/pool.h"
#include "lib/conn/session_store.h"
#include "lib/conn/timer.h"
#include "lib/crypto/arena.h"
#include "lib/x509/verify.h"

#define CONN_SCRATCH 32768 /* bytes looked at in one call: a whole flight of most peers */

_Static_assert(CONN_SCRATCH >= KTLS_ENGINE_RECORD_MAX, "a record must fit");
_Static_assert(CONN_SCRATCH >= CONN_PREREAD_MAX, "what was read before must fit");

enum conn_stage {
	CONN_HANDSHAKE, /* the engine wants input */
	CONN_ROUTE,     /* nothing has begun: the socket's route is being looked up */
	CONN_WAIT,      /* the engine waits for an operation; nothing is read meanwhile */
	CONN_FLUSH,     /* the engine is done; our last bytes are on their way */
	CONN_VERDICT,   /* the keys are installed; who has them is being looked up */
	CONN_SEALING,   /* all is done, and the session is being sealed */
	CONN_SERVICE,   /* there is no handshake: a session is being opened, or sealed anew */
	CONN_ENDED,     /* the result is fixed; the descriptor may still be open */
};

/* From the arena; wiped and put back when the handshake ends. */
struct conn_secrets {
	struct ktls_engine engine;
	struct ktls_traffic_key tx, rx;
	struct ktls_secrets secrets;
};

/*
 * Bytes that were taken from the socket and that the engine has not dealt with: the beginning of a
 * record, or more where the application had read some. A record's header alone needs no pool
 * buffer.
 */
struct conn_input {
	uint8_t head[5];
	uint8_t *buf; /* head, or from the pool */
	size_t cap;
	size_t len;
	size_t need; /* bytes of the record at the front, as far as they are known */
};

/* Output that the socket did not take yet, from the pool. */
struct conn_output {
	uint8_t *buf;
	size_t len;
	size_t sent;
};

/* What the engine waits for, and where the outcome goes, inside of the engine. */
struct conn_pending {
	enum conn_operation {
		CONN_NOTHING,
		CONN_SIGN,
		CONN_DECRYPT,
		CONN_SEAL,
		CONN_OPEN,
		CONN_SEAL_SESSION,
		CONN_OPEN_SESSION,
	} what;
	uint8_t *out;
	size_t *out_len;
};

struct conn {
	struct conn_loop *loop;
	uint64_t token; /* 0: none yet */
	struct conn *next_ended;
	struct timer timer;
	uint64_t started; /* nanoseconds of CLOCK_MONOTONIC */
	uint64_t cpu;     /* nanoseconds of this thread's CPU time */
	int fd;
	uint32_t polled; /* events in the epoll set; 0: not in it */
	enum conn_stage stage;
	bool kick; /* the engine is to be called though there is no new input */
	struct conn_secrets *secrets;
	struct conn_input in;
	struct conn_output out;
	int send_error; /* errno of a failed send(): reading goes on, for the peer may say why */
	struct closer_job *job;

	enum ktls_role role;
	const struct conn_profile *profile;
	const char *server_name; /* in tail */
	const char *sent_name;   /* as the extension has it; NULL: none */
	struct ktls_span alpn;   /* the list; in tail or the profile's */
	uint32_t owner;
	void (*done)(void *arg, const struct conn_result *result);
	void *arg;

	struct conn_pending pending;
	struct conn_chain *kept; /* of what was resumed: the peer's chain */
	struct stored_session *offered;
	uint8_t session_key[SESSION_KEY];
	bool resumable; /* client: sessions are kept, by that key */
	struct x509_peer *peer;
	struct conn_chain
		*chain; /* one that was refused: whoever reads the result wants to see it */

	struct conn_exports *exports;         /* NULL: none are wanted */
	const struct x509_identity *identity; /* server: that was chosen */

	enum ktls_hardware
		hardware;        /* the policy; ANY as well where it has been found to no avail */
	struct conn_route route; /* where the policy wanted to know */
	uint16_t suites[CONN_SUITES_MAX]; /* where it leaves some out */
	bool zerocopy;                    /* KTLS_TX_ZEROCOPY is wanted, where a device encrypts */
	enum conn_records records;  /* _CALLER as well where the kernel has turned out not to do */
	int refused_error;          /* errno of what made it so; 0 */
	const char *refused_option; /* of the socket's, that failed with it */
	struct conn_service *service; /* NULL: a handshake */
	uint8_t *session;             /* sealed; NULL: none yet */
	size_t session_len;

	bool keep_fd;
	bool has_keys;   /* secrets holds what the result tells of */
	bool alert_lost; /* the engine wrote an alert and the socket did not take it */
	struct conn_result result;
	struct ktls_engine_facts facts;
	char text[256];
	uint8_t tail[]; /* server name and ALPN list */
};

/* Where tokens point: a slot's generation changes with each conn that it serves. */
struct conn_slot {
	struct conn *conn;
	uint32_t generation;
	uint32_t next_free;
};

struct conn_loop {
	struct conn_config config;
	void (*log)(void *arg, const char *line, size_t len); /* of secrets; NULL */
	void *log_arg;
	int epoll;
	int wake; /* eventfd: handshakes have ended, or descriptors are closed */
	struct timers timers;
	struct closer *closer; /* NULL: descriptors are not ours */
	struct arena *arena;
	struct pool pool;
	struct conn_slot *slots; /* config.handshakes_max of them */
	uint32_t free_slot;      /* index, or handshakes_max: none */
	size_t count;
	struct conn *ended; /* those whose done() is due, in the order in which they ended */
	struct conn **ended_last;
	bool running;                   /* in conn_loop_run(), before the calls of done() */
	struct session_store *sessions; /* NULL: none are kept */
	/* Where the caller may have the records: the kernel's first, then the others. */
	uint16_t suites[CONN_SUITES_MAX];
	uint8_t scratch[CONN_SCRATCH];
	uint8_t ticket[KTLS_ENGINE_TICKET_MAX]; /* the content of one, wiped after use */
	uint8_t out[KTLS_ENGINE_OUT_MIN];
};

/* conn.c */

/* Nanoseconds of CPU time of this thread. */
uint64_t conn_cpu_now(void);

/* Goes on as far as possible. Everything that begins a stretch of work calls it. */
void conn_advance(struct conn *c, uint32_t events);

/* Ends the handshake; error is an errno or 0. A second end changes nothing. */
void conn_end(struct conn *c, enum ktls_reason reason, int error);

/* The same, and before it an alert if the reason has one. */
void conn_fail(struct conn *c, enum ktls_reason reason, int error);

/* The same for the errno that call (recv, send) failed with. */
void conn_fail_socket(struct conn *c, const char *call, int error);

/* Ends it for what a socket option failed with. */
void conn_end_kernel(struct conn *c, const char *option, enum ktls_reason reason, int error);

/* Ends it for its deadline has passed, and says what it was waiting for. */
void conn_deadline(struct conn *c);

/* Sends the last len bytes of ours, from the loop's buffer, as far as the socket takes them. */
void conn_last_words(struct conn *c, size_t len);

/* Calls done() and frees. */
void conn_finish(struct conn *c);

/* Frees what has ended, or has not begun. */
void conn_free(struct conn *c);

/* Ends and frees without a word; the descriptor is closed if it is ours. */
void conn_drop(struct conn *c);

static inline struct conn *conn_of_timer(struct timer *timer)
{
	return (struct conn *)(void *)((char *)timer - offsetof(struct conn, timer));
}

/* hardware.c */

/*
 * Where the policy wants to know the route, true: conn_begin_routed() or conn_end() is called, now
 * or later. Else the handshake can begin at once.
 */
bool conn_hardware_begin(struct conn *c, enum ktls_hardware wanted);

/* The socket has the ULP. False where that was the end: a device is required, and nobody will be
 * told whether it has the records. */
bool conn_hardware_seen(struct conn *c);

/* Versions and suites that the policy allows, of those in config. False: that is nothing. */
bool conn_hardware_apply(struct conn *c, struct ktls_engine_config *config)
	__attribute__((warn_unused_result));

/* Why the handshake failed, where it was the policy: facts are known. */
enum ktls_reason conn_hardware_reason(struct conn *c, enum ktls_reason reason);

/* start.c */

/* The route is known, or of no interest: the handshake begins. */
void conn_begin_routed(struct conn *c);

/* Whether it makes sense, and its profile has what its role needs: 0 or a negative reason. */
int conn_request_check(const struct conn_request *request) __attribute__((warn_unused_result));

/* install.c */

/* Attaches the ULP, or checks the socket. Returns KTLS_OK, or why there will be no handshake. */
enum ktls_reason conn_attach(struct conn *c, int *error) __attribute__((warn_unused_result));

/* Everything of ours is with TCP: the keys go to where the records are carried. Ends it. */
void conn_install(struct conn *c);

/* start.c */

/* A conn that nothing refers to yet. NULL where memory or a limit is exhausted. */
struct conn *conn_new(struct conn_loop *loop, const struct conn_request *request);

/* timeout_ms: 0 for the loop's. */
void conn_timer_start(struct conn *c, uint32_t timeout_ms);

/* The name for the server_name extension, in out, which has room for it; NULL: none is sent. */
const char *conn_name_to_send(const char *name, char *out);

/* sealing.c */

/* How many records a key may protect. */
uint64_t conn_records_max(const struct conn_profile *profile, uint16_t suite);

/* The socket's cookie; false where it has none. */
bool conn_cookie(int fd, uint64_t *out) __attribute__((warn_unused_result));

/*
 * Has the state sealed: 0 with c->session, KTLS_ENGINE_PENDING, or a negative reason. State loses
 * what does not fit.
 */
struct sealed_state;
int conn_seal(struct conn *c, uint64_t cookie, struct sealed_state *state)
	__attribute__((warn_unused_result));

/* The kernel has the keys: the handshake ends when the session is sealed. */
void conn_sealing_begin(struct conn *c);

/* service.c */
void conn_service_opened(struct conn *c, int result, const uint8_t *bytes, size_t len);
void conn_service_sealed(struct conn *c, int result);
void conn_service_facts(const struct conn *c, struct ktls_engine_facts *out);

/* Those that are wanted; the result points into bytes. */
void conn_service_keys(const struct conn *c, uint8_t bytes[static 2 * HANDOFF_KEYS_LEN],
		       struct conn_result *result);

/* input.c */

/* One step: returns false where there is nothing to be had from the socket now. */
bool conn_input_step(struct conn *c);

/* Takes over bytes that the application had read. False where there is no memory. */
bool conn_input_preread(struct conn *c, const uint8_t *bytes, size_t len)
	__attribute__((warn_unused_result));
void conn_input_wipe(struct conn *c);

/* output.c */

/*
 * Sends bytes behind what waits already, and keeps what the socket does not take. False where there
 * is no memory for that.
 */
bool conn_output_add(struct conn *c, const uint8_t *bytes, size_t len)
	__attribute__((warn_unused_result));

/* Sends what waits; true where nothing waits any more. Errors go to c->send_error. */
bool conn_output_flush(struct conn *c);
void conn_output_wipe(struct conn *c);

/* verdict.c */

/* The kernel has the keys: who has the records is found out, and then the session is sealed. */
void conn_verdict_begin(struct conn *c);

/* It is not going to be found out: the reason is why. Ends the handshake, well or not. */
void conn_verdict_missing(struct conn *c, enum ktls_reason reason, int error);

/* suites.c */

/* All suites, those of the list first, RSA key exchange last: for conn_suites_of(). */
void conn_suites_extend(const uint16_t *suites, size_t len, uint16_t out[static CONN_SUITES_MAX]);

/* resume.c: the engine's operations, and what is around them */

/* A copy of the peer's chain, to be freed: as it was verified now, or when the session began. NULL
 * without memory. */
struct conn_chain *conn_peer_chain(const struct conn *c);
uint64_t conn_op_now(void *arg);
int conn_op_seal_ticket(void *arg, const uint8_t *state, size_t state_len, uint8_t *ticket,
			size_t *ticket_len);
int conn_op_open_ticket(void *arg, const uint8_t *ticket, size_t ticket_len,
			const char *server_name, uint8_t *state, size_t *state_len);
void conn_op_keep_session(void *arg, const uint8_t *session, size_t session_len);

/* What the profile and the store have to say; when config has name and ALPN. */
void conn_resume_begin(struct conn *c, struct ktls_engine_config *config);

/* Result and facts are fixed, the engine is wiped. */
void conn_resume_end(struct conn *c);

/* What was pending has ended with result: the engine goes on. */
void conn_go_on(struct conn *c, int result);

/* ops.c: the engine's operations; their arg is the conn. */
extern const struct ktls_engine_ops conn_engine_ops;

/* loop.c */

/* Gives it a slot and a token; there is a free slot. */
void conn_loop_add(struct conn *c);
void conn_loop_remove(struct conn *c);

/* The conn of a token, NULL if it is no more. */
struct conn *conn_loop_find(struct conn_loop *loop, uint64_t token);

bool conn_loop_poll(struct conn *c, uint32_t events) __attribute__((warn_unused_result));
void conn_loop_unpoll(struct conn *c);

/* Lets go of the descriptor of a conn that has ended; when that is closed, done() is called. */
void conn_loop_ended(struct conn *c);

#endif
