/* SPDX-License-Identifier: MIT */
/*
 * libktls: kernel TLS sockets for applications.
 *
 * An application connects or accepts a TCP socket and hands it over with ktls_start() or
 * ktls_handshake(). ktlsd performs the TLS handshake (RFC 9846) and installs the keys into the
 * kernel; then the reply comes, and the application uses its own descriptor with read(), write()
 * and sendfile() as if it were TCP. This library needs nothing but libc. A program that wants no
 * daemon gets the same calls from ktls_open_embedded() in <ktls-handshake.h>.
 *
 *	struct ktls *k = ktls_open(NULL, NULL);
 *	struct ktls_params params = { .role = KTLS_CLIENT, .server_name = "example.org" };
 *	struct ktls_reply *reply;
 *
 *	if (ktls_handshake(k, fd, &params, &reply) == 0 && reply->reason == KTLS_OK)
 *		write(fd, "hello", 5);
 *	ktls_reply_free(reply);
 *
 * The socket. It is shared with ktlsd while the handshake lasts, so between ktls_start() and the
 * reply the application neither reads, writes nor polls it. It may be blocking or not, the flag is
 * left as it is. When the reply is there ktlsd holds nothing of it any more. If the handshake
 * failed, the socket is still the application's; an alert (RFC 9846, 6) may have been sent on it,
 * and nothing is left to do but to close it. Only where the reason is REQUEST_..., PROFILE_...,
 * TOO_MANY or DAEMON_UNREACHABLE did the handshake not begin, and the socket is as it was.
 *
 * Errors. A function returns 0 or a negative errno for what failed here, in the application's own
 * process (wrong arguments, no memory). What became of a handshake is in the reply: reason is
 * KTLS_OK or an enum ktls_reason from <ktls-tls.h>. Whoever was told 0 by ktls_start() gets exactly
 * one reply, whatever happens to ktlsd.
 *
 * Threads. Any number of threads may call any function on one struct ktls at a time, ktls_close()
 * excepted. A reply is one thread's at a time. After fork() the child uses no struct ktls of its
 * parent. No function here raises SIGPIPE; all descriptors are close-on-exec.
 *
 * What a peer sends after the handshake beside data, and how a connection ends: <ktls-session.h>.
 */
#ifndef KTLS_H
#define KTLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ktls-tls.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define KTLS_SOCKET_PATH      "/run/ktlsd/ktlsd.sock"
#define KTLS_DEADLINE_DEFAULT 10000  /* milliseconds */
#define KTLS_DEADLINE_MAX     300000 /* milliseconds */
#define KTLS_PROFILE_MAX      64     /* bytes of a profile's name */
#define KTLS_SERVER_NAME_MAX  255    /* bytes of a DNS name or IP address in text */
#define KTLS_ALPN_MAX         2048   /* bytes of all protocol names, and one more for each */
#define KTLS_RECEIVED_MAX     32768  /* bytes already read from the socket */

struct ktls;
struct sockaddr;

/* ---- the connection to ktlsd --------------------------------------------------------------- */

/* Why ktls_open() failed. */
struct ktls_error {
	enum ktls_reason reason;
	int error;      /* the errno behind it, 0 if there is none */
	char text[256]; /* for people, without a newline */
};

/*
 * Connects to the ktlsd that listens at socket_path (NULL: KTLS_SOCKET_PATH) and waits up to 5
 * seconds for its greeting. More connections are opened by themselves, up to one a worker of
 * ktlsd, and opened anew when one is lost. Returns NULL on failure, with *error filled in unless
 * error is NULL: DAEMON_UNREACHABLE (error is ENOENT, ECONNREFUSED, EACCES, ETIMEDOUT, ...),
 * PROTOCOL, NO_MEMORY, or the reason for which ktlsd refuses this client.
 */
struct ktls *ktls_open(const char *socket_path, struct ktls_error *error)
	__attribute__((warn_unused_result));

/*
 * Ends the connection and frees k; NULL is a no-op. Handshakes in flight are abandoned: ktlsd
 * closes what it has of their sockets, and their replies are lost.
 */
void ktls_close(struct ktls *k);

