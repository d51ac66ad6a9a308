/* SPDX-License-Identifier: MIT */
/*
 * libktls-handshake: the handshakes of TLS 1.3 (RFC 9846) and TLS 1.2 (RFC 5246) as an engine
 * without I/O: bytes in, bytes out, traffic keys and facts at the end. No descriptor, no clock, no
 * global, no heap.
 *
 * The caller owns everything:
 *   - the context: a struct ktls_engine of fixed size, which the caller wipes;
 *   - the input: whole records, decrypted in place;
 *   - the output buffer: nothing stays in it between calls, so that one can serve many engines;
 *   - operations: key exchange, signatures, certificate checks and random bytes come in through
 *     struct ktls_engine_ops, may be done elsewhere and may complete later.
 *
 * Limits:
 *   handshake messages   ClientHello 16384 bytes, Certificate KTLS_ENGINE_CHAIN_MAX, others 16384
 *   peer's chain         KTLS_ENGINE_CERTS_MAX certificates
 *   own chain            KTLS_ENGINE_CHAIN_MAX bytes in all
 *   all before a client's CertificateVerify in TLS 1.2  KTLS_ENGINE_MESSAGES_MAX bytes, which are
 *                        borrowed as they come: 4096 mostly
 *   skipped early data   KTLS_ENGINE_EARLY_DATA_MAX bytes of records
 *   cookie (client)      4096 bytes
 *   ALPN list            4096 bytes
 *
 * A thread may use any number of engines, an engine only one thread at a time.
 */
#ifndef KTLS_HANDSHAKE_H
#define KTLS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls-tls.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define KTLS_ENGINE_SIZE           4096
#define KTLS_ENGINE_CERTS_MAX      10
#define KTLS_ENGINE_CHAIN_MAX      32768
#define KTLS_ENGINE_EARLY_DATA_MAX 65536
#define KTLS_ENGINE_RECORD_MAX     (5 + 16384 + 256) /* bytes of the longest record on the wire */
#define KTLS_ENGINE_OUT_MIN        49152             /* room that each call needs for its output */
#define KTLS_ENGINE_SHARE_MAX      65                /* bytes of a key share */
#define KTLS_ENGINE_PRIVATE_MAX    32                /* bytes of an ephemeral private key */
#define KTLS_ENGINE_SHARED_MAX     32                /* bytes of a shared secret */
#define KTLS_ENGINE_SIGNATURE_MAX  512               /* bytes of a signature: RSA of 4096 bits */
#define KTLS_ENGINE_CONTENT_MAX    146               /* bytes that are signed, of fields */
#define KTLS_ENGINE_MESSAGES_MAX   98304             /* bytes that a client of TLS 1.2 signs */
#define KTLS_ENGINE_TICKETS_MAX    4                 /* that a server sends */
#define KTLS_ENGINE_STATE_MAX      512               /* bytes of what a ticket is made of */
#define KTLS_ENGINE_TICKET_MAX     10240             /* bytes of a ticket */
#define KTLS_ENGINE_SESSION_MAX    (KTLS_ENGINE_STATE_MAX + 2 + KTLS_ENGINE_TICKET_MAX)
#define KTLS_ENGINE_MASTER_LEN     48 /* bytes of TLS 1.2's master secret */

/* The context. Its insides are the engine's; it may be moved only before ktls_engine_init(). */
struct ktls_engine {
	KTLS_ALIGNED(16) unsigned char opaque[KTLS_ENGINE_SIZE];
};

/* What an operation returns: 0 done, this, or a negative enum ktls_reason. */
#define KTLS_ENGINE_PENDING 1

/* What the choice of a certificate depends on. Valid during the call. */
struct ktls_engine_hello {
	const char *server_name; /* server: host name asked for, in lower case; "" if none */
	const uint16_t *schemes; /* signature schemes that both sides know, the peer's order */
	size_t schemes_len;      /* number of them, at least 1 but for encryption */
	uint16_t version;        /* KTLS_TLS_1_3 or KTLS_TLS_1_2 */
	/* Server, TLS 1.2: groups that an ECDSA key may be on (RFC 8422, 5.3); NULL: any. */
	const uint16_t *curves;
	size_t curves_len;
	/* Server, TLS 1.2: it takes an RSA key that decrypts (RFC 5246, 7.4.2), whatever schemes.
	 */
	bool encryption;
};

