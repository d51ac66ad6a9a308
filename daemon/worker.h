/* SPDX-License-Identifier: MIT */
/*
 * The worker's inside. A worker performs handshakes: it is the only role that parses what
 * applications and their peers send, and it has neither privileges nor files nor private keys.
 *
 *	worker.c           the process: what it is given, its loop, what it tells the supervisor
 *	worker_profiles.c  profiles, as lib/conn wants them
 *	worker_client.c    connections of applications: packets in, replies out
 *	worker_request.c   a request, from the packet to the reply and the line in the log
 *	worker_listen.c    listening sockets, and what comes of them
 *	worker_service.c   a service, for a connection whose handshake is over
 *	worker_relay.c     connections that relays carry
 *	worker_netlink.c   routes of sockets, asked from the netlink role
 *	worker_signer.c    signatures, tickets and sealed sessions, asked from the signers
 *
 * One thread, nothing in it blocks; what could (closing descriptors that came from elsewhere) is
 * left to the closer threads of lib/conn.
 */
#ifndef KTLSD_WORKER_H
#define KTLSD_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ktls.h>

#include "daemon/bundle.h"
#include "daemon/channel.h"
#include "daemon/log.h"
#include "daemon/netlink_role.h"
#include "daemon/question.h"
#include "lib/conn/conn.h"
#include "lib/handoff/packet.h"
#include "lib/handoff/protocol.h"

struct listening;
struct worker;

/* A descriptor in the worker's epoll set, edge-triggered but for the loop's and the supervisor's.
 */
struct watch {
	void (*ready)(struct watch *watch, uint32_t events);
	int fd;
};

struct profile {
	struct worker *worker;
	char name[KTLS_PROFILE_MAX + 1];
	uint8_t roles; /* BUNDLE_ROLE() */
	struct conn_profile conn;
	struct x509_identity **identities;
	uint16_t *keys;  /* the signers' number of each identity's key */
	uint8_t carrier; /* enum config_carrier */
};

/* What a signer was asked: SIGN, DECRYPT, SEAL, OPEN, SEAL_SESSION or OPEN_SESSION. */
struct sign_job {
	struct sign_job *next;
	uint64_t token; /* lib/conn's */
	size_t len;
	uint8_t message[]; /* to a signer: type and body; secret, if to be sealed */
};

struct sign_queue {
	struct sign_job *head;
	struct sign_job **tail;
	size_t len;
	size_t bytes; /* of their messages */
};

/* A signer answers in the order in which it was asked. */
struct signer_link {
	struct watch watch; /* fd is -1 as long as there is none */
	struct worker *worker;
	struct channel channel;
	char name[16];
	struct sign_queue sent;
	bool full; /* until EPOLLOUT */
};

struct relay_link {
	struct watch watch; /* fd is -1 as long as there is none */
	struct worker *worker;
	struct channel channel;
	char name[16];
};

/* What the netlink role was asked, or is to be. */
struct route_job {
	struct route_job *next;
	uint64_t token; /* lib/conn's */
	bool look;      /* after the handshake: who has the records */
	struct look_question question;
};

struct netlink_queue {
	struct route_job *head;
	struct route_job **tail;
};

/* It answers in the order in which it was asked. */
struct netlink_link {
	struct watch watch; /* fd is -1 as long as there is none */
	struct worker *worker;
	struct channel channel;
	struct netlink_queue sent, waiting;
};

#define RELAYS_MAX      64
#define CLIENTS_MAX     4096 /* connections of a worker */
#define SIGNERS_MAX     64
#define REQUEST_BUCKETS 1024

/* An application's connection. */
struct client {
	struct watch watch;
	struct worker *worker;
	struct client *next, **link; /* in worker->clients or worker->buried */
	struct client *next_due;     /* in worker->due */
	bool due;
	bool readable;   /* since the last EPOLLIN, not yet emptied */
	bool complained; /* one line in the log about what it sends is enough */
	bool dead;
	bool drained; /* of a worker that retires: no request of it is left to be read */
	uid_t uid;
	pid_t pid;
	uint8_t allowed[2][BUNDLE_PROFILES_MAX / 8]; /* by role and profile */
	struct request *requests;
	size_t in_flight;
	struct packet *unsent; /* replies that it has not had room for */
	struct packet **unsent_tail;
	size_t unsent_bytes;
	uint64_t unsent_since; /* milliseconds */
};