/* What the kernel and ktlsd can do for a connection: bits of struct ktls_info.capabilities. */
#define KTLS_CAN_TLS_1_3_AES_128_GCM       (UINT64_C(1) << 0) /* sending and receiving */
#define KTLS_CAN_TLS_1_3_AES_256_GCM       (UINT64_C(1) << 1)
#define KTLS_CAN_TLS_1_3_CHACHA20_POLY1305 (UINT64_C(1) << 2)
#define KTLS_CAN_TLS_1_2_AES_128_GCM       (UINT64_C(1) << 8)
#define KTLS_CAN_TLS_1_2_AES_256_GCM       (UINT64_C(1) << 9)
#define KTLS_CAN_TLS_1_2_CHACHA20_POLY1305 (UINT64_C(1) << 10)
#define KTLS_CAN_REKEY                     (UINT64_C(1) << 16) /* KeyUpdate: Linux 6.14 */
#define KTLS_CAN_ZEROCOPY                  (UINT64_C(1) << 17) /* TLS_TX_ZEROCOPY_RO */
#define KTLS_CAN_RECORD_SIZE_LIMIT         (UINT64_C(1) << 18) /* TLS_TX_MAX_PAYLOAD_LEN */
#define KTLS_CAN_EXPECT_NO_PAD             (UINT64_C(1) << 19) /* TLS_RX_EXPECT_NO_PAD */
#define KTLS_CAN_SPLICE                    (UINT64_C(1) << 20) /* out of a socket, without loss */
#define KTLS_CAN_INTERRUPT                 (UINT64_C(1) << 21) /* a blocking send, by a signal */
#define KTLS_CAN_RELAY                     (UINT64_C(1) << 24) /* KTLS_RECORDS_PREFER_KERNEL */

struct ktls_info {
	char version[65];      /* of ktlsd, or of the embedding library */
	unsigned int workers;  /* processes that handshakes are spread over */
	uint64_t capabilities; /* KTLS_CAN_... */
	uint64_t reserved[8];  /* 0 */
};

/* What the greeting said last. */
void ktls_get_info(struct ktls *k, struct ktls_info *info);

/* ---- what is wanted ------------------------------------------------------------------------ */

/* Who carries the records after the handshake. */
enum ktls_records {
	KTLS_RECORDS_REQUIRE_KERNEL = 0, /* the kernel, or the handshake fails, KERNEL_NO_TLS say */
	/*
	 * Or a relay, where ktlsd has one (KTLS_CAN_RELAY). Then the application's number becomes
	 * another socket, before the reply is there: leave it out of epoll sets until then, and do
	 * not close it. Its flags stay. What is written goes out at once, as by TCP_NODELAY.
	 */
	KTLS_RECORDS_PREFER_KERNEL = 1,
};

/*
 * Whether a network device shall do it: TLS 1.2 with AES-GCM, for that is all that devices take. So
 * PREFER, where the device that the socket's route names could, makes a server one of TLS 1.2 to
 * clients that have AES-GCM there; TLS 1.3 is for the others. REQUIRE speaks nothing else, and
 * fails with HARDWARE_UNAVAILABLE, before any key is installed, where version, cipher, route,
 * device or kernel forbid it, and with DEVICE_REFUSED, the connection being shut down, where the
 * device could and then did not. For sockets of other network namespaces than ktlsd's (without
 * ktlsd, than that of ktls_open_embedded()) nobody may look: PREFER is ANY there, and REQUIRE
 * fails, as it does where the kernel does not tell ktlsd who has the records (CAP_NET_ADMIN, before
 * Linux 6.15). AVOID is TLS 1.3, or ChaCha20. The profile has a word, too: its REQUIRE and AVOID
 * hold whatever the request says, and who demands the opposite is refused; else the request's
 * counts, and the profile's where that is ANY.
 */
enum ktls_hardware {
	KTLS_HARDWARE_ANY = 0,
	KTLS_HARDWARE_PREFER = 1,
	KTLS_HARDWARE_REQUIRE = 2,
	KTLS_HARDWARE_AVOID = 3,
};

#define KTLS_EXPORTS_MAX  8    /* in one request */
#define KTLS_EXPORTED_MAX 1024 /* bytes of keying material by one of them */

/*
 * Keying material that the reply shall bring (RFC 9846, 7.5; RFC 5705): both ends of the connection
 * can make the same, and nobody else.
 */
struct ktls_export {
	const char *label; /* 1 to 249 printable characters: registered with IANA, or "EXPERIMENTAL"
			      and more */
	const void *context; /* NULL: none, which in TLS 1.2 is not the same as an empty one */
	size_t context_len;  /* bytes, at most KTLS_EXPORT_CONTEXT_MAX */
	size_t len;          /* bytes wanted, 1 to KTLS_EXPORTED_MAX */
};

