/* SPDX-License-Identifier: MIT */
/*
 * What is behind a struct ktls. The calls of ktls.h are the same with and without ktlsd: handoff.c
 * has what is common (ids, threads, the pollable descriptor, replies), and a struct ktls_ops
 * performs the handshakes: client.c asks ktlsd, lib/conn does it in-process. Shared by libktls and
 * libktls-handshake of one and the same version; not installed.
 *
 * A backend's struct is allocated by malloc() and begins with a struct ktls:
 *
 *	struct embedded { struct ktls base; ... };
 *
 * All ops are called with base.lock held, so a backend needs no lock of its own; none may block.
 */
#ifndef KTLS_HANDOFF_OPS_H
#define KTLS_HANDOFF_OPS_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls.h>

#include "lib/handoff/protocol.h"

/* One handshake, from ktls_start() to ktls_reply_free(); or a listening socket, or one of its
 * connections, which is in no bucket. */
struct ktls_call {
	struct ktls_reply reply;         /* what the application gets; first */
	uint64_t id;                     /* the same as in reply and request */
	void *impl;                      /* the backend's */
	bool listens;                    /* the request has listen set */
	uint64_t from;                   /* of a connection: ktls_call_make() was told it */
	struct ktls_span key_tx, key_rx; /* of a service: struct handoff_keys, by their build() */
	/* ---- handoff.c's ---- */
	int number;   /* the application's descriptor; -1: no relay may take its place */
	ino_t socket; /* what it was: a number that is closed may be used anew */
	struct sockaddr_in6 peer, local; /* or sockaddr_in; the reply points to them */
	void *storage;                   /* what the reply points to */
	size_t storage_len;
	bool waited;  /* a thread is blocked for it, as in ktls_handshake() */
	bool dropped; /* nobody will take its reply: freed when it is done */
	bool done;
	struct ktls_call *next; /* in its bucket, or in the list of those that are done */
};

struct ktls_ops {
	/*
	 * Begins a handshake, or listens. fd is the application's: whoever keeps it duplicates it.
	 * request is valid during the call only. Returns 0, and ktls_call_done() will be called
	 * once for this call, now or later; or a negative errno, and it is never called.
	 */
	int (*start)(struct ktls *k, struct ktls_call *call, int fd,
		     const struct handoff_request *request);

	/*
	 * Begins a service for a connection whose handshake is over; otherwise as start(). The
	 * reply's keys are in the call.
	 */
	int (*service)(struct ktls *k, struct ktls_call *call, int fd,
		       const struct handoff_service *service);

	/* The application has collected a connection of a listening socket's, if that still is one.
	 */
	void (*collected)(struct ktls *k, struct ktls_call *call);

	/* Ends the handshake soon: ktls_call_done() as always, mostly with CANCELLED. */
	void (*cancel)(struct ktls *k, struct ktls_call *call);

	/* Does what can be done now. Called when base.events is readable, and at other times. */
	void (*run)(struct ktls *k);

	/*
	 * Closes and frees all that is the backend's own, the impl of calls in flight too, but
	 * neither calls nor the struct itself. Calls may be ended or not, nobody will see it.
	 */
	void (*close)(struct ktls *k);
};

struct ktls {
	const struct ktls_ops *ops;
	struct ktls_info info; /* filled in by the backend */
	int events;            /* epoll set for the backend's descriptors: readable means run() */
	pthread_mutex_t lock;
	/* ---- handoff.c's ---- */
	pthread_cond_t changed; /* a call was done, or nobody polls any more */
	bool polling;           /* one of the threads in ktls_handshake() polls for all of them */
	int wake;               /* eventfd: ends that thread's poll */
	int ready;              /* eventfd: readable while there is something to collect */
	int pollable;           /* epoll set of events and ready: ktls_fd() */
	uint64_t last_id;
	struct ktls_call **buckets; /* calls in flight, by id */
	size_t buckets_len;         /* a power of two */
	size_t in_flight;
	struct ktls_call *done_head; /* to be collected, oldest first */
	struct ktls_call **done_tail;
};

/* Sets up k, all zeros before. Returns 0, or a negative errno with nothing left open. */
WIRE_MUST_CHECK int ktls_base_init(struct ktls *k, const struct ktls_ops *ops);

/*
 * For a backend whose opening fails after ktls_base_init(): closes what that opened, calls no op.
 * (ktls_close() calls ops->close(), does this, and frees the struct.)
 */
void ktls_base_wipe(struct ktls *k);

/* Whether the reply's descriptor is one that the call has asked for: a relayed one. */
WIRE_MUST_CHECK bool ktls_call_relayed(const struct ktls_call *call,
				       const struct handoff_reply *facts);

/*
 * A call is over: facts become its reply (facts->id is not looked at); fd is the descriptor in it,
 * which is taken over, or -1. A relayed one takes the place of the application's socket here, any
 * other belongs to the reply. Everything is copied. Where memory is short the
 * reply says NO_MEMORY. The call is not to be touched afterwards.
 */
void ktls_call_done(struct ktls *k, struct ktls_call *call, const struct handoff_reply *facts,
		    int fd);

/* The same for a call that ended with no more than a reason. */
void ktls_call_failed(struct ktls *k, struct ktls_call *call, enum ktls_reason reason);

/*
 * A connection of a listening call's. facts and fd are as above, but facts->more is set; from comes
 * back with collected(). NULL where memory is short: fd is still the caller's.
 */
WIRE_MUST_CHECK struct ktls_call *ktls_call_make(const struct ktls_call *call,
						 const struct handoff_reply *facts, int fd,
						 uint64_t from);

/* It can be collected. Until then next is the backend's, and ktls_reply_free() frees it. */
void ktls_call_push(struct ktls *k, struct ktls_call *call);

/* Gives a new call an id and keeps it; and takes it out again where it could not be started. */
void ktls_call_begin(struct ktls *k, struct ktls_call *call, void *arg);
void ktls_call_undo(struct ktls *k, struct ktls_call *call);

/*
 * Blocks until a call with waited set is done, or until that time (now_ms(); 0: however long it
 * takes), with the lock released meanwhile. Returns whether it is done.
 */
bool ktls_call_wait(struct ktls *k, const struct ktls_call *call, int64_t until);

/* Monotonic milliseconds. */
int64_t now_ms(void);

/* The call in flight with this id, or NULL. */
struct ktls_call *ktls_call_find(struct ktls *k, uint64_t id);

/*
 * The application's params in the form of the protocol, id 0. Spans point into alpn and into what
 * params point to. Returns 0, or -EINVAL where params make no sense, with out unchanged. Values
 * that are reserved are not refused here but by handoff_request_check().
 */
WIRE_MUST_CHECK int ktls_params_to_request(const struct ktls_params *params,
					   uint8_t alpn[static KTLS_ALPN_MAX],
					   struct handoff_request *out);

#endif
