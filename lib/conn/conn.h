/* SPDX-License-Identifier: MIT */
/*
 * A TLS handshake over a socket (RFC 9846), ending with its keys in the kernel: joins the engine
 * (lib/handshake), certificates (lib/x509) and the kernel (lib/ktls). A loop drives any number of
 * them on one epoll set, in one thread; ktlsd's worker has one, ktls_open_embedded() too.
 *
 * What happens to a socket:
 *   - it gets the ULP before the first handshake byte, and the keys after the last one, once
 *     everything of ours is accepted by TCP: transmit first, then receive;
 *   - its status flags are never touched: they are shared with whoever else has it (MSG_DONTWAIT);
 *   - it is read record-exactly: nothing past the last handshake record is taken. Bytes are taken
 *     up to the end of what has arrived of the record that the engine is in, never later ones;
 *   - it is let go in this order: removed from the epoll set, closed (a loop that owns its
 * descriptors does that in other threads: SO_LINGER can make close() block), done(); or given back
 * with done(), where it is wanted.
 *
 * Where the kernel is not to have the records, or cannot and need not (enum conn_records), the
 * handshake ends with keys and descriptor in the hands of done().
 *
 * Memory: one input and one output buffer a loop; for each handshake some 3 KB of guarded, locked
 * memory and 1 KB beside it; records and messages in pieces, and output that the socket does not
 * take, from a pool with a limit.
 *
 * Errors are negative enum ktls_reason unless said otherwise.
 */
#ifndef KTLS_CONN_CONN_H
#define KTLS_CONN_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls-secrets.h>
#include <ktls.h>

#include "lib/handoff/protocol.h"
#include "lib/handoff/sealed.h"

struct conn;
struct conn_exports;
struct conn_loop;
struct x509_identity;
struct x509_trust;

/* The device that a socket's packets go through, and what keeps it from having TLS records. */
struct conn_route {
	enum ktls_no_hw tx, rx;
	char device[16]; /* "": not known */
	bool untold;     /* the kernel will not tell the router what has become of the records */
};

/* Who has a connection's records, once the kernel has its keys. */
struct conn_verdict {
	enum ktls_state tx, rx;             /* _SW, _HW or _UNKNOWN */
	enum ktls_no_hw tx_no_hw, rx_no_hw; /* why not _HW; _REFUSED: nothing was in the way */
};

/*
 * Looks at devices and routes. Both return 0 with *out, or KTLS_ENGINE_PENDING and a function below
 * is called later. Call nothing of this header themselves.
 */
struct conn_router {
	/* Before the handshake, only for policies that need to know; conn_route_done(). */
	int (*find)(void *arg, uint64_t token, int fd, struct conn_route *out);
	/* Before it, where a device is required, of a socket that has the ULP: whether look() will
	 * be told. There and then. NULL: it will. */
	bool (*sees)(void *arg, int fd);
	/* After it, for TLS 1.2 with AES-GCM only; conn_verdict_done(). NULL: nobody may look. */
	int (*look)(void *arg, uint64_t token, int fd, struct conn_verdict *out);
	void *arg;
};

#define CONN_POLICY_LEN 32 /* bytes */

/* What is to be signed: fields of a handshake, never bytes of the peer's choosing. */
struct conn_sign {
	uint64_t token; /* for conn_sign_done() */
	const struct conn_profile *profile;
	size_t identity;                     /* which of the profile's */
	const struct ktls_engine_sign *what; /* valid during the call; its credential is nothing */
};

/* What is to be decrypted (RFC 5246, 7.4.7.1). */
struct conn_decrypt {
	uint64_t token; /* for conn_sign_done() */
	const struct conn_profile *profile;
	size_t identity;
	const struct ktls_engine_decrypt *what; /* valid during the call; likewise */
};

/* A ticket to be opened, or what one is to be made of, which is secret. Valid during the call. */
struct conn_ticket {
	uint64_t token; /* for conn_ticket_done() */
	const struct conn_profile *profile;
	const uint8_t *bytes;
	size_t len;
};

/*
 * What a connection needs behind its handshake (lib/conn/sealed_state.h), to be sealed, which is
 * secret, or a sealed session to be opened. Valid during the call.
 */
