/* SPDX-License-Identifier: MIT */
/*
 * Connections whose TLS is done by network devices, emulated ones (kernel-setup/nicsim), for tests
 * in the VM. nicsim.sh has the namespaces and what connects them: the ends of a connection are in
 * namespaces a and b, and namespace wire forwards between them.
 *
 *	FIXTURE(f) { struct nicsim_conn conn; };
 *	FIXTURE_SETUP(f) { nicsim_offload(NICSIM_A, true, true); nicsim_connect(&self->conn); }
 *	FIXTURE_TEARDOWN(f) { nicsim_disconnect(&self->conn); nicsim_calm(); }
 *	int main(int argc, char **argv) { return nicsim_main(argc, argv); }
 */
#ifndef TESTS_HARNESS_NICSIM_H
#define TESTS_HARNESS_NICSIM_H

#include <stdbool.h>
#include <stdint.h>

#include <ktls.h>

#include "tests/harness/pour.h"
#include "tests/harness/tls_pair.h"

/* The first connects to the second. */
enum nicsim_end { NICSIM_A, NICSIM_B };

/* What the wire's side of a connection can be told by. */
#define NICSIM_PORT 4433

/*
 * main() of a test: loads the module, makes the namespaces and starts a ktlsd in a and one in b,
 * with TLS 1.2 only; and takes all that away. Without KTLS_NICSIM there are no tests.
 */
int nicsim_main(int argc, char **argv);

/* The socket of an end's ktlsd. */
const char *nicsim_ktlsd(enum nicsim_end end);

/* ---- the devices -----------------------------------------------------------------------------
 */

/* A parameter of the module, /sys/module/nicsim/parameters. */
void nicsim_set(const char *parameter, unsigned int value);

/* No faults, offload off, both devices up, large packets: as it was at first. */
void nicsim_calm(void);

/* Another feature of an end's device, as ethtool calls it. */
void nicsim_feature(enum nicsim_end end, const char *name, bool on);

/* Which new connections the device of an end takes. */
void nicsim_offload(enum nicsim_end end, bool tx, bool rx);

/* Whether the devices cut large packets, or the stack does before them, all the way. */
void nicsim_large_packets(bool on);

/* Takes the device of an end down, or up again. */
void nicsim_up(enum nicsim_end end, bool up);

/* Takes the module away, and all devices with it; and loads it again: new devices, set up as the
 * old ones were, and calm. */
void nicsim_unload(void);
void nicsim_load(void);

/* ethtool -S, and /proc/net/tls_stat. */
uint64_t nicsim_counter(enum nicsim_end end, const char *name);
uint64_t nicsim_stat(enum nicsim_end end, const char *name);

/* What this process opens until it leaves is in the namespace of an end. */
void nicsim_enter(enum nicsim_end end);
void nicsim_leave(void);

/* A socket in the namespace of an end, or that of the wire. */
int nicsim_socket(enum nicsim_end end, int domain, int type, int protocol);
int nicsim_wire_socket(int domain, int type, int protocol);

/* ---- connections -----------------------------------------------------------------------------
 */

struct nicsim_conn {
	int fd[2];
	struct ktls_reply *reply[2];   /* of ktlsd; NULL where it was not asked */
	struct ktls_traffic_key tx[2]; /* in force at the beginning */
	struct ktls *k[2];
	struct tls_pair pair;
	/* What tls_stat had before. */
	uint64_t tx_device[2], rx_device[2], tx_sw[2], rx_sw[2];
};

/* A TCP connection from a to b; domain AF_INET or AF_INET6. */
void nicsim_tcp(int fd[2], int domain);

/*
 * What comes of it is in the replies. Of params role, name and deadline are set here. The profile
 * "default" has TLS 1.2 only, "both" has TLS 1.3, too.
 */
void nicsim_handshake(struct nicsim_conn *conn, const int fd[2],
		      const struct ktls_params params[2]);

/* The same by others than the two ktlsd, which are the connection's from then on. */
void nicsim_handshake_by(struct nicsim_conn *conn, const int fd[2],
			 const struct ktls_params params[2], struct ktls *const k[2]);

/* TLS 1.2 with AES-128-GCM, by ktlsd, both ends. */
void nicsim_connect(struct nicsim_conn *conn);
void nicsim_connect_over(struct nicsim_conn *conn, const int fd[2]);

/* With a suite of one's own, by the same engine in this process. */
void nicsim_connect_suite(struct nicsim_conn *conn, uint16_t suite);

/* Files go to the devices without a copy from now on, at both ends (TLS_TX_ZEROCOPY_RO). */
void nicsim_zerocopy(const struct nicsim_conn *conn);

void nicsim_disconnect(struct nicsim_conn *conn);

/* The kernel has counted what it did with the keys of this end, this and nothing else, and that is
 * what the reply says. */
void nicsim_expect(const struct nicsim_conn *conn, enum nicsim_end end, bool tx, bool rx);

/*
 * bytes each way at once, by pour.h, in its ways: what comes is what was sent, by its hash. False,
 * and a failed check, where it is not.
 */
bool nicsim_pour(struct nicsim_conn *conn, enum pour_way way, uint64_t bytes);

#endif