/*
 * The choice. Everything pointed to stays valid until the handshake has ended. A client that was
 * asked for a certificate may choose none: chain_len 0.
 */
struct ktls_engine_choice {
	const void *credential;        /* handed on to sign() */
	uint16_t scheme;               /* one of the hello's schemes */
	const struct ktls_span *chain; /* DER certificates, leaf first */
	size_t chain_len;              /* number of certificates */
};

/* What is to be signed: never bytes of the peer's choosing (RFC 9846, 4.5.2). */
struct ktls_engine_sign {
	const void *credential;
	uint16_t scheme;
	enum ktls_role role;          /* of the signer */
	const uint8_t *hash;          /* TLS 1.3: transcript hash */
	size_t hash_len;              /* 32 or 48 bytes */
	uint16_t version;             /* KTLS_TLS_1_3 or KTLS_TLS_1_2 */
	const uint8_t *client_random; /* TLS 1.2: 32 bytes; likewise the server's */
	const uint8_t *server_random;
	uint16_t group;       /* TLS 1.2: of the server's share */
	const uint8_t *share; /* TLS 1.2 */
	size_t share_len;
	/* TLS 1.2, client: its handshake messages so far, at most KTLS_ENGINE_MESSAGES_MAX bytes.
	 */
	const uint8_t *messages;
	size_t messages_len;
};

enum ktls_engine_prf { KTLS_ENGINE_PRF_SHA256, KTLS_ENGINE_PRF_SHA384 };

/* What a master secret is derived from, besides what the private key decrypts. */
struct ktls_engine_decrypt {
	const void *credential;
	const uint8_t *encrypted; /* EncryptedPreMasterSecret */
	size_t encrypted_len;
	uint16_t version; /* that the ClientHello named, and the premaster begins with */
	enum ktls_engine_prf prf;
	bool extended;                /* RFC 7627: from the session hash, else from the randoms */
	const uint8_t *session_hash;  /* of the PRF's hash size */
	const uint8_t *client_random; /* 32 bytes */
	const uint8_t *server_random;
};

/* For ops.watch(). Valid during the call. */
struct ktls_engine_event {
	bool sent;            /* by us */
	uint8_t content_type; /* RFC 9846, 5.1: 20 change_cipher_spec, 21 alert, 22 handshake */
	bool encrypted;       /* on the wire */
	const uint8_t *bytes;
	size_t len;
};

/*
 * Operations. Each returns 0 with its outputs written; KTLS_ENGINE_PENDING and completes later, by
 * writing its outputs to the same addresses and calling ktls_engine_resume(); or a negative reason.
 * Inputs are valid during the call only: what a pending operation needs, it copies. Outputs lie in
 * the engine's context or in what it has borrowed, and are valid until it is wiped. arg is the
 * pointer given to ktls_engine_init().
 */
struct ktls_engine_ops {
	/* len random bytes; never pending. */
	int (*random)(void *arg, uint8_t *out, size_t len);

	/* A key pair of the group: KTLS_ENGINE_PRIVATE_MAX bytes and the group's share size. */
	int (*generate)(void *arg, uint16_t group, uint8_t *private_key, uint8_t *share);

	/* The shared secret (32 bytes); -KTLS_R_KEY_SHARE_INVALID for a bad share. */
	int (*agree)(void *arg, uint16_t group, const uint8_t *private_key, const uint8_t *peer,
		     size_t peer_len, uint8_t *shared);

	/*
	 * Chooses a certificate; -KTLS_R_SERVER_NAME_UNKNOWN, -KTLS_R_SCHEMES_NONE_SHARED. A client
	 * for which it is the latter sends none; one that never has any may leave this and sign()
	 * NULL.
	 */
	int (*choose)(void *arg, const struct ktls_engine_hello *hello,
		      struct ktls_engine_choice *choice);

	/* The signature, at most KTLS_ENGINE_SIGNATURE_MAX bytes. */
	int (*sign)(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
		    size_t *signature_len);

	/*
	 * Checks the peer's chain (DER, leaf first, at least one): names, dates, trust. A server
	 * that asks for no certificate may leave this and verify_signature() NULL.
	 */
	int (*verify_chain)(void *arg, const struct ktls_span *certs, size_t certs_len);