struct conn_seal {
	uint64_t token;                    /* for conn_seal_done() */
	uint64_t cookie;                   /* of the socket: SO_COOKIE */
	uint8_t header[SEALED_HEADER_LEN]; /* to be sealed: what it begins with */
	const uint8_t *bytes;
	size_t len;
};

/*
 * Seals and opens sessions (lib/conn/sealing_keys.h). Returns 0 with what was wanted written: at
 * most HANDOFF_SESSION_MAX bytes; KTLS_ENGINE_PENDING, and conn_seal_done() is called later; or a
 * negative reason, SESSION_INVALID for what does not open. Calls nothing of this header itself.
 */
struct conn_sealer {
	int (*seal)(void *arg, const struct conn_seal *request, uint8_t *sealed, size_t *len);
	int (*open)(void *arg, const struct conn_seal *request, uint8_t *content, size_t *len);
	void *arg;
};

/*
 * How to make one's own identity known and check that of others: shared by many handshakes, not
 * changed and not freed before the last of them is done.
 */
struct conn_profile {
	const struct x509_identity *const *identities; /* ours, in order of preference */
	size_t identities_len;   /* a server has at least one, a client any number */
	bool strict_server_name; /* server: refuse a name that no identity has */
	uint16_t version_min;    /* KTLS_TLS_1_2 or KTLS_TLS_1_3; 0: the latter */
	uint16_t version_max;
	bool offload_1_2; /* TLS 1.2 with AES-GCM where a device would have it, in any case */
	enum ktls_engine_client_auth client_auth; /* server: whether to ask the client for one */
	const struct x509_trust *trust;           /* client: who is believed to be a server */
	const struct x509_trust
		*client_trust; /* server that asks: who is believed to be a client */
	const uint8_t *alpn;   /* where a request has none: as RFC 7301, 3.1 writes them */
	size_t alpn_len;

	/*
	 * Signs. Returns 0 with the signature written (at most KTLS_ENGINE_SIGNATURE_MAX bytes);
	 * KTLS_ENGINE_PENDING, and conn_sign_done() is called later; or a negative reason. Calls
	 * nothing of this header itself.
	 */
	int (*sign)(void *arg, const struct conn_sign *request, uint8_t *signature,
		    size_t *signature_len);
	void *sign_arg; /* of the next three as well */

	/*
	 * RSA key exchange (TLS 1.2), which has no forward secrecy: used only where static_rsa is
	 * set. A server's decrypt() gives the master secret, KTLS_ENGINE_MASTER_LEN bytes, in the
	 * way of sign(), with conn_sign_done().
	 */
	bool static_rsa;
	int (*decrypt)(void *arg, const struct conn_decrypt *request, uint8_t *master);
	bool plain_master_secret; /* TLS 1.2 without extended master secrets, too (RFC 7627) */

	/*
	 * Server: seals what a ticket is made of, and opens tickets (lib/conn/ticket_keys.h), in
	 * the way of sign(), with conn_ticket_done(). At most KTLS_ENGINE_TICKET_MAX bytes; a
	 * length of 0, or a failure: there is none. NULL, or no name: no tickets.
	 */
	int (*seal)(void *arg, const struct conn_ticket *request, uint8_t *ticket,
		    size_t *ticket_len);
	int (*open)(void *arg, const struct conn_ticket *request, uint8_t *content,
		    size_t *content_len);
	const char *name;            /* of the profile: no session goes from one to another */
	enum ktls_hardware hardware; /* where a request leaves it open, or demands less */
	bool zerocopy;               /* as if each request had KTLS_TX_ZEROCOPY */
	uint8_t tickets;             /* server: for a client after a handshake; 0: no resumption */
	bool psk_ke;                 /* resumption without a key exchange, too */
	uint64_t records_max; /* that a key may protect; 0: as many as is good for its cipher */

	/*
	 * What peers are held to: a digest of client_auth and of both trusts, revocation lists and
	 * pins included. A session of another policy is not resumed. By conn_profile_seal().
	 */
	uint8_t policy[CONN_POLICY_LEN];
};

/* Writes the policy: to be called once, when the fields above it have been filled in. */
void conn_profile_seal(struct conn_profile *profile);

/* Who has the records after the handshake. */
enum conn_records {
	CONN_KERNEL,        /* the kernel, or the handshake fails */
	CONN_PREFER_KERNEL, /* the kernel if it can, else the caller */
	CONN_CALLER,        /* the caller: the socket gets neither ULP nor keys */
};