/* Channel bindings that the reply shall bring, for authentication above TLS (RFC 5056). */
#define KTLS_BINDING_EXPORTER         1U /* tls-exporter, RFC 9266 */
#define KTLS_BINDING_SERVER_END_POINT 2U /* tls-server-end-point, RFC 5929 4 */

/*
 * Flags of a request.
 *
 * TX_ZEROCOPY: what sendfile() sends through a network device is read by it from the page cache,
 * without a copy (TLS_TX_ZEROCOPY_RO). For files that nobody changes while they are being sent: a
 * retransmission reads the page anew. Where it has changed, the peer gets a record that does not
 * decrypt, and ends the connection; and two texts have gone out under one nonce, which tells
 * whoever recorded both about either, and may let them forge. No effect where no device encrypts.
 */
#define KTLS_TX_ZEROCOPY 1U

/*
 * Parameters of a handshake. To be set to zeros first, which means: a server, by the profile
 * "default", within ten seconds. What is pointed to is the caller's and used during the call only.
 */
struct ktls_params {
	enum ktls_role role;
	enum ktls_records records;
	enum ktls_hardware hardware;
	uint32_t deadline_ms; /* for the whole handshake; 0: KTLS_DEADLINE_DEFAULT; at most _MAX */
	/* A profile of ktlsd's configuration: keys, trust, versions. NULL: "default". */
	const char *profile;
	/*
	 * Client: the name that the server's certificate must have, sent to it as well (RFC 6066,
	 * 3) if it is a DNS name. Or an IP address: "192.0.2.1", "2001:db8::1", without brackets.
	 * Server: NULL.
	 */
	const char *server_name;
	/* Application protocols in order of preference (RFC 7301), ended by NULL; or NULL. */
	const char *const *alpn;
	/* What the application has read from the socket already, from the first byte on. */
	const void *received;
	size_t received_len;               /* bytes, at most KTLS_RECEIVED_MAX */
	void *arg;                         /* the application's, returned in the reply */
	const struct ktls_export *exports; /* keying material for the reply */
	size_t exports_len;                /* number of them, at most KTLS_EXPORTS_MAX */
	uintptr_t bindings;                /* KTLS_BINDING_... for the reply */
	uintptr_t flags;                   /* KTLS_TX_ZEROCOPY */
	uintptr_t reserved[4];             /* 0, or the call returns -EINVAL */
};

/* ---- what came of it ----------------------------------------------------------------------- */

/* Who encrypts (tx) and decrypts (rx) now. */
enum ktls_state {
	KTLS_STATE_NONE = 0,    /* nobody: no keys are installed */
	KTLS_STATE_SW = 1,      /* the kernel, on the CPU */
	KTLS_STATE_HW = 2,      /* a network device */
	KTLS_STATE_UNKNOWN = 3, /* the kernel or a device: nobody may look */
	KTLS_STATE_RELAY = 4,   /* a relay process of ktlsd; or a thread, without ktlsd */
};

/* Why a direction is not KTLS_STATE_HW. Linux: Documentation/networking/tls-offload.rst. */
enum ktls_no_hw {
	KTLS_NO_HW_NONE = 0,          /* it is, or there are no keys */
	KTLS_NO_HW_VERSION = 1,       /* TLS 1.3: devices are given TLS 1.2 only */
	KTLS_NO_HW_CIPHER = 2,        /* not AES-GCM */
	KTLS_NO_HW_LOOPBACK = 3,      /* the peer is on this machine */
	KTLS_NO_HW_NO_ROUTE = 4,      /* none to the peer is to be found any more */
	KTLS_NO_HW_NO_TLS_DRIVER = 5, /* the device's driver has no such feature */
	KTLS_NO_HW_FEATURE_OFF = 6,   /* it has, and it is switched off */
	KTLS_NO_HW_CHECKSUM_OFF = 7,  /* the feature needs checksum offload, which is off */
	KTLS_NO_HW_STACKED = 8,       /* VLAN, tunnel, team, bridge, most bonds */
	KTLS_NO_HW_DEVICE_DOWN = 9,   /* the device is down */
	KTLS_NO_HW_KERNEL = 10,       /* the kernel was built without TLS_DEVICE */
	KTLS_NO_HW_REFUSED = 11,      /* the device could, and did not: its table is full, say */
	KTLS_NO_HW_RELAY = 12,        /* a relay has the records */
	KTLS_NO_HW_MAY_NOT_LOOK = 13, /* another network namespace, or no permission */
	KTLS_NO_HW_POLICY = 14,       /* devices were to be avoided */
	/* A bond, whose connections would be sent in the clear, or not at all, once a device of it
	 * goes down: not demanded or preferred. */
	KTLS_NO_HW_BOND = 15,
};