	/*
	 * Checks a signature by the key of the leaf that verify_chain() saw last;
	 * -KTLS_R_SCHEME_INVALID where the scheme does not fit the key, -KTLS_R_SIGNATURE_BAD.
	 */
	int (*verify_signature)(void *arg, uint16_t scheme, const uint8_t *content,
				size_t content_len, const uint8_t *signature, size_t signature_len);

	/* A buffer of len bytes; NULL fails the handshake. Never pending. */
	uint8_t *(*borrow)(void *arg, size_t len);
	void (*give_back)(void *arg, uint8_t *buf);

	/* Milliseconds since 1970, by which tickets age; never pending. NULL: no resumption. */
	uint64_t (*now)(void *arg);

	/*
	 * Server: makes a ticket (RFC 9846, 4.7.1; RFC 5077) of a session's state, secret, at most
	 * KTLS_ENGINE_STATE_MAX bytes, so that nobody else can read or change it. What has to hold
	 * when it is used again (profile, policy, the client's certificates) goes into the ticket,
	 * too: that is the operation's affair. At most KTLS_ENGINE_TICKET_MAX bytes; *ticket_len 0,
	 * which is no error: none is sent. NULL: no tickets.
	 */
	int (*seal_ticket)(void *arg, const uint8_t *state, size_t state_len, uint8_t *ticket,
			   size_t *ticket_len);

	/*
	 * Server: the state of a ticket that a client presents, at most KTLS_ENGINE_STATE_MAX
	 * bytes. *state_len 0, which is no error: the ticket is not ours, or what goes with it does
	 * not hold any more; a full handshake follows. server_name: what the client asks for now.
	 */
	int (*open_ticket)(void *arg, const uint8_t *ticket, size_t ticket_len,
			   const char *server_name, uint8_t *state, size_t *state_len);

	/*
	 * Client: a session that a later handshake may resume (its config.session), at most
	 * KTLS_ENGINE_SESSION_MAX bytes, secret. Called at the handshake's end (TLS 1.2), with the
	 * session that was resumed where the server made no new ticket; what comes later goes
	 * through ktls_secrets_ticket(). Never pending; NULL: not wanted.
	 */
	void (*keep_session)(void *arg, const uint8_t *session, size_t session_len);

	/*
	 * TLS 1.2 with RSA key exchange (RFC 5246, 7.4.7.1). Server: decrypts the premaster secret,
	 * derives the master secret from it, and knows of no failure: what does not decrypt is
	 * replaced by random bytes, in constant time. Client: encrypts to the key of the leaf that
	 * verify_chain() saw last. NULL: suites with that key exchange are not used.
	 */
	int (*decrypt_master)(void *arg, const struct ktls_engine_decrypt *request,
			      uint8_t master[KTLS_ENGINE_MASTER_LEN]);
	int (*encrypt)(void *arg, const uint8_t *plain, size_t plain_len, uint8_t *encrypted,
		       size_t *encrypted_len);

	/*
	 * Each secret when it is derived, with its label in a file for debuggers (RFC 9850), which
	 * tells of TLS 1.2's master secret as CLIENT_RANDOM. Never pending; NULL: not wanted.
	 */
	void (*log_secret)(void *arg, const char *label, const uint8_t client_random[32],
			   const uint8_t *secret, size_t secret_len);

	/*
	 * What goes by, as it is sent or received: whole handshake messages in the clear, their
	 * header included (of one that is refused by its header: the header alone), alerts and
	 * change_cipher_spec. What is received is told of before it is looked at: it may be
	 * anything. Never pending; NULL: not wanted.
	 */
	void (*watch)(void *arg, const struct ktls_engine_event *event);
};

/*
 * The ready-made operations of this library, for a caller that fills in the rest: random(),
 * generate() and agree() by libsodium and our own P-256, borrow() and give_back() by malloc, now()
 * by CLOCK_REALTIME. The others are NULL.
 */
extern const struct ktls_engine_ops ktls_engine_default_ops;

/* Whether a server asks for the client's certificate (RFC 9846, 4.4.2). */
enum ktls_engine_client_auth {
	KTLS_ENGINE_NO_CLIENT_AUTH,
	KTLS_ENGINE_REQUEST_CLIENT_AUTH, /* a client without one is welcome */
	KTLS_ENGINE_REQUIRE_CLIENT_AUTH,
};

/*
 * What is wanted. Everything pointed to stays the caller's and valid until the handshake has ended.
 * Lists are in order of preference; a NULL list means all that the engine has.
 */
