/* SPDX-License-Identifier: MIT */
/*
 * Messages between ktlsd's roles, over socket pairs of type SOCK_SEQPACKET: a type byte and a body
 * of fixed fields, big endian. One table says who may send what to whom, how long it is and whether
 * a descriptor comes with it. Whatever is not in the table, or has no handler where it arrives, or
 * does not parse to its last byte, ends that channel: the other end is then not believed in
 * anything more, and nobody else is disturbed.
 */
#ifndef KTLSD_CHANNEL_H
#define KTLSD_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

#define CHANNEL_FD      3     /* where a worker or signer finds its supervisor */
#define CHANNEL_MAX     12288 /* bytes of a message, but for questions to signers */
#define CHANNEL_TURN    64    /* messages taken before others get their turn, mostly */
#define CHANNEL_FD_NONE (-1)

enum channel_role {
	ROLE_SUPERVISOR = 1,
	ROLE_WORKER = 2,
	ROLE_SIGNER = 4,
	ROLE_RELAY = 8,
	ROLE_NETLINK = 16,
};

/*
 * Bodies:
 *	SETUP    u16 index of the receiver, u64 capabilities (KTLS_CAN_...); with the bundle
 *	SIGNER   u16 index of the signer; with a channel to it
 *	WORKER   u16 index of the worker; with a channel to it
 *	CLIENT   u32 uid, u32 pid, two bitmaps of BUNDLE_PROFILES_MAX bits: the profiles that the
 *	         client may use as server, as client; with the client's connection
 *	STOP     nothing: finish and exit
 *	RETIRE   nothing: take no more requests, finish those that have come, and exit
 *	READY    nothing: set up, and without privileges; a second time: RETIRE is heeded
 *	LOAD     u32 handshakes in flight; since the start: u64 clients that have gone, u64
 *	         handshakes that succeeded, u64 that failed
 *	SUSPECT  u16 index of a worker that broke the rules
 *	KEYS     of tickets, the current one first: vec8 each, 32 to 64 bytes:
 *	         lib/conn/ticket_keys.h
 *	SIGN     u64 token, u16 key, what is to be signed: daemon/question.h
 *	SIGNED   u64 token, u16 reason, the signature or master secret: 0 to 512 bytes
 *	DECRYPT  u64 token, u16 key, what is to be decrypted: daemon/question.h
 *	SEAL     u64 token, u16 profile, what a ticket is made of
 *	OPEN     u64 token, u16 profile, a ticket
 *	OPENED   u64 token, u16 reason, the ticket or session, or what is in it; nothing: none
 *	KEY_LOG  a file that secrets are appended to
 *	RELAY    u16 index of the relay; with a channel to it
 *	CARRY    u64 token, a connection: daemon/carry.h, its sealed session where tickets are
 *	         kept; with its socket
 *	CARRIED  u64 token; with the application's descriptor
 *	DECLINED u64 token, u16 reason
 *	TICKET   u64 cookie of a socket, vec16 its sealed session, a NewSessionTicket for it
 *	HELD     u32 connections, u64 bytes of memory; since the start: u64 connections, u64 bytes
 *	         sent, u64 received, those of connections that have ended
 *	SEALING  the boot's id, 16 bytes; with the file of sealing keys (daemon/sealing_file.h)
 *	SEAL_SESSION  u64 token, u64 cookie, 24 bytes of header, what is to be sealed
 *	OPEN_SESSION  u64 token, u64 cookie, a sealed session
 *	NETLINK  u16 0; with a channel to the netlink role
 *	ROUTE    u64 token, a connection's addresses: daemon/netlink_role.h
 *	ROUTED   u64 token, what is in the way of a device: likewise
 *	LOOK     u64 token, a connection that has its keys: likewise
 *	LOOKED   u64 token, who has its records, and why not a device: likewise
 */
enum channel_type {
	CHANNEL_SETUP = 1,
	CHANNEL_SIGNER,
	CHANNEL_WORKER,
	CHANNEL_CLIENT,
	CHANNEL_STOP,
	CHANNEL_RETIRE,
	CHANNEL_READY,
	CHANNEL_LOAD,
	CHANNEL_SUSPECT,
	CHANNEL_SIGN,
	CHANNEL_SIGNED,
	CHANNEL_DECRYPT,
	CHANNEL_KEYS,
	CHANNEL_SEAL,
	CHANNEL_OPEN,
	CHANNEL_OPENED,
	CHANNEL_KEY_LOG,
	CHANNEL_SEALING,
	CHANNEL_SEAL_SESSION,
	CHANNEL_OPEN_SESSION,
	CHANNEL_RELAY,
	CHANNEL_CARRY,
	CHANNEL_CARRIED,
	CHANNEL_DECLINED,
	CHANNEL_HELD,
	CHANNEL_NETLINK,
	CHANNEL_ROUTE,
	CHANNEL_ROUTED,
	CHANNEL_LOOK,
	CHANNEL_LOOKED,
	CHANNEL_TICKET,
};

struct channel {
	int fd;
	enum channel_role here;
	enum channel_role there;
	const char *name; /* of the other end, for the log; kept by reference */
};

/*
 * What is done with a message. fd is CHANNEL_FD_NONE or the handler's to close. Returns 0, or
 * -EPROTO for values that do not make sense; the driver checks that the body was read to its end.
 */
struct channel_handler {
	enum channel_type type; /* 0 ends a list */
	int (*run)(void *arg, struct reader *body, int fd);
};

/*
 * Handles what has arrived, at most most messages. Returns 0; -EPIPE where the other end is
 * closed; -EPROTO where it broke the rules, which has been logged; another negative errno. After
 * any of these the channel is of no more use. A handler may not close the channel.
 */
int channel_run(const struct channel *channel, const struct channel_handler *handlers, void *arg,
		unsigned int most) __attribute__((warn_unused_result));

/* A message under way. */
struct channel_message {
	uint8_t bytes[CHANNEL_MAX];
	struct writer body; /* to be written to between begin and send */
};

void channel_begin(struct channel_message *message, enum channel_type type);

/* For a message that secrets were in. */
void channel_wipe(struct channel_message *message);

/*
 * Sends without blocking, with a descriptor or CHANNEL_FD_NONE; the descriptor stays the caller's.
 * Returns 0; -EAGAIN where there is no room now; another negative errno where the channel is of no
 * more use.
 */
int channel_send(const struct channel *channel, const struct channel_message *message, int fd)
	__attribute__((warn_unused_result));

/* The same for a message that may be longer: its type and body, and no descriptor. */
int channel_send_bytes(const struct channel *channel, const uint8_t *message, size_t len)
	__attribute__((warn_unused_result));

#endif
