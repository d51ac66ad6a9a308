/* SPDX-License-Identifier: MIT */
/* The insides of struct ktls_engine: the state of one handshake, shared by the files of this
 * folder. */
#ifndef KTLS_HANDSHAKE_ENGINE_H
#define KTLS_HANDSHAKE_ENGINE_H

#include <ktls-handshake.h>

#include "lib/handshake/schedule.h"
#include "lib/handshake/suite.h"
#include "lib/handshake/transcript.h"
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

/*
 * What functions of this folder return besides 0 and negative reasons: PENDING, as the operations
 * do, ALTERNATIVE, by which a handler takes its row's other way on, STARVED for want of input,
 * LEGACY, by which a hello leads to the states of TLS 1.2, and RESUMED, by which a resumed
 * handshake leaves the way of a full one.
 */
#define PENDING     KTLS_ENGINE_PENDING
#define ALTERNATIVE 2
#define STARVED     3
#define LEGACY      4
#define RESUMED     5

#define CURVES_MAX  2   /* that certificates of ours can be on */
#define STASH_SMALL 512 /* bytes of a message in pieces that need no borrowed buffer */

/*
 * HandshakeType, RFC 9846 4 and RFC 5246 7.4; HELLO_RETRY is a ServerHello with the special random,
 * SERVER_HELLO_1_2 one whose extensions are those of TLS 1.2.
 */
enum message {
	MESSAGE_CLIENT_HELLO = 1,
	MESSAGE_SERVER_HELLO = 2,
	MESSAGE_NEW_SESSION_TICKET = 4,
	MESSAGE_ENCRYPTED_EXTENSIONS = 8,
	MESSAGE_CERTIFICATE = 11,
	MESSAGE_SERVER_KEY_EXCHANGE = 12,
	MESSAGE_CERTIFICATE_REQUEST = 13,
	MESSAGE_SERVER_HELLO_DONE = 14,
	MESSAGE_CERTIFICATE_VERIFY = 15,
	MESSAGE_CLIENT_KEY_EXCHANGE = 16,
	MESSAGE_FINISHED = 20,
	MESSAGE_KEY_UPDATE = 24,
	MESSAGE_HELLO_RETRY = 0x100 | MESSAGE_SERVER_HELLO,
	MESSAGE_SERVER_HELLO_1_2 = 0x200 | MESSAGE_SERVER_HELLO,
};

/* The rows of the state tables in rows_1_3.c and rows_1_2.c. */
enum state {
	CLIENT_GENERATE,
	CLIENT_SEND_HELLO,
	CLIENT_RECV_SERVER_HELLO,
	CLIENT_GENERATE_AGAIN,
	CLIENT_SEND_HELLO_AGAIN,
	CLIENT_RECV_SERVER_HELLO_AGAIN,
	CLIENT_AGREE,
	CLIENT_HANDSHAKE_KEYS,
	CLIENT_RECV_EXTENSIONS,
	CLIENT_RECV_CERTIFICATE_OR_REQUEST,
	CLIENT_RECV_CERTIFICATE,
	CLIENT_RECV_CERTIFICATE_VERIFY,
	CLIENT_RECV_FINISHED,
	CLIENT_APPLICATION_KEYS,
	CLIENT_CHOOSE,
	CLIENT_SEND_CERTIFICATE,
	CLIENT_SIGN,
	CLIENT_SEND_CERTIFICATE_VERIFY,
	CLIENT_SEND_FINISHED,
	CLIENT_SWITCH_TX,
	SERVER_RECV_HELLO,
	SERVER_SEND_RETRY,
	SERVER_RECV_HELLO_AGAIN,
	SERVER_RESUME,
	SERVER_CHOOSE,
	SERVER_GENERATE,
	SERVER_AGREE,
	SERVER_SEND_HELLO,
	SERVER_HANDSHAKE_KEYS,
	SERVER_SEND_EXTENSIONS,
	SERVER_SEND_CERTIFICATE_REQUEST,
	SERVER_SEND_CERTIFICATE,
	SERVER_SIGN,
	SERVER_SEND_CERTIFICATE_VERIFY,
	SERVER_PREDICT,
	SERVER_SEAL_TICKETS,
	SERVER_SEND_FINISHED,
	SERVER_APPLICATION_KEYS,
	SERVER_SEND_TICKETS,
	SERVER_RECV_CERTIFICATE,
	SERVER_RECV_CERTIFICATE_VERIFY,
	SERVER_RECV_FINISHED,
	SERVER_SWITCH_RX,
	SERVER_SEAL_TICKETS_LATE,
	SERVER_SEND_TICKETS_LATE,