struct ktls_engine_config {
	enum ktls_role role;
	const struct ktls_engine_ops *ops;
	/* Range of versions, KTLS_TLS_1_2 and KTLS_TLS_1_3; 0 is TLS 1.3 for both. */
	uint16_t version_min;
	uint16_t version_max;
	const uint16_t *suites;
	size_t suites_len;
	const uint16_t *groups;
	size_t groups_len;
	/* Server, of both versions: is one of TLS 1.2 to clients that have AES-GCM there. */
	bool prefer_1_2;
	const char *server_name; /* client: to send (RFC 6066, 3), no IP address; NULL: none */
	enum ktls_engine_client_auth client_auth; /* server */
	/* Protocol names as RFC 7301, 3.1 writes them: each with a length byte before it. */
	const uint8_t *alpn;
	size_t alpn_len;
	/* Client: a session to be resumed, if the server likes; what is no session is passed over.
	 */
	struct ktls_span session;
	/* Server: how many it sends, at most KTLS_ENGINE_TICKETS_MAX and what the output has room
	 * for; in TLS 1.2 one is enough. */
	uint8_t tickets;
	bool psk_ke; /* resume without a key exchange, too (RFC 9846, 4.3.9): no forward secrecy */
	/* TLS 1.2: accept peers without extended master secrets (RFC 7627), which are unsafe. */
	bool plain_master_secret;
	/* Longest plaintext that we take, 64 to 16385 (RFC 8449: in TLS 1.3 with a byte for the
	 * type); 0: neither offered nor answered, and a client's max_fragment_length neither. To be
	 * set only by those who hold to the facts' content_max. */
	uint16_t record_size_limit;
	bool grease; /* client: sends values that nobody knows (RFC 8701) */
};

/* What came of it. Fields are 0 or empty as long as they are not known. */
struct ktls_engine_facts {
	enum ktls_reason reason; /* KTLS_OK as long as nothing failed */
	uint8_t alert;           /* sent, or received where reason is PEER_ALERT; else ALERT_NONE */
	bool retried;            /* there was a HelloRetryRequest */
	bool resumed;            /* from a session: no certificates were exchanged */
	uint16_t version;
	uint16_t suite;
	uint16_t group;
	uint16_t scheme;        /* of the server's CertificateVerify */
	uint16_t client_scheme; /* of the client's; 0 where it proved nothing */
	/* Bytes of content that the peer takes in a record (RFC 8449; RFC 6066, 4): whoever sends
	 * holds to it from now on. 0: 16384, as ever. */
	uint16_t content_max;
	uint8_t alpn_len;
	uint8_t alpn[255];
	char server_name[256]; /* host name asked for (server: in lower case), "" if none */
};

enum ktls_engine_state {
	KTLS_ENGINE_READ,   /* give more input; io->need says how much makes sense */
	KTLS_ENGINE_WAIT,   /* an operation is pending: call again after ktls_engine_resume() */
	KTLS_ENGINE_DONE,   /* complete: take the keys. The rest of the input is not the engine's */
	KTLS_ENGINE_FAILED, /* over: the facts say why; the output may hold an alert to be sent */
};

struct ktls_engine_io {
	uint8_t *in; /* bytes from the peer, from a record's first byte on; overwritten */
	size_t in_len;
	uint8_t *out;    /* bytes for the peer; to be sent whatever the state */
	size_t out_cap;  /* at least KTLS_ENGINE_OUT_MIN */
	size_t consumed; /* out: bytes of in that are dealt with: whole records */
	size_t out_len;  /* out */
	size_t need; /* out: with READ, the bytes of the record that in + consumed begins, as far as
			they are known: 5, or 5 + its length. At most KTLS_ENGINE_RECORD_MAX */
};

/*
 * To be called once in a process, from one thread, before the first engine (ktls_open_embedded()
 * does it itself): chooses code for this CPU. Returns 0, or -KTLS_R_INTERNAL where the system has
 * no random numbers.
 */
int ktls_engine_setup(void) __attribute__((warn_unused_result));

/*
 * Starts an engine. config itself is copied, what it points to is not; arg is handed to the ops.
 * Returns 0, or -KTLS_R_MISUSE where config makes no sense (no ops, an unknown suite or group, a
 * bad ALPN list or server name); the context is wiped then. To be ended with ktls_engine_wipe().
 */