/* A handshake that was asked for, or a request that is being refused. */
struct request {
	struct worker *worker;
	struct client *client;        /* NULL when it has gone */
	struct request *next, **link; /* in client->requests */
	struct request *next_in_bucket;
	uint64_t id;
	uint64_t arrived;  /* microseconds */
	struct conn *conn; /* NULL: refused */
	const struct profile *profile;
	char profile_name[KTLS_PROFILE_MAX + 1]; /* as asked for, "-" where that is not known */
	enum ktls_role role;
	uid_t uid;
	pid_t pid;
	char peer[64]; /* address and port, "?" where there is none */
	bool service;  /* not a handshake */
	/* Of a listening socket: its request, which is in flight, or that of a connection, which no
	 * client knows of. */
	struct listening *listening;
	struct request *next_carried; /* as the next four: a relay has been asked */
	struct relay_link *relay;
	uint64_t token;
	uint8_t *packet; /* the reply */
	size_t packet_len;
	enum ktls_reason refusal;
	unsigned int closing; /* descriptors of it that are not closed yet */
};

struct worker {
	uint16_t index;
	char name[16];
	int key_log; /* file that secrets are appended to; 0: none */
	uint64_t capabilities;
	struct bundle_settings settings;
	struct channel supervisor;
	struct watch supervisor_watch;
	struct watch loop_watch;
	int epoll;
	struct conn_loop *loop;
	struct conn_sealer sealer; /* the loop's, as the router */
	struct conn_router router;
	struct netlink_link netlink;
	struct x509_trust **trusts;
	size_t trusts_len;
	struct profile *profiles;
	size_t profiles_len;
	struct signer_link signers[SIGNERS_MAX];
	struct sign_queue unsigned_jobs; /* that no signer has yet */
	struct relay_link relays[RELAYS_MAX];
	size_t next_relay;
	uint64_t last_token;     /* of those that were handed to relays */
	struct request *carried; /* that relays have not answered */
	struct client *clients;
	struct client *buried; /* to be freed when the events at hand have been dealt with */
	struct client *due;    /* that have packets to be read */
	struct listening *listenings;
	size_t listenings_len;
	bool listenings_ended;     /* some have */
	uint64_t listenings_retry; /* milliseconds: there is what could not be sent, and no event
				      will tell; or 0 */
	size_t clients_len;
	bool clients_retry;    /* what one has not got could not be sent, and no event will tell */
	size_t clients_unsent; /* that have not had room for a reply */
	uint64_t clients_gone; /* since the start */
	size_t requests_len;
	struct request *buckets[REQUEST_BUCKETS]; /* by client and id */
	uint64_t succeeded, failed;               /* handshakes, since the start */
	uint64_t told_gone;                       /* what the supervisor was told last, and when */
	size_t told_requests;
	uint64_t told_at;
	bool stopping;
	bool retiring;             /* no requests but those that have been sent */
	struct log_limit failures; /* lines about handshakes that failed */
	struct log_limit complaints;
	uint8_t packet[HANDOFF_MESSAGE_MAX + 1]; /* a request, with room to see that it is longer */
	uint8_t reply[HANDOFF_MESSAGE_MAX];
};

/* ---- worker_profiles.c ------------------------------------------------------------------------
 */

/* Profiles from the bundle, after its settings. False where it is not as it should be. */
bool profiles_read(struct worker *w, struct reader *r) __attribute__((warn_unused_result));

/* By name; NULL where there is none. */
const struct profile *profile_find(const struct worker *w, const char *name);

/* ---- worker_client.c --------------------------------------------------------------------------
 */

struct client_identity {
	uid_t uid;
	pid_t pid;
	uint8_t allowed[2][BUNDLE_PROFILES_MAX / 8];
};

/* Takes over a connection, and greets. */
void client_adopt(struct worker *w, int fd, const struct client_identity *identity);

/* The connection is of no more use: what it asked for is abandoned. */
void client_drop(struct client *client);

/* Sends a packet, now or as soon as there is room. The client may have been dropped afterwards. */
void client_send(struct client *client, const void *bytes, size_t len);

/* The same with a descriptor, which is taken over. */
void client_send_fd(struct client *client, const void *bytes, size_t len, int fd);

/* What a request has ended for may let the client's next packet be read. */
void client_resume(struct client *client);

/* Reads packets of clients that are due. */
void clients_run(struct worker *w);

/* Drops clients that do not read their replies. */
void clients_expire(struct worker *w, uint64_t now_ms);

/*
 * No requests after those that have been sent: clients see at once that they have to send the next
 * one elsewhere, and lose none.
 */
void clients_retire(struct worker *w);

/* Drops those that are owed nothing any more. */
void clients_release(struct worker *w);

/* Frees what was dropped: not while events are at hand. */
void clients_bury(struct worker *w);

/* ---- worker_request.c -------------------------------------------------------------------------
 */