/* How a handshake ended. Valid during the call of done(). */
struct conn_result {
	enum ktls_reason reason; /* KTLS_OK, or why there are no keys */
	uint8_t alert;           /* sent or received; KTLS_ALERT_NONE */
	bool alert_received;     /* by us; else we sent it */
	int error;               /* errno behind the reason; 0 where there is none */
	const char *text;        /* more than the reason's own text; "" where there is no more */
	const struct ktls_engine_facts *facts;
	const struct ktls_span *chain; /* the peer's path to an anchor; where it has none, what it
					  sent: DER, leaf first */
	size_t chain_len;
	const struct ktls_name *names; /* of the peer's leaf; with KTLS_OK only */
	size_t names_len;
	size_t names_left_out;
	const struct conn_exports *exports; /* what was asked for (exports.h); with KTLS_OK only */
	enum ktls_state tx, rx;             /* _SW with KTLS_OK, but for carry; else _NONE */
	enum ktls_no_hw tx_no_hw, rx_no_hw; /* why not _HW */
	/*
	 * With KTLS_OK: the records are the caller's to carry (lib/relay). That is so because of
	 * refused, which error and text are about, or KTLS_OK where the request was CONN_CALLER.
	 */
	bool carry;
	enum ktls_reason refused;
	int fd; /* the caller's from here on: with KTLS_OK, where carry or keep_fd is set; else -1
		 */
	/* With KTLS_OK, else NULL. The keys are as a kernel gets them, installed or not. */
	const struct ktls_secrets *secrets;
	const struct ktls_traffic_key *tx_key, *rx_key;
	/*
	 * With KTLS_OK. Sealed, for services to come; empty where none can be served; with carry it
	 * is for the tickets that a relay meets, empty where none are kept. How many
	 * records one key may protect (RFC 9846, 5.5). Seconds for which a sealed session is good,
	 * 0 with carry. Of a service: the keys wanted, struct handoff_keys by its build().
	 */
	struct ktls_span session;
	uint64_t records_max;
	uint32_t session_age;
	struct ktls_span key_tx, key_rx;
	uint64_t taken;   /* bytes taken from the socket, the bytes read before not counted */
	uint32_t wall_us; /* from conn_start() to here */
	uint32_t cpu_us;  /* of this thread, for this handshake */
};

/* A handshake that is wanted. Copied by conn_start(), but for the profile. */
struct conn_request {
	int fd;
	enum ktls_role role;
	const struct conn_profile *profile;
	const char *server_name; /* client: the peer's host name or IP address, to be verified */
	const uint8_t *alpn;     /* as RFC 7301, 3.1 writes them */
	size_t alpn_len;         /* bytes; 0: the profile's are taken */
	uint32_t timeout_ms;     /* 0: the loop's */
	uint32_t owner;          /* client: whose sessions may be resumed: a uid */
	const uint8_t *preread;  /* server: bytes that were read from the socket before */
	size_t preread_len;      /* at most CONN_PREREAD_MAX */
	const struct handoff_export *exports; /* keying material that is wanted */
	size_t exports_len;                   /* at most KTLS_EXPORTS_MAX */
	unsigned int bindings;                /* KTLS_BINDING_... that are wanted */
	enum conn_records records;
	enum ktls_hardware hardware;
	bool zerocopy; /* KTLS_TX_ZEROCOPY */
	bool keep_fd;  /* KTLS_OK gives the descriptor back in the result, instead of closing it */

	/* Called once, from conn_loop_run(); the conn is no more when it returns. */
	void (*done)(void *arg, const struct conn_result *result);
	void *arg;
};

/* A service for a connection whose handshake is over. Copied by conn_service_start(). */
struct conn_service_request {
	int fd;
	/* A relay has the records, and hands over a ticket: the kernel is not asked about keys, and
	 * there is nothing but a reason to tell. fd is -1 then, and the socket's cookie here. */
	bool relayed;
	uint64_t cookie;
	struct ktls_span session; /* sealed */
	struct ktls_span ticket;  /* client: a NewSessionTicket message to be kept; or empty */
	uint8_t renew;            /* HANDOFF_RENEW_... */
	uint32_t timeout_ms;      /* 0: the loop's */
	/*
	 * The profile of a name, which has been sealed with the session, if whoever asks may use it
	 * in that role: 0 or a negative reason. Called at most once, before done().
	 */
	int (*admit)(void *arg, const char *profile, enum ktls_role role,
		     const struct conn_profile **out);
	void (*done)(void *arg, const struct conn_result *result); /* as of a handshake */
	void *arg;
};

