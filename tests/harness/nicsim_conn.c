/* SPDX-License-Identifier: MIT */
/* The connections of nicsim.h. */
#include "tests/harness/nicsim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/crypto/util.h"
#include "lib/ktls/kernel.h"

#define PATIENCE_MS 60000

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* ---- TCP -------------------------------------------------------------------------------------
 */

static socklen_t address_of_b(int domain, union address *out)
{
	*out = (union address){ .any.sa_family = (sa_family_t)domain };
	if (domain == AF_INET6) {
		out->in6.sin6_port = htons(NICSIM_PORT);
		ASSERT_EQ(1, inet_pton(AF_INET6, "fd09:1::1", &out->in6.sin6_addr));
		return sizeof(out->in6);
	}
	out->in.sin_port = htons(NICSIM_PORT);
	ASSERT_EQ(1, inet_pton(AF_INET, "10.9.1.1", &out->in.sin_addr));
	return sizeof(out->in);
}

void nicsim_tcp(int fd[2], int domain)
{
	union address address;
	socklen_t len = address_of_b(domain, &address);
	int listener = nicsim_socket(NICSIM_B, domain, SOCK_STREAM, 0), one = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	ASSERT_EQ(0, bind(listener, &address.any, len));
	ASSERT_EQ(0, listen(listener, 16));
	fd[NICSIM_A] = nicsim_socket(NICSIM_A, domain, SOCK_STREAM, 0);
	ASSERT_EQ(0, connect(fd[NICSIM_A], &address.any, len));
	fd[NICSIM_B] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_GE(fd[NICSIM_B], 0);
	close(listener);
	for (int i = 0; i < 2; i++)
		setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* ---- TLS -------------------------------------------------------------------------------------
 */

static void note_stats(struct nicsim_conn *conn)
{
	for (int i = 0; i < 2; i++) {
		conn->tx_device[i] = nicsim_stat((enum nicsim_end)i, "TlsTxDevice");
		conn->rx_device[i] = nicsim_stat((enum nicsim_end)i, "TlsRxDevice");
		conn->tx_sw[i] = nicsim_stat((enum nicsim_end)i, "TlsTxSw");
		conn->rx_sw[i] = nicsim_stat((enum nicsim_end)i, "TlsRxSw");
	}
}

/* A key that a device has can be read like others. */
static void note_keys(struct nicsim_conn *conn)
{
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, kernel_get(conn->fd[i], true, &conn->tx[i]));
}

/* Whoever failed lets the other end know, which would wait. */
static bool collect(struct nicsim_conn *conn, int end)
{
	int err;

	if (conn->reply[end])
		return true;
	err = ktls_collect(conn->k[end], &conn->reply[end]);
	if (err == -EAGAIN)
		return false;
	ASSERT_EQ(0, err);
	if (conn->reply[end]->reason != KTLS_OK)
		shutdown(conn->fd[end], SHUT_RDWR);
	return true;
}

static void collect_both(struct nicsim_conn *conn)
{
	struct pollfd p[2] = { { .fd = ktls_fd(conn->k[NICSIM_A]), .events = POLLIN },
			       { .fd = ktls_fd(conn->k[NICSIM_B]), .events = POLLIN } };
	bool a = collect(conn, NICSIM_A), b = collect(conn, NICSIM_B);

	while (!a || !b) {
		ASSERT_GT(poll(p, 2, PATIENCE_MS), 0);
		a = collect(conn, NICSIM_A);
		b = collect(conn, NICSIM_B);
	}
}

static void hand_over(struct nicsim_conn *conn, enum nicsim_end end, struct ktls_params params)
{
	params.role = end == NICSIM_A ? KTLS_CLIENT : KTLS_SERVER;
	params.server_name = end == NICSIM_A ? "localhost" : NULL;
	params.deadline_ms = PATIENCE_MS;
	ASSERT_EQ(0, ktls_start(conn->k[end], conn->fd[end], &params, NULL));
}

void nicsim_handshake_by(struct nicsim_conn *conn, const int fd[2],
			 const struct ktls_params params[2], struct ktls *const k[2])
{
	*conn = (struct nicsim_conn){ .fd = { fd[0], fd[1] }, .k = { k[0], k[1] } };
	note_stats(conn);
	hand_over(conn, NICSIM_A, params[NICSIM_A]);
	hand_over(conn, NICSIM_B, params[NICSIM_B]);
	collect_both(conn);
}