	CLIENT12_RESUME,
	CLIENT12_RECV_CERTIFICATE,
	CLIENT12_EXCHANGE,
	CLIENT12_RECV_KEY_EXCHANGE,
	CLIENT12_RECV_REQUEST_OR_DONE,
	CLIENT12_RECV_DONE,
	CLIENT12_CHOOSE,
	CLIENT12_SEND_CERTIFICATE,
	CLIENT12_GENERATE,
	CLIENT12_AGREE,
	CLIENT12_SEND_KEY_EXCHANGE,
	CLIENT12_KEYS,
	CLIENT12_SIGN,
	CLIENT12_SEND_CERTIFICATE_VERIFY,
	CLIENT12_SEND_CCS,
	CLIENT12_SEND_FINISHED,
	CLIENT12_RECV_TICKET,
	CLIENT12_RECV_CCS,
	CLIENT12_RECV_FINISHED,
	CLIENT12_KEEP,
	CLIENT12_RESUMED_KEYS,
	CLIENT12_RESUMED_RECV_TICKET,
	CLIENT12_RESUMED_RECV_CCS,
	CLIENT12_RESUMED_RECV_FINISHED,
	CLIENT12_RESUMED_SEND_CCS,
	CLIENT12_RESUMED_SEND_FINISHED,
	SERVER12_OPEN_TICKET,
	SERVER12_RESUME,
	SERVER12_CHOOSE,
	SERVER12_CHOOSE_RSA,
	SERVER12_SUITE,
	SERVER12_SEND_HELLO,
	SERVER12_SEND_CERTIFICATE,
	SERVER12_EXCHANGE,
	SERVER12_GENERATE,
	SERVER12_SIGN,
	SERVER12_SEND_KEY_EXCHANGE,
	SERVER12_REQUEST,
	SERVER12_SEND_REQUEST,
	SERVER12_SEND_DONE,
	SERVER12_RECV_CERTIFICATE,
	SERVER12_RECV_KEY_EXCHANGE,
	SERVER12_AGREE,
	SERVER12_KEYS,
	SERVER12_RECV_CERTIFICATE_VERIFY,
	SERVER12_RECV_CCS,
	SERVER12_RECV_FINISHED,
	SERVER12_SEAL_TICKET,
	SERVER12_SEND_TICKET,
	SERVER12_SEND_CCS,
	SERVER12_SEND_FINISHED,
	SERVER12_RESUMED_SEND_HELLO,
	SERVER12_RESUMED_KEYS,
	SERVER12_RESUMED_SEND_CCS,
	SERVER12_RESUMED_SEND_FINISHED,
	SERVER12_RESUMED_RECV_CCS,
	SERVER12_RESUMED_RECV_FINISHED,

	STATE_DONE,
	STATE_FAILED,
	STATES,
};

/* Handshake bytes that had to be kept because a message came in pieces. */
struct stash {
	uint8_t *buf; /* small, or borrowed */
	size_t cap;
	size_t len;
	uint8_t small[STASH_SMALL];
};

/* TLS 1.2: the handshake messages so far, where a client's signature may need them. */
struct message_log {
	uint8_t *buf; /* borrowed */
	size_t cap;
	size_t len;
	bool closed; /* none is kept any more */
};

/* Messages of one flight under the same keys, not yet sealed: they share records. */
struct flight {
	bool open;
	size_t start; /* where its first record begins in io->out */
	struct writer w;
};

/* TLS 1.2's tickets: resume_1_2.c. */
struct resume_1_2 {
	bool offered; /* client: config.session is in the ClientHello */
	bool owed;    /* a NewSessionTicket was announced and is to come */
	uint8_t *buf; /* borrowed: a state, a ticket, a session; secret */
	size_t cap;
	size_t state_len;  /* at the buffer's beginning */
	size_t ticket_len; /* of the server's new one */
};

/* The pre-shared key that a client offers (RFC 9846, 4.3.11). */
struct psk {
	bool offered;            /* server: and it is being looked at */
	bool only;               /* server: without a key exchange */
	int otherwise;           /* server: why there is no other way on than with it, or 0 */
	uint32_t age;            /* obfuscated_ticket_age */
	struct ktls_span ticket; /* client: in config.session */
	uint8_t hash[HASH_MAX];  /* server: of the transcript up to the binders */
	uint8_t binder[HASH_MAX];
	uint8_t binder_len;
};

/* Tickets of a server, between being sealed and being sent. */
struct sealed_tickets {
	bool wanted;       /* the client can use them */
	uint32_t lifetime; /* seconds; of what was resumed if something was */
	uint32_t age_add;  /* of the one in the making, like the next two */
	uint8_t *sealing;  /* borrowed, KTLS_ENGINE_TICKET_MAX bytes */
	size_t sealed_len;
	size_t len;                                 /* of the next two */
	uint8_t *messages[KTLS_ENGINE_TICKETS_MAX]; /* borrowed */
	uint16_t message_lens[KTLS_ENGINE_TICKETS_MAX];
};

struct engine {
	struct ktls_engine_config config;
	void *arg;
	enum state state;
	bool waiting; /* for ktls_engine_resume() */
	int resumed;  /* what it said last */
	struct ktls_engine_facts facts;

	struct transcript transcript;
	struct schedule schedule;

	/* The call in progress; meaningless between calls. */
	struct ktls_engine_io *io;
	struct reader content; /* handshake bytes of the record at hand */
	struct flight flight;
	struct stash stash;
	struct message_log log;