#define CONN_PREREAD_MAX 32768

/* The kernel; tests have their own. 0 or a negative reason, with *error the errno behind it. */
struct conn_kernel_ops {
	/* Checks that the socket can have kernel TLS, and attaches the ULP. */
	int (*attach)(int fd, int *error);
	/* Checks a socket whose records the kernel will not have. NULL: it is good. */
	int (*check)(int fd, int *error);
	/* Installs the key of one direction. */
	int (*install)(int fd, bool transmit, const struct ktls_traffic_key *key, int *error);
	/* Makes records sent no longer than so many bytes of content; behind install(). NULL: it
	 * cannot, whatever the capabilities say. */
	int (*limit)(int fd, uint16_t content_max, int *error);
	/* Lets reads do without a copy where the peer does not pad; behind install(), TLS 1.3.
	 * NULL: it cannot. Whether it did is nobody's concern. */
	int (*expect_no_pad)(int fd);
	/* Lets a device read files where they are; behind install(). NULL: as above. */
	int (*zerocopy)(int fd);
	/* Sends a fatal alert with the key installed; 0 if it is on its way. NULL: nothing is sent.
	 */
	int (*alert)(int fd, uint8_t alert);
	/* Both ends are on this machine. NULL: its addresses are looked at. */
	bool (*is_local)(int fd);
	/* The key in force, or a negative errno. NULL: it does not tell, and there are no services.
	 */
	int (*get)(int fd, bool transmit, struct ktls_traffic_key *out);
};

extern const struct conn_kernel_ops conn_kernel_default;

struct conn_config {
	size_t handshakes_max; /* at once; more get TOO_MANY */
	size_t pool_max;       /* bytes for pieces of records and messages, and for unsent output */
	uint32_t timeout_ms;   /* of a handshake whose request has none */
	unsigned int closers;  /* threads that close descriptors, at most; 0: descriptors are the
				  caller's and stay open */
	size_t sessions_max;   /* of clients, to be resumed; 0: none are kept */
	size_t sessions_bytes; /* of memory for these, at most */
	const uint16_t *suites; /* that the kernel can do, in order of preference; NULL: all. A
				   version of TLS without any is not negotiated */
	size_t suites_len;
	/* What peers are told that we take in a record (RFC 8449), and so that they may tell what
	 * they take: CONN_RECORD_SIZE where the kernel can make records shorter
	 * (KTLS_CAN_RECORD_SIZE_LIMIT), else 0: they are neither told nor answered. */
	uint16_t record_size_limit;
	bool expect_no_pad; /* KTLS_CAN_EXPECT_NO_PAD: the kernel is told so, in TLS 1.3 */
	const struct conn_kernel_ops *kernel; /* NULL: the real one */
	const struct conn_router *router; /* NULL: nobody looks, devices are as good as not there */
	const struct conn_sealer *sealer; /* NULL: no sessions are sealed, no services */
	bool rekey;                       /* the kernel changes keys (KTLS_CAN_REKEY) */
	uint32_t session_age;             /* seconds for which the sealer's seals are good */
};

#define CONN_SUITES_MAX  11
#define CONN_RECORD_SIZE 16385 /* all that there may be: the kernel takes it */

/*
 * The suites of a kernel that can do this (KTLS_CAN_...), in order of preference; returns their
 * number.
 */
size_t conn_suites(uint64_t capabilities, uint16_t out[static CONN_SUITES_MAX]);

/* How many of these a profile uses: without RSA key exchange unless it allows that. */
size_t conn_suites_of(const struct conn_profile *profile, const uint16_t *suites, size_t len);

/*
 * The caller has called crypto_init(). config is copied, what it points to is not. Returns 0, or a
 * negative errno; *out is unwritten then.
 */
int conn_loop_new(const struct conn_config *config, struct conn_loop **out)
	__attribute__((warn_unused_result));

/* Ends all handshakes without calling done(); descriptors that it owns are closed. */
void conn_loop_free(struct conn_loop *loop);

