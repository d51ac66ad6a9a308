/* SPDX-License-Identifier: MIT */
/*
 * What this kernel can do for TLS sockets, found out by doing it over loopback connections: never
 * from its version, which says little about backports, configurations and containers.
 *
 * A cipher is only said to work when a record sent with it was seen on the wire, was not the
 * plaintext, and came out again as what went in.
 */
#ifndef KTLS_KTLS_PROBE_H
#define KTLS_KTLS_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <ktls-tls.h>

#define KTLS_PROBE_CIPHERS  8
#define KTLS_PROBE_VERSIONS 2 /* index 0 is TLS 1.2, 1 is TLS 1.3 */

enum ktls_probe_extent {
	KTLS_PROBE_ALL,    /* every cipher that Linux has had */
	KTLS_PROBE_SUITES, /* those of the suites in ktls-tls.h */
};

#define KTLS_PROBE_NOT_ASKED (-1)

/* For each version: 0 where it works, else the errno that the attempt ended with; or NOT_ASKED. */
struct ktls_probe_cipher {
	const char *name; /* the kernel's: "AES-GCM-128" */
	int tx[KTLS_PROBE_VERSIONS];
	int rx[KTLS_PROBE_VERSIONS];
};

struct ktls_probe {
	/*
	 * KTLS_OK where sockets can have the TLS ULP. Else why not, as kernel_ulp_attach() has it;
	 * or SOCKET_ERROR where not even a loopback connection could be made. All results below
	 * hold error then.
	 */
	enum ktls_reason reason;
	int error; /* the errno behind reason */
	struct ktls_probe_cipher ciphers[KTLS_PROBE_CIPHERS];
	/* 0 where it works, else an errno. */
	int rekey;       /* keys replaced under TLS 1.3, both ways */
	int zerocopy;    /* TLS_TX_ZEROCOPY_RO is accepted; it works on devices only */
	int no_pad;      /* TLS_RX_EXPECT_NO_PAD is accepted; EOVERFLOW: and then a read writes more
			    than it returns */
	int max_payload; /* TLS_TX_MAX_PAYLOAD_LEN shortens records */
	int poll;        /* poll() wakes for whole records only; EBUSY: for parts of one, too */
	int splice; /* splice() out of a socket; EOVERFLOW: it loses what a pipe has no room for */
	int interrupt; /* a blocking send, by a signal; ECONNABORTED: that ends the connection */
	/* The same in KTLS_CAN_... bits of ktls.h. */
	uint64_t capabilities;
};

/*
 * Takes milliseconds where the modules are loaded, else tenths of a second, and a few descriptors
 * while it lasts. The user's rights matter: only root's first socket loads the tls module.
 */
void ktls_probe(enum ktls_probe_extent extent, struct ktls_probe *out);

#endif