enum ktls_alert_origin {
	KTLS_ALERT_ORIGIN_NONE = 0, /* there was no alert */
	KTLS_ALERT_SENT = 1,
	KTLS_ALERT_RECEIVED = 2,
};

/*
 * The one reply to a handshake. Everything in it belongs to it and lives until ktls_reply_free().
 * Fields that are not known are 0, "" or empty: after a failure that is most of them.
 */
struct ktls_reply {
	uint64_t id;             /* what ktls_start() returned */
	void *arg;               /* from the params */
	enum ktls_reason reason; /* KTLS_OK, or why there is no TLS on the socket */
	enum ktls_alert_origin alert_origin;
	uint8_t alert;           /* enum ktls_alert; KTLS_ALERT_NONE without an origin */
	const char *text;        /* for people: what reason means, with details of this case */
	uint16_t version;        /* KTLS_TLS_1_3 */
	uint16_t suite;          /* cipher suite, IANA's number as all of these */
	uint16_t group;          /* key exchange group */
	uint16_t scheme;         /* signature scheme of the server's proof */
	const char *server_name; /* name that the client asked for */
	const char *alpn;        /* application protocol; it may hold any byte but 0 */
	/*
	 * The peer's chain: DER, leaf first. As it was verified, up to the trust anchor and with
	 * it, whatever else the peer sent and in whatever order; the leaf alone where its key is
	 * pinned and that is all that counts. A chain that was refused: as it came.
	 */
	const struct ktls_span *certs;
	size_t certs_len; /* number of certificates, at most 11 */
	enum ktls_state tx;
	enum ktls_state rx;
	uint64_t time_us; /* microseconds from the request's arrival at ktlsd to the reply */
	/* Sealed, for ktls_session_new() of <ktls-session.h>; empty where a relay has the records.
	 */
	struct ktls_span session;
	/*
	 * A connection of a listening socket's (ktls_listen()), else -1. Closed with the reply
	 * unless the application sets it to -1.
	 */
	int fd;
	/*
	 * Whom the peer's certificate is for, in the order in which it says so, its subject first:
	 * for a server, which client it has (client-auth of its profile), for a client the names of
	 * the server, of which server_name is or matches one. With reason KTLS_OK only; empty where
	 * the peer showed no certificate. Kinds that are not in enum ktls_name_kind are to be
	 * passed over.
	 */
	const struct ktls_name *names;
	size_t names_len;       /* number of names, at most 128 */
	size_t names_left_out;  /* how many more there are: too many, not ASCII, of other kinds */
	uint16_t client_scheme; /* signature scheme of the client's proof; 0: it proved nothing */
	/*
	 * 1 where a session was resumed: nobody proved anything anew, and certs and names are those
	 * of the handshake in which the session began. Else 0.
	 */
	uint8_t resumed;
	/*
	 * What the params' exports asked for, in their order, each of the length asked for, or
	 * empty where there is none: TLS 1.2 without an extended master secret (RFC 7627, 5.4), or
	 * a label of TLS's own. With reason KTLS_OK only; secret, wiped by ktls_reply_free().
	 */
	const struct ktls_span *exported;
	size_t exported_len;
	struct ktls_span tls_exporter; /* 32 bytes; empty as well where there is none */
	/* 32 to 64 bytes; empty where no certificate was shown (a resumed session), and where its
	 * signature has no hash of its own (Ed25519). */
	struct ktls_span tls_server_end_point;
	/*
	 * How many records one key may protect (RFC 9846, 5.5), in each direction; 0: no matter,
	 * for a relay counts. Who sends by calls of <ktls-session.h> need not count, either.
	 */
	uint64_t records_max;
	uint32_t session_age; /* seconds for which a sealed session is good: max-session-age */
	uint8_t more;         /* 1: ktls_listen() will have more replies with this id; else 0 */
	/*
	 * Addresses of the TCP connection, struct sockaddr_in or _in6, NULL where not known. With a
	 * relay the descriptor is no TCP socket any more and getpeername() does not tell them.
	 */
	const struct sockaddr *peer;
	const struct sockaddr *local;
	/*
	 * Why tx and rx are not KTLS_STATE_HW; after HARDWARE_UNAVAILABLE and DEVICE_REFUSED, what
	 * was in the way.
	 */
	enum ktls_no_hw tx_no_hw;
	enum ktls_no_hw rx_no_hw;
};