/*
 * The one descriptor to wait for: readable (level-triggered) when conn_loop_run() has something to
 * do, deadlines and closed descriptors included. Can be put into another epoll set.
 */
int conn_loop_fd(const struct conn_loop *loop);

/* Does what can be done without waiting, and calls done() of what has ended. */
void conn_loop_run(struct conn_loop *loop);

/*
 * From now on log() gets each secret as it is derived: a line of a file for debuggers (RFC 9850),
 * its end included. Whoever has them reads the connections.
 */
void conn_loop_log_secrets(struct conn_loop *loop,
			   void (*log)(void *arg, const char *line, size_t len), void *arg);

/* Handshakes begun whose done() has not been called. */
size_t conn_loop_count(const struct conn_loop *loop);

/*
 * Closes a descriptor that came from elsewhere in the loop's closer threads, never blocking; done()
 * (NULL for none) is called from conn_loop_run() after that. For loops with closers.
 */
void conn_loop_close(struct conn_loop *loop, int fd, void (*done)(void *arg), void *arg);

/*
 * Begins. Returns 0: request->done() will be called once, and a loop with closers owns the
 * descriptor. Or a negative reason (TOO_MANY, NO_MEMORY, REQUEST_VALUE, PROFILE_ROLE,
 * KERNEL_NO_SUITE): the descriptor is still the caller's, and nothing has happened to it, but that
 * with CONN_PREFER_KERNEL it may have the ULP. What is wrong with a socket is said by done().
 */
int conn_start(struct conn_loop *loop, const struct conn_request *request, struct conn **out)
	__attribute__((warn_unused_result));

/*
 * Begins a service, otherwise as conn_start(): of the handshakes at a time it counts as one. The
 * result's facts are version and suite. Fails with TOO_MANY, NO_MEMORY, SESSION_INVALID,
 * REQUEST_VALUE; done() may say these as well, STALE_SESSION, SIGNER, what admit() said, and
 * MESSAGE_MALFORMED for a ticket that is none.
 */
int conn_service_start(struct conn_loop *loop, const struct conn_service_request *request,
		       struct conn **out) __attribute__((warn_unused_result));

/*
 * Ends a handshake with the reason (CANCELLED, DEADLINE); its alert is sent if the reason has one.
 * done() is called as ever, with that reason unless the handshake had ended before.
 */
void conn_cancel(struct conn *conn, enum ktls_reason reason);

/* The same where nobody is left who waits for it: without an alert, reason CANCELLED. */
void conn_abandon(struct conn *conn);

/*
 * What sign() or decrypt() left pending has ended: result is 0 and a signature or a master secret,
 * or a negative reason. A token
 * whose handshake is no more is ignored.
 */
void conn_sign_done(struct conn_loop *loop, uint64_t token, int result, const uint8_t *signature,
		    size_t signature_len);

/*
 * What seal() or open() left pending has ended: the ticket or its content, or len 0. A token whose
 * handshake is no more is ignored. bytes are the caller's, to be wiped.
 */
void conn_ticket_done(struct conn_loop *loop, uint64_t token, const uint8_t *bytes, size_t len);

/*
 * What a sealer left pending has ended: result is 0 and there are bytes, or it is a negative
 * reason. Otherwise as conn_ticket_done().
 */
void conn_seal_done(struct conn_loop *loop, uint64_t token, int result, const uint8_t *bytes,
		    size_t len);

/* What find() left pending. A token whose handshake is no more is ignored. */
void conn_route_done(struct conn_loop *loop, uint64_t token, const struct conn_route *route);

/* What look() left pending. A token whose handshake is no more is ignored. */
void conn_verdict_done(struct conn_loop *loop, uint64_t token, const struct conn_verdict *verdict);

/* A client's session and what goes with it. */
struct conn_session {
	uint32_t owner; /* as in the request that it comes from, and so on */
	const struct conn_profile *profile;
	const char *server_name;
	const uint8_t *alpn; /* the list that was offered */
	size_t alpn_len;
	struct ktls_span session;      /* of ktls_secrets_ticket() */
	const struct ktls_span *chain; /* the server's */
	size_t chain_len;
	int64_t chain_until; /* when the first of it expires, seconds since 1970 */
};

/* Keeps a session that came behind the handshake (TLS 1.3), for handshakes to come. */
void conn_session_keep(struct conn_loop *loop, const struct conn_session *session);

#endif
