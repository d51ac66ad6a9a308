/* SPDX-License-Identifier: MIT */
/*
 * Handshakes over loopback TCP, for tests: certificates, profiles, a loop, and a kernel that only
 * writes down what it is asked, so that no kernel TLS is needed: after a "handshake" the sockets
 * carry plain bytes, and a test sees in them exactly what was left.
 */
#ifndef KTLS_TESTS_CONNS_H
#define KTLS_TESTS_CONNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/conn/conn.h"
#include "tests/harness/certs.h"

struct cert;
struct x509_key;

/* What the make-believe kernel was asked, and what it shall answer. */
struct fake_kernel {
	int attached; /* sockets */
	int installs;
	int attach_result; /* 0 or a negative reason */
	int tx_result;
	int rx_result;
	int limit_result;
	int option_result; /* 0 or a negative errno */
	bool remote;       /* peers are elsewhere */
};

extern struct fake_kernel fake_kernel;

/*
 * The key of one direction, as it was installed or set here: of a socket, whatever descriptor it is
 * looked at through. Sockets beyond the last 64 are forgotten.
 */
void fake_kernel_set(int fd, bool transmit, const struct ktls_traffic_key *key);
int fake_kernel_get(int fd, bool transmit, struct ktls_traffic_key *out);

/* One end of a handshake, and what became of it. */
struct conn_end {
	int fd;
	struct conn *conn;
	bool done;
	struct conn_result result; /* pointers in it lead to the copies below */
	struct ktls_engine_facts facts;
	char text[256];
	size_t leaf_len;
	char names[512]; /* of the peer: "1 CN=server; 2 example.com; " with their kinds */
	struct ktls_traffic_key tx, rx;
	bool tx_set, rx_set;
	uint16_t content_max;        /* that the kernel was told; 0: nothing */
	bool no_pad;                 /* that the kernel was told to expect none */
	bool zerocopy;               /* that it was told to read files where they are */
	uint8_t alert;               /* that it was given to send; 0: none */
	bool fd_was_open;            /* when done() was called */
	struct ktls_secrets secrets; /* as the keys were installed, or were the caller's */
};

/* A signature that is made later. */
struct conns_pending {
	uint64_t token;
	uint8_t signature[KTLS_ENGINE_SIGNATURE_MAX];
	size_t len;
	int result;
};

struct conns {
	struct conn_loop *loop;
	struct conn_config config;
	struct conn_profile profile; /* of both roles; for example.com, *.wild.example, 127.0.0.1 */
	struct cert *ca, *leaf;
	struct x509_identity *identity;
	struct x509_trust *trust;
	struct x509_key *key;
	bool sign_later; /* signatures go to pending instead */
	struct conns_pending pending[8];
	size_t pending_len;
	size_t signed_count;
	void (*before_sign)(struct conns *conns); /* NULL: nothing */
	void *before_sign_arg;
};

/* Sets up all but the loop: big certificates have a leaf of about 10 KB. */
void conns_init(struct conns *conns, bool big);

/* A leaf with a key of this type takes the place of the first, which is of P-256. */
void conns_use_key(struct conns *conns, enum cert_key key);

/* Makes the loop from conns->config. */
void conns_open(struct conns *conns);

/* Frees everything, and checks that the loop has nothing left over. */
void conns_wipe(struct conns *conns);

/* Runs the loop until all n ends are done or ms milliseconds have passed; true if they are done. */
bool conns_run(struct conns *conns, struct conn_end *const *ends, size_t n, int ms);

/* Runs the loop until it has nothing to do. */
void conns_settle(struct conns *conns);

/* What such a request calls, arg being its end: for those that have a done() of their own. */
void conns_done(void *arg, const struct conn_result *result);

/* A request of a role with the profile, for example.com, ending in end. */
struct conn_request conns_request(struct conns *conns, enum ktls_role role, struct conn_end *end);

/* Starts the request; the test fails where that is refused. */
void conns_start(struct conns *conns, const struct conn_request *request, struct conn_end *end);

/* The two together. */
void conns_begin(struct conns *conns, enum ktls_role role, struct conn_end *end);

/* Both are done, with TLS, and the kernel was given the same keys for each direction. */
void expect_agreed(const struct conn_end *client, const struct conn_end *server);

/* It is done, for this reason, and has no receive keys. */
void expect_failed(const struct conn_end *end, enum ktls_reason reason);

/* Hands in signature i of those put off. */
void conns_sign(struct conns *conns, size_t i);

/* Two connected TCP sockets; receive buffers of rcvbuf bytes, 0: as they come. */
void tcp_pair(int fd[2], int rcvbuf);

/* The same for two ends. */
void open_pair(struct conn_end *client, struct conn_end *server, int rcvbuf);

/* Leaves no TIME_WAIT behind. */
void close_by_reset(int fd);

/*
 * Two connections with the test between them: the client's bytes and the server's are passed on
 * when and as the test says.
 */
struct middle {
	int client;                  /* the client end's peer */
	int server;                  /* the server end's peer */
	size_t to_server, to_client; /* bytes passed on */
};

void middle_open(struct middle *middle, int *client, int *server);
void middle_close(struct middle *middle);

/* Passes on at most max bytes to a side; returns how many were there to be passed. */
size_t middle_to_server(struct middle *middle, size_t max);
size_t middle_to_client(struct middle *middle, size_t max);

/* Passes on everything, chunk bytes at a time, until both ends are done; checks that they get
 * there. */
void middle_run(struct middle *middle, struct conns *conns, struct conn_end *client,
		struct conn_end *server, size_t chunk);

#endif