/* A packet from a client; its descriptors are taken over. False: the client is to be dropped. */
bool request_receive(struct client *client, struct handoff_packet *packet);

/* The client has gone: its requests are ended, and nobody is told. */
void requests_abandon(struct client *client);

/* For the log: "uid 1000 pid 77 profile web server 192.0.2.1:4711". */
void request_describe(const struct request *request, char *out, size_t size);

/* result NULL: it never began. */
void request_log_failure(const struct request *request, enum ktls_reason reason,
			 const struct conn_result *result);

/* Whether the client may have this profile; 0 or a negative reason. */
int request_admit(struct request *request, const char *profile, enum ktls_role role)
	__attribute__((warn_unused_result));

/* Sends the reply, whose id and time are filled in here, and frees the request. */
void request_answer(struct request *request, struct handoff_reply *reply);

/* One for a connection that was accepted, which no client knows of. NULL without memory. */
struct request *request_of_connection(const struct request *listening, int fd);

/* How a handshake has ended, in the log. */
void request_log(const struct request *request, const struct conn_result *result);

void request_free(struct request *request);

/* Microseconds since it has arrived. */
uint64_t request_age(const struct request *request);

/* ---- worker_listen.c --------------------------------------------------------------------------
 */

/*
 * Listens on fd, with handshakes as conn has them. 0: the descriptor is taken over, and the request
 * will be answered; or a negative reason.
 */
int listening_start(struct request *request, const struct conn_request *conn, unsigned int backlog,
		    int fd) __attribute__((warn_unused_result));

/* No more: what is finished still goes to the client; or the client has gone. */
void listening_cancel(struct listening *l);
void listening_abandon(struct listening *l);

/* False: it never had so many. */
bool listening_collected(struct listening *l, unsigned int count)
	__attribute__((warn_unused_result));

/* The client has room again. It may have been dropped afterwards. */
void listenings_resume(struct worker *w, const struct client *client);

/* Tries again what it is time for, and ends what is at its end: not while events are at hand. */
void listenings_run(struct worker *w, uint64_t now_ms);

/* No more connections; those under way are finished. */
void listenings_retire(struct worker *w);

/* What makes a reply one of a listening socket's. */
void listening_complete(const struct request *request, struct handoff_reply *reply);

/* A relay has one of its connections, with the reply in packet; or (fd -1) has not. */
void listening_carried(const struct request *request, int fd);

/* ---- worker_service.c -------------------------------------------------------------------------
 */

/* 0, and the request will be answered; or a negative reason, and the descriptor is the caller's. */
int service_start(struct request *request, const struct handoff_service *service, int fd)
	__attribute__((warn_unused_result));

/* ---- worker_relay.c ---------------------------------------------------------------------------
 */

void relays_init(struct worker *w);

/* A channel to a relay, new or in place of one that was lost. */
void relay_adopt(struct worker *w, uint16_t index, int fd);

/* Who may have the records of a handshake that was asked for with enum ktls_records. */
enum conn_records relay_records(const struct request *request, uint8_t wanted);

/* A handshake that ended with carry: a relay gets it, and the request is answered, soon or now. */
void relay_carry(struct request *request, const struct conn_result *result);

/* ---- worker_netlink.c -------------------------------------------------------------------------
 */

void netlink_init(struct worker *w);

/* A channel to the netlink role, new or in place of one that was lost. */
void netlink_adopt(struct worker *w, int fd);

/* ---- worker_signer.c --------------------------------------------------------------------------
 */

void signers_init(struct worker *w);

/* A channel to a signer, new or in place of one that was lost. */
void signer_adopt(struct worker *w, uint16_t index, int fd);

/* struct conn_profile's sign(); arg is a struct profile. */
int signer_sign(void *arg, const struct conn_sign *request, uint8_t *signature,
		size_t *signature_len);

/* The same for its seal() and open(). */
int signer_decrypt(void *arg, const struct conn_decrypt *request, uint8_t *master);
int signer_seal(void *arg, const struct conn_ticket *request, uint8_t *ticket, size_t *ticket_len);
int signer_open(void *arg, const struct conn_ticket *request, uint8_t *content,
		size_t *content_len);

/* What seals sessions. */
void signer_sealer(struct worker *w, struct conn_sealer *out);

/* ---- worker.c ---------------------------------------------------------------------------------
 */

/* Into the epoll set. False where the kernel does not want to. */
bool watch_add(struct worker *w, struct watch *watch, uint32_t events)
	__attribute__((warn_unused_result));

/* The role: does not return before its end. An exit status. */
int worker_main(void);

#endif