int ktls_engine_init(struct ktls_engine *engine, const struct ktls_engine_config *config, void *arg)
	__attribute__((warn_unused_result));

/*
 * Goes on as far as the input allows: a client's first call sends its ClientHello and needs no
 * input. Not one record past the peer's Finished is touched: after DONE, in + consumed is for the
 * kernel. Returns the state; calls after DONE or FAILED return it again and do nothing.
 */
enum ktls_engine_state ktls_engine_run(struct ktls_engine *engine, struct ktls_engine_io *io)
	__attribute__((warn_unused_result));

/* Says that the pending operation has ended with result, 0 or a negative reason; then run again. */
void ktls_engine_resume(struct ktls_engine *engine, int result);

/*
 * Ends a handshake from outside, at a deadline say: records the reason and writes its alert, if it
 * has one, to io->out (the input is not looked at). Nothing happens after DONE or FAILED.
 */
void ktls_engine_abort(struct ktls_engine *engine, enum ktls_reason reason,
		       struct ktls_engine_io *io);

/* What is known so far; valid as long as the context. */
const struct ktls_engine_facts *ktls_engine_facts(const struct ktls_engine *engine);

/*
 * After DONE, the keys for sending (ours) and for receiving (the peer's), sequence numbers
 * included. Returns 0, or -KTLS_R_MISUSE in any other state, with nothing written. The caller wipes
 * them.
 */
int ktls_engine_keys(const struct ktls_engine *engine, struct ktls_traffic_key *tx,
		     struct ktls_traffic_key *rx) __attribute__((warn_unused_result));

/*
 * What outlives the handshake: the secrets for what TLS does later, with the functions of
 * <ktls-secrets.h>. The caller's, secret, and plain data: it may be stored sealed. Zeros where a
 * version lacks something.
 */
struct ktls_secrets {
	enum ktls_role role;
	uint16_t version;
	uint16_t suite;
	uint8_t tx[48];       /* application_traffic_secret_N of ours; TLS 1.3, as the next three */
	uint8_t rx[48];       /* of the peer */
	uint8_t exporter[48]; /* exporter_secret; TLS 1.2: master secret */
	uint8_t resumption[48];    /* resumption_secret */
	uint8_t client_random[32]; /* TLS 1.2 */
	uint8_t server_random[32];
	bool extended_master; /* TLS 1.2: the master secret is this connection's (RFC 7627) */
};

/* After DONE. Returns 0, or -KTLS_R_MISUSE in any other state, with nothing written. */
int ktls_engine_secrets(const struct ktls_engine *engine, struct ktls_secrets *out)
	__attribute__((warn_unused_result));

/*
 * Client, TLS 1.3: makes a session of a NewSessionTicket that came behind the handshake (RFC 9846,
 * 4.7.1), for the config.session of a later one. message is the whole handshake message, its header
 * included; server_name the host name of this connection's config, NULL if none; now the time as
 * ops.now() gives it. session has room for KTLS_ENGINE_SESSION_MAX bytes and is secret.
 *
 * Returns 0, with *session_len 0 for a ticket that is not to be kept: one without a lifetime, or
 * longer than KTLS_ENGINE_TICKET_MAX. -KTLS_R_MESSAGE_MALFORMED for another message or one without
 * a parse, -KTLS_R_MISUSE for a server's secrets, another version, or a name longer than 255 bytes;
 * nothing is written then.
 */
int ktls_secrets_ticket(const struct ktls_secrets *secrets, const uint8_t *message, size_t len,
			const char *server_name, uint64_t now, uint8_t *session,
			size_t *session_len) __attribute__((warn_unused_result));

/* Gives back what is borrowed and wipes the context. Also for a context of zeros. */
void ktls_engine_wipe(struct ktls_engine *engine);

/*
 * The content that a CertificateVerify signs (RFC 9846, 4.5.2): context string of the signer's role
 * and the transcript hash. Returns its length. For whoever implements sign().
 */
size_t ktls_engine_signed_content(enum ktls_role signer, const uint8_t *hash, size_t hash_len,
				  uint8_t out[KTLS_AT_LEAST(KTLS_ENGINE_CONTENT_MAX)]);

/*
 * The content that a ServerKeyExchange of TLS 1.2 signs (RFC 8422, 5.4): both randoms, 32 bytes
 * each, and the server's key share of a group. Returns its length, 0 where the share is too long.
 */