void nicsim_handshake(struct nicsim_conn *conn, const int fd[2], const struct ktls_params params[2])
{
	struct ktls *k[2];

	for (int i = 0; i < 2; i++) {
		k[i] = ktls_open(nicsim_ktlsd((enum nicsim_end)i), NULL);
		ASSERT_NOT_NULL(k[i]);
	}
	nicsim_handshake_by(conn, fd, params, k);
}

void nicsim_connect_over(struct nicsim_conn *conn, const int fd[2])
{
	nicsim_handshake(conn, fd, (const struct ktls_params[2]){ 0 });
	for (int i = 0; i < 2; i++) {
		if (conn->reply[i]->reason != KTLS_OK)
			TH_LOG("%s", conn->reply[i]->text);
		ASSERT_STREQ("OK", ktls_reason_name((int)conn->reply[i]->reason));
	}
	note_keys(conn);
}

void nicsim_connect(struct nicsim_conn *conn)
{
	int fd[2];

	nicsim_tcp(fd, AF_INET);
	nicsim_connect_over(conn, fd);
	EXPECT_EQ(KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, conn->reply[NICSIM_A]->suite);
}

void nicsim_connect_suite(struct nicsim_conn *conn, uint16_t suite)
{
	const struct tls_pair_spec spec = { KTLS_TLS_1_2, suite };

	*conn = (struct nicsim_conn){ 0 };
	nicsim_tcp(conn->fd, AF_INET);
	note_stats(conn);
	tls_pair_open_over(&conn->pair, &spec, CLIENT_BY_KERNEL, conn->fd);
	note_keys(conn);
}

void nicsim_zerocopy(const struct nicsim_conn *conn)
{
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, kernel_zerocopy(conn->fd[i]));
}

void nicsim_disconnect(struct nicsim_conn *conn)
{
	for (int i = 0; i < 2; i++) {
		ktls_reply_free(conn->reply[i]);
		ktls_close(conn->k[i]);
		if (!conn->pair.ready && conn->fd[i] > 0)
			close(conn->fd[i]);
	}
	tls_pair_close(&conn->pair);
	secret_wipe(conn->tx, sizeof(conn->tx));
}

void nicsim_expect(const struct nicsim_conn *conn, enum nicsim_end end, bool tx, bool rx)
{
	EXPECT_EQ(conn->tx_device[end] + tx, nicsim_stat(end, "TlsTxDevice"));
	EXPECT_EQ(conn->rx_device[end] + rx, nicsim_stat(end, "TlsRxDevice"));
	EXPECT_EQ(conn->tx_sw[end] + !tx, nicsim_stat(end, "TlsTxSw"));
	EXPECT_EQ(conn->rx_sw[end] + !rx, nicsim_stat(end, "TlsRxSw"));
	if (!conn->reply[end])
		return;
	EXPECT_STREQ(tx ? "hw" : "sw", ktls_state_name(conn->reply[end]->tx));
	EXPECT_STREQ(rx ? "hw" : "sw", ktls_state_name(conn->reply[end]->rx));
	EXPECT_EQ(tx, conn->reply[end]->tx_no_hw == KTLS_NO_HW_NONE);
	EXPECT_EQ(rx, conn->reply[end]->rx_no_hw == KTLS_NO_HW_NONE);
}

/* ---- data ------------------------------------------------------------------------------------
 */

static void *one_end(void *arg)
{
	return pour_both(arg) ? arg : NULL;
}

static bool came(const struct pour *p, int end)
{
	bool well = p->send_error == 0 && p->recv_error == 0 && p->same;

	EXPECT_TRUE(well);
	if (!well)
		TH_LOG("end %d: %llu sent (%s), %llu received (%s), %s", end,
		       (unsigned long long)p->sent, strerror(p->send_error),
		       (unsigned long long)p->received, strerror(p->recv_error),
		       p->same ? "the same" : "not the same");
	return well;
}

bool nicsim_pour(struct nicsim_conn *conn, enum pour_way way, uint64_t bytes)
{
	uint64_t seed = pour_seed();
	struct pour ends[2];
	pthread_t thread;
	bool well;

	for (unsigned int i = 0; i < 2; i++)
		ends[i] = (struct pour){
			.fd = conn->fd[i], .way = way, .bytes = bytes, .seed = seed + 2 * i
		};
	ASSERT_EQ(0, pthread_create(&thread, NULL, one_end, &ends[0]));
	(void)one_end(&ends[1]);
	pthread_join(thread, NULL);
	well = came(&ends[0], 0) & came(&ends[1], 1);
	if (!well)
		TH_LOG("KTLS_BULK_SEED=%llu", (unsigned long long)seed);
	return well;
}
