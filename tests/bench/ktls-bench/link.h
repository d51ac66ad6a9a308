/* SPDX-License-Identifier: MIT */
/*
 * A connection of a measurement: a TCP socket and whatever makes its records, so that patterns
 * need not know. link_open() is made on a blocking socket; then link_start() makes it non-blocking,
 * and the other calls never block.
 *
 * Failures are negative errno; link_failed() says why for people.
 */
#ifndef KTLS_BENCH_LINK_H
#define KTLS_BENCH_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ktls-handshake.h>
#include <ktls-record.h>
#include <ktls.h>

#include "tests/bench/ktls-bench/credentials.h"
#include "tests/bench/ktls-bench/plan.h"

#define LINK_READ   (256 * 1024) /* bytes asked for at once */
#define LINK_GATHER (256 * 1024) /* bytes of records that are written at once, in userspace */

struct ktls;
struct ktls_session;
struct netlink_paths;
struct ssl_st;
struct ssl_ctx_st;

/* What a thread's connections share. Zeros first; fields above the line are the caller's. */
struct link_maker {
	const struct plan *plan;
	enum result_end end;
	const struct credentials *credentials;
	struct ktls *ktls; /* of ktlsd, for plans that want it */
	const char *profile;

	struct loaded loaded;
	struct ssl_ctx_st *ssl_ctx;
	struct x509_peer *peer; /* whose signature is to be verified */
	const struct ktls_engine *engine;
	uint8_t *buffer;             /* LINK_READ bytes, to receive */
	struct netlink_paths *paths; /* NULL: not to be asked */
	uint8_t in[KTLS_ENGINE_RECORD_MAX], out[KTLS_ENGINE_OUT_MIN];
	char failed[RESULT_LINE]; /* the first failure */
};

struct link {
	int fd;
	struct link_maker *maker;
	const struct link_ops *ops;
	uint16_t version, suite;
	/* Who has the records, as ktlsd or the kernel said when the keys were there. */
	enum ktls_state tx, rx;
	enum ktls_no_hw tx_no_hw, rx_no_hw;
	int pipe[2]; /* for splice: -1 until then */
	size_t piped;
	struct records *records;      /* MODE_USER */
	struct ssl_st *ssl;           /* MODE_LIBSSL */
	struct ktls_session *session; /* handshakes by ktlsd */
	unsigned int splices;         /* since it was told of them */
};

/* send(): bytes taken, all of which will be sent, or -EAGAIN. receive(): bytes at *bytes, valid
 * until the next call for any link of the maker; 0 at the end. flush(), finish(): 0 or -EAGAIN. */
struct link_ops {
	int (*open)(struct link *link);
	ssize_t (*send)(struct link *link, const uint8_t *bytes, size_t len, bool more);
	ssize_t (*receive)(struct link *link, const uint8_t **bytes);
	int (*flush)(struct link *link);
	/* Where they are not sendfile(), and not shutdown(): */
	ssize_t (*send_file)(struct link *link, int file, off_t at, size_t len);
	int (*finish)(struct link *link);
	/* Before each splice. */
	int (*maintain)(struct link *link);
	void (*close)(struct link *link);
	bool own_records; /* made in this process: files have to be read into it */
};

extern const struct link_ops link_tcp, link_kernel, link_daemon, link_user, link_libssl;

/* "": built without. */
const char *link_libssl_version(void);

/* 0, or -1 with maker->failed. */
int link_maker_init(struct link_maker *maker);
void link_maker_wipe(struct link_maker *maker);

/* Takes the connected socket, and does what has to be done before there is data. -1: failed. */
int link_open(struct link *link, struct link_maker *maker, int fd);
int link_start(struct link *link);

/* From content, from offset at on; by splice where pattern says so. */
ssize_t link_send_file(struct link *link, int file, const uint8_t *content, off_t at, size_t len,
		       enum pattern pattern);

/* No more will be sent. 0 or -EAGAIN. */
int link_finish(struct link *link);

void link_close(struct link *link);

/* Keeps the first reason; returns -1. */
__attribute__((format(printf, 2, 3))) int link_fail(struct link_maker *maker, const char *format,
						    ...);

/* Asks the kernel who has the records, where ktlsd has not told. */
void link_ask(struct link *link);

/* What the kernel is to be told of the plan, behind the keys. 0, or -1 with maker->failed. */
int link_set_options(struct link *link);

/* A handshake by our engine, which the caller wipes. 0, or -1 with maker->failed. */
int link_shake(struct link *link, struct ktls_engine *engine);

#endif