size_t ktls_engine_signed_params(const uint8_t *client_random, const uint8_t *server_random,
				 uint16_t group, const uint8_t *share, size_t share_len,
				 uint8_t out[KTLS_AT_LEAST(KTLS_ENGINE_CONTENT_MAX)]);

/*
 * The content that a request is about, of either version: in scratch, or, of a TLS 1.2 client, the
 * request's messages. Empty for fields that no engine asks with: a hash or a share of the wrong
 * size, an unknown group or version; messages that are not those of a full TLS 1.2 handshake, from
 * the ClientHello to the ClientKeyExchange, so that the signature is good for one of these only.
 */
struct ktls_span ktls_engine_sign_content(const struct ktls_engine_sign *request,
					  uint8_t scratch[KTLS_AT_LEAST(KTLS_ENGINE_CONTENT_MAX)]);

/* ---- the calls of <ktls.h> without ktlsd ----------------------------------------------------- */

struct ktls;
struct ktls_error;

/* A certificate and its key: PEM in files, or in memory where the pointer is set. */
struct ktls_embedded_identity {
	const char *certs_file; /* the chain, leaf first, with or without the root */
	const char *key_file;   /* not encrypted */
	struct ktls_span certs; /* the same in memory */
	struct ktls_span key;   /* the caller wipes it after the call */
	uintptr_t reserved[4];  /* 0 */
};

/* Which certificates need a revocation list of their issuer: where there is one, it is heeded. */
enum ktls_crl_check { KTLS_CRL_KNOWN, KTLS_CRL_LEAF, KTLS_CRL_CHAIN };
#define KTLS_CRL_FILES_MAX 16

/* What is pointed to is the caller's and used during the call only. Zeros first. */
struct ktls_embedded_config {
	const struct ktls_embedded_identity *identities; /* in order of preference */
	size_t identities_len;
	const char *trust_file;  /* whom a client, or a server that asks, believes: PEM */
	struct ktls_span trust;  /* the same in memory */
	bool strict_server_name; /* server: refuse a name for which there is no certificate */
	enum ktls_engine_client_auth client_auth; /* server: whether to ask clients for one */
	uint32_t handshakes_max;                  /* at once; 0: 1024. More get TOO_MANY */
	uint16_t version_min;                     /* KTLS_TLS_1_2 or KTLS_TLS_1_3; 0: the latter */
	uint16_t version_max;
	/* Neither make tickets as a server, nor keep and use those of others as a client. */
	bool no_resumption;
	bool key_log; /* append secrets to the file that SSLKEYLOGFILE names (RFC 9850) */
	enum ktls_crl_check crl_check;
	const char *const *crl_files; /* revocation lists, PEM or DER, ended by NULL; or NULL */
	/* SHA-256 of public keys (SubjectPublicKeyInfo): one on the way to an anchor has to be one
	 * of these, or, without trust, the peer's own, whoever signed it. */
	const uint8_t (*pins)[32];
	size_t pins_len;
	uintptr_t records_per_key; /* KTLS_RECORDS_PER_KEY_MIN or more; 0: RFC 9846, 5.5 */
	uintptr_t reserved[4];     /* 0 */
};

/*
 * Like ktls_open(), with engine and keys in the calling process, for those who want no daemon.
 * Handshakes are performed in the thread that happens to be in a call of <ktls.h>: ktls_collect()
 * has to be called whenever ktls_fd() is readable. There is one profile, "default". For others than
 * root somebody has to have said "modprobe tls". ktls_listen() takes, for good, the highest
 * real-time signal that the program does not use.
 *
 * Devices (enum ktls_hardware) need version_min KTLS_TLS_1_2. They are looked for over netlink, in
 * the network namespace of this call: sockets of others get MAY_NOT_LOOK. Who has the records is
 * told to CAP_NET_ADMIN only before Linux 6.15: else UNKNOWN, and REQUIRE is HARDWARE_UNAVAILABLE.
 * Returns NULL on failure, with *error filled in unless error is NULL: MISUSE for a file that
 * cannot be read or holds something else, a key that does not fit its certificate, a config without
 * sense; NO_MEMORY; INTERNAL without random numbers. To be closed by ktls_close().
 */
struct ktls *ktls_open_embedded(const struct ktls_embedded_config *config, struct ktls_error *error)
	__attribute__((warn_unused_result));

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