/* Frees a reply; NULL is a no-op. */
void ktls_reply_free(struct ktls_reply *reply);

/* ---- handshakes ---------------------------------------------------------------------------- */

/*
 * Hands over the connected TCP socket fd and returns at once. The application keeps its descriptor.
 * Any number may be in flight: what cannot be sent now is kept and sent later. Returns 0 with *id
 * (never 0, never used again by this k) unless id is NULL; then exactly one reply will come. Else
 * nothing was handed over, and it is -EINVAL (params), -EBADF, -ENOMEM or -EMFILE.
 */
int ktls_start(struct ktls *k, int fd, const struct ktls_params *params, uint64_t *id)
	__attribute__((warn_unused_result));

/*
 * The descriptor to wait on (POLLIN; poll, select, epoll, io_uring) for all handshakes of k:
 * readable when ktls_collect() has something to do. It stays the same and belongs to k; nothing but
 * waiting is done with it.
 */
int ktls_fd(const struct ktls *k);

#define KTLS_BACKLOG_MAX 4096

/*
 * Hands over a listening TCP socket: ktlsd accepts its connections and performs their handshakes,
 * as params say, and ktls_collect() gives those that succeeded, a reply each, with the descriptor
 * in fd, more set, and this id. Who is slow, hostile or no TLS peer never gets that far; ktlsd's
 * log has them. The deadline is each connection's; received must be empty, the role KTLS_SERVER.
 *
 * The socket is shared with ktlsd, and kept, until the end. Its status flags do not matter, and
 * others may accept from it, too. At most backlog (1 to KTLS_BACKLOG_MAX) finished connections wait
 * to be collected; then ktlsd stops accepting, and the kernel's own queue fills. When a worker of
 * ktlsd is lost or leaves, or ktlsd is restarted, another takes over by itself.
 *
 * Returns as ktls_start() does. ktls_cancel(), or the listening socket's end, brings the last
 * reply, with fd -1 and more 0: handshakes under way are abandoned, finished connections still
 * come before it.
 */
int ktls_listen(struct ktls *k, int fd, const struct ktls_params *params, unsigned int backlog,
		uint64_t *id) __attribute__((warn_unused_result));

/*
 * One finished handshake in *reply, to be freed by ktls_reply_free(); or -EAGAIN where none has
 * finished. Never blocks. What comes with a descriptor for which the process has no number left
 * (EMFILE) waits until it has one: nothing is lost. To be called until -EAGAIN whenever ktls_fd()
 * is readable, for it sends what is waiting to be sent, too.
 */
int ktls_collect(struct ktls *k, struct ktls_reply **reply) __attribute__((warn_unused_result));

/*
 * Ends a handshake before its time. Its reply still comes, with CANCELLED, or with what happened
 * before ktlsd heard of it: a worker that is leaving, for a new configuration, hears nothing more
 * and ends its handshakes by themselves. -ENOENT where the reply is already there.
 */
int ktls_cancel(struct ktls *k, uint64_t id);

/*
 * A handshake from beginning to end, in a call that blocks. Other threads may do the same, and
 * other handshakes may be in flight; ktls_collect() never gives out this one's reply. Returns 0
 * with *reply, whose reason is to be looked at, or an error as ktls_start() with nothing written.
 */
int ktls_handshake(struct ktls *k, int fd, const struct ktls_params *params,
		   struct ktls_reply **reply) __attribute__((warn_unused_result));

/* ---- names --------------------------------------------------------------------------------- */

/* Static strings; for a number without a name "unknown" is part of them. Never NULL. */
const char *ktls_reason_name(int reason);            /* "CERTIFICATE_EXPIRED"; "OK" */
const char *ktls_reason_text(int reason);            /* "certificate has expired" */
const char *ktls_alert_name(unsigned int alert);     /* "certificate_expired" */
const char *ktls_version_name(unsigned int version); /* "TLS 1.3" */
const char *ktls_suite_name(unsigned int suite);     /* "TLS_AES_128_GCM_SHA256" */
const char *ktls_group_name(unsigned int group);     /* "x25519" */
const char *ktls_scheme_name(unsigned int scheme);   /* "ecdsa_secp256r1_sha256" */
const char *ktls_state_name(enum ktls_state state);  /* "sw" */
const char *ktls_no_hw_name(enum ktls_no_hw why);    /* "FEATURE_OFF"; "NONE" */
const char *ktls_no_hw_text(enum ktls_no_hw why);    /* "the device's TLS offload is ..." */

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