	/* Record layer. */
	bool protected_seen;    /* a protected record was received */
	bool skip_early_data;   /* the client may be sending some */
	uint32_t early_skipped; /* bytes */
	bool ccs_sent;
	uint8_t warnings;       /* alerts that were passed over */
	uint8_t hello_requests; /* likewise */
	/* RFC 8449, 4: */
	uint16_t receive_limit; /* bytes of what is protected in a record, as agreed on; 0: none */
	uint16_t peer_limit;    /* that the peer's hello named */
	uint8_t fragment_code;  /* server: RFC 6066, 4; of the client's hello */

	/* Negotiation. */
	uint8_t random[32];        /* ClientHello.random */
	uint8_t server_random[32]; /* TLS 1.2 */
	uint16_t
		offered_suites; /* server, TLS 1.2: the client's, a bit an entry of config.suites */
	uint16_t hello_version; /* server, TLS 1.2: that the ClientHello names */
	uint16_t curves[CURVES_MAX]; /* server, TLS 1.2: of certificates, that the client knows */
	size_t curves_len;
	bool any_curve;             /* the client does not say */
	bool signals_renegotiation; /* RFC 5746: the client knows secure renegotiation */
	bool prefers_1_2;           /* server: the client has what prefer_1_2 is about */
	bool extended_master;       /* RFC 7627: the hello at hand has the extension */
	bool static_rsa;            /* server: the certificate is to decrypt, not to sign */
	uint8_t session_id[32];
	uint8_t session_id_len;
	uint32_t offered;  /* client: extensions in our ClientHello, a bit a row of the table */
	uint32_t received; /* extensions in the message at hand, likewise */
	const struct group *group;
	const struct group *retry_group;           /* that a HelloRetryRequest asked for */
	uint8_t share[KTLS_ENGINE_SHARE_MAX];      /* ours */
	uint8_t peer_share[KTLS_ENGINE_SHARE_MAX]; /* theirs, of e->group */
	size_t peer_share_len;
	uint8_t *cookie; /* client: borrowed, from HelloRetryRequest to second ClientHello */
	size_t cookie_len;
	uint8_t hello_digest[32];      /* server: what may not change between two ClientHellos */
	uint16_t schemes[SCHEMES_MAX]; /* the peer's, as far as we know them; its order */
	size_t schemes_len;

	struct resume_1_2 resume;

	/* Authentication. */
	struct ktls_engine_choice choice;
	size_t signature_len; /* the signature lies in stash.small */
	bool certificate_requested;
	bool certificate_received; /* server: of the client */
	uint8_t certificate_types; /* client, TLS 1.2: that the server takes, a bit each */
	uint8_t *encrypted;        /* server: borrowed, the premaster secret, encrypted */
	size_t encrypted_len;

	/* Resumption. */
	struct psk psk;
	struct sealed_tickets tickets;
	uint8_t ticket_state[KTLS_ENGINE_STATE_MAX]; /* server: of the ticket at hand; secret */
	size_t ticket_state_len;
};

_Static_assert(sizeof(struct engine) <= sizeof(struct ktls_engine), "KTLS_ENGINE_SIZE too small");

static inline struct engine *engine_of(struct ktls_engine *public)
{
	return (struct engine *)(void *)public->opaque;
}

static inline const struct engine *engine_of_const(const struct ktls_engine *public)
{
	return (const struct engine *)(const void *)public->opaque;
}

static inline bool engine_may_use(const struct engine *e, uint16_t version)
{
	return version >= e->config.version_min && version <= e->config.version_max;
}

/* Whether the handshake has become one of TLS 1.2. */
static inline bool engine_is_1_2(const struct engine *e)
{
	return e->schedule.suite && e->schedule.suite->version == KTLS_TLS_1_2;
}

/* Whether its key exchange is RSA encryption (RFC 5246, 7.4.7.1). */
static inline bool engine_is_static_rsa(const struct engine *e)
{
	return e->schedule.suite && e->schedule.suite->auth == SUITE_RSA_ENCRYPTION;
}

static inline bool engine_is_server(const struct engine *e)
{
	return e->config.role == KTLS_SERVER;
}

/* A resumed handshake asks for no certificate (RFC 9846, 4.4.2). */
static inline bool engine_asks_client(const struct engine *e)
{
	return e->config.client_auth != KTLS_ENGINE_NO_CLIENT_AUTH && !e->facts.resumed;
}

/* Whether a suite of the configuration can be used at all, in some version. */
static inline bool engine_has_suite(const struct engine *e, const struct suite *suite)
{
	const struct ktls_engine_ops *ops = e->config.ops;

	if (suite->auth != SUITE_RSA_ENCRYPTION)
		return true;
	return engine_is_server(e) ? ops->decrypt_master != NULL : ops->encrypt != NULL;
}

/* The result of a caller's operation, with what is none taken for a failure. */
static inline int engine_result(int result)
{
	return result == PENDING || result <= 0 ? result : -KTLS_R_INTERNAL;
}

/* Whether a list of the caller's holds a number. */
bool engine_list_has(const uint16_t *list, size_t len, uint16_t number);

#endif
