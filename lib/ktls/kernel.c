/* SPDX-License-Identifier: MIT */
#include "lib/ktls/kernel.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/ktls/cipher.h"
#include "lib/ktls/uapi.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define ULP_NAME_MAX 16
#define RECORD_MAX   16384

struct errno_reason {
	int error;
	enum ktls_reason reason;
};

/* The row of an errno; the last row, whose errno is 0, is for all others. */
static int reason_of(const struct errno_reason *rows, int error)
{
	while (rows->error != 0 && rows->error != error)
		rows++;
	return -(int)rows->reason;
}

static int int_option(int fd, int level, int name, int *out)
{
	socklen_t len = sizeof(*out);

	return getsockopt(fd, level, name, out, &len) < 0 ? errno : 0;
}

/* ---- which sockets can have it ----------------------------------------------------------------
 */

static int check_type(int fd, int *error)
{
	int domain = 0, type = 0, protocol = 0;

	*error = int_option(fd, SOL_SOCKET, SO_DOMAIN, &domain);
	if (*error == 0)
		*error = int_option(fd, SOL_SOCKET, SO_TYPE, &type);
	if (*error == 0)
		*error = int_option(fd, SOL_SOCKET, SO_PROTOCOL, &protocol);
	if (*error != 0)
		return -KTLS_R_SOCKET_NOT_SOCKET;
	if (protocol == IPPROTO_MPTCP)
		return -KTLS_R_SOCKET_MPTCP;
	if ((domain != AF_INET && domain != AF_INET6) || type != SOCK_STREAM ||
	    protocol != IPPROTO_TCP)
		return -KTLS_R_SOCKET_NOT_TCP;
	return 0;
}

/* TCP has SO_PEEK_OFF since Linux 6.9 only, and before that nothing to check. */
static int check_peek_off(int fd)
{
	int offset = -1;

	if (int_option(fd, SOL_SOCKET, SO_PEEK_OFF, &offset) == 0 && offset >= 0)
		return -KTLS_R_SOCKET_PEEK_OFF;
	return 0;
}

/* Why a socket is closed: what it was told by the peer or the network, if anything. */
static int closed_reason(int fd, int *error)
{
	static const struct errno_reason rows[] = {
		{ ECONNRESET, KTLS_R_PEER_RESET },
		{ EPIPE, KTLS_R_PEER_RESET },
		{ 0, KTLS_R_SOCKET_ERROR },
	};
	int pending = 0;

	*error = int_option(fd, SOL_SOCKET, SO_ERROR, &pending);
	if (*error == 0)
		*error = pending;
	if (*error != 0)
		return reason_of(rows, *error);
	*error = ENOTCONN;
	return -KTLS_R_SOCKET_NOT_CONNECTED;
}

static int check_state(int fd, bool *half_closed, int *error)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0) {
		*error = errno;
		return -KTLS_R_SOCKET_ERROR;
	}
	*half_closed = info.tcpi_state == TCP_CLOSE_WAIT;
	if (info.tcpi_state == TCP_ESTABLISHED || info.tcpi_state == TCP_CLOSE_WAIT)
		return 0;
	if (info.tcpi_state == TCP_CLOSE)
		return closed_reason(fd, error);
	*error = ENOTCONN;
	return -KTLS_R_SOCKET_NOT_CONNECTED;
}

static bool is_loopback(const struct in6_addr *a)
{
	return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

/* The address of a socket's end; of IPv4 as IPv6 has it. */
static bool get_address(int fd, int (*get)(int, struct sockaddr *, socklen_t *),
			struct in6_addr *out)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} address = { .any.sa_family = AF_UNSPEC };
	socklen_t len = sizeof(address);

	if (get(fd, &address.any, &len) < 0)
		return false;
	*out = address.in6.sin6_addr;
	if (address.any.sa_family == AF_INET) {
		*out = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
		memcpy(&out->s6_addr[12], &address.in.sin_addr, sizeof(address.in.sin_addr));
	}
	return address.any.sa_family == AF_INET || address.any.sa_family == AF_INET6;
}

bool kernel_is_local(int fd)
{
	struct in6_addr local, peer;

	if (!get_address(fd, getsockname, &local) || !get_address(fd, getpeername, &peer))
		return false;
	return is_loopback(&peer) || IN6_ARE_ADDR_EQUAL(&local, &peer);
}

/* ---- the ULP ------------------------------------------------------------------------------------
 */

/* Reads an option of the ULP, of exactly that size. */
static int get(int fd, int name, void *out, size_t size)
{
	socklen_t len = (socklen_t)size;

	if (getsockopt(fd, SOL_TLS, name, out, &len) == 0)
		return len == size ? 0 : -EPROTO;
	return errno == EOPNOTSUPP ? -ENOPROTOOPT : -errno;
}

/* The version and cipher of a direction's key; -EBUSY where it has none. */
static int get_head(int fd, bool transmit, struct tls_crypto_info *out)
{
	return get(fd, transmit ? TLS_TX : TLS_RX, out, sizeof(*out));
}

/* Whether a socket that has the ULP has no keys yet, as far as its answers are understood. */
static bool is_unkeyed(int fd)
{
	struct tls_crypto_info head;

	return get_head(fd, true, &head) == -EBUSY && get_head(fd, false, &head) == -EBUSY;
}

/* Finds the socket's ULP. */
static int check_ulp(int fd, bool *attached, int *error)
{
	static const struct errno_reason rows[] = {
		{ ENOPROTOOPT, KTLS_R_KERNEL_NO_TLS },
		{ EOPNOTSUPP, KTLS_R_KERNEL_NO_TLS },
		{ 0, KTLS_R_SOCKET_ERROR },
	};
	char name[ULP_NAME_MAX + 1] = "";
	socklen_t len = ULP_NAME_MAX;

	if (getsockopt(fd, IPPROTO_TCP, TCP_ULP, name, &len) < 0) {
		*error = errno;
		return reason_of(rows, *error);
	}
	*attached = strcmp(name, "tls") == 0;
	if (*attached && !is_unkeyed(fd))
		return -KTLS_R_SOCKET_HAS_KEYS;
	if (!*attached && name[0] != '\0')
		return -KTLS_R_SOCKET_OTHER_ULP;
	return 0;
}

static int attach(int fd, int *error)
{
	static const struct errno_reason rows[] = {
		{ ENOENT, KTLS_R_KERNEL_NO_TLS },
		{ ENOPROTOOPT, KTLS_R_KERNEL_NO_TLS },
		{ EOPNOTSUPP, KTLS_R_KERNEL_NO_TLS },
		{ EEXIST, KTLS_R_SOCKET_OTHER_ULP },
		{ ENOTCONN, KTLS_R_SOCKET_NOT_CONNECTED },
		{ ENOMEM, KTLS_R_NO_MEMORY },
		{ 0, KTLS_R_KERNEL_REFUSED },
	};

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) == 0)
		return 0;
	*error = errno;
	return reason_of(rows, *error);
}

static int check_socket(int fd, bool *half_closed, int *error)
{
	int reason;

	*error = 0;
	reason = check_type(fd, error);
	if (reason == 0)
		reason = check_peek_off(fd);
	if (reason == 0)
		reason = check_state(fd, half_closed, error);
	return reason;
}

int kernel_check(int fd, int *error)
{
	bool half_closed = false, attached = false;
	int reason = check_socket(fd, &half_closed, error);

	if (reason == 0)
		reason = check_ulp(fd, &attached, error);
	return reason == -KTLS_R_KERNEL_NO_TLS ? 0 : reason;
}

int kernel_ulp_attach(int fd, int *error)
{
	bool half_closed = false, attached = false;
	int reason = check_socket(fd, &half_closed, error);

	if (reason == 0)
		reason = check_ulp(fd, &attached, error);
	if (reason != 0 || attached)
		return reason;
	if (!half_closed) {
		reason = attach(fd, error);
		if (reason != -KTLS_R_SOCKET_NOT_CONNECTED)
			return reason;
		/* It was connected a moment ago: what came from the peer since? */
		reason = check_state(fd, &half_closed, error);
		if (reason != 0)
			return reason;
	}
	*error = ENOTCONN;
	return -KTLS_R_PEER_EOF;
}

/* ---- keys ---------------------------------------------------------------------------------------
 */

int kernel_install(int fd, bool transmit, const struct ktls_traffic_key *key, int *error)
{
	static const struct errno_reason rows[] = {
		{ ENOENT, KTLS_R_KERNEL_NO_SUITE },     { EBUSY, KTLS_R_SOCKET_HAS_KEYS },
		{ ENOMEM, KTLS_R_NO_MEMORY },           { EBADF, KTLS_R_SOCKET_NOT_SOCKET },
		{ ENOTSOCK, KTLS_R_SOCKET_NOT_SOCKET }, { 0, KTLS_R_KERNEL_REFUSED },
	};
	const struct cipher *cipher = cipher_of_suite(key->version, key->suite);
	struct crypto_info info;

	*error = 0;
	if (cipher == NULL)
		return -KTLS_R_MISUSE;
	crypto_info_build(cipher, key, &info);
	if (setsockopt(fd, SOL_TLS, transmit ? TLS_TX : TLS_RX, info.bytes, (socklen_t)info.len) <
	    0)
		*error = errno;
	explicit_bzero(&info, sizeof(info));
	return *error == 0 ? 0 : reason_of(rows, *error);
}

int kernel_limit(int fd, uint16_t content_max, int *error)
{
	bool set = setsockopt(fd, SOL_TLS, TLS_TX_MAX_PAYLOAD_LEN, &content_max,
			      sizeof(content_max)) == 0;

	*error = set ? 0 : errno;
	return set ? 0 : -KTLS_R_KERNEL_REFUSED;
}

static int turn_on(int fd, int name)
{
	const unsigned int on = 1;

	return setsockopt(fd, SOL_TLS, name, &on, sizeof(on)) < 0 ? -errno : 0;
}

int kernel_zerocopy(int fd)
{
	return turn_on(fd, TLS_TX_ZEROCOPY_RO);
}

int kernel_expect_no_pad(int fd)
{
	return turn_on(fd, TLS_RX_EXPECT_NO_PAD);
}

int kernel_get(int fd, bool transmit, struct ktls_traffic_key *out)
{
	struct tls_crypto_info head;
	const struct cipher *cipher;
	struct crypto_info info;
	int err;

	err = get_head(fd, transmit, &head);
	if (err != 0)
		return err;
	cipher = cipher_find(head.cipher_type);
	if (cipher == NULL)
		return -EPROTO;
	info.len = crypto_info_len(cipher);
	err = get(fd, transmit ? TLS_TX : TLS_RX, info.bytes, info.len);
	if (err == 0 && !crypto_info_parse(&info, cipher, out))
		err = -EPROTO;
	explicit_bzero(&info, sizeof(info));
	return err;
}

int kernel_version(int fd)
{
	struct tls_crypto_info head;
	int err = get_head(fd, false, &head);

	return err == 0 ? head.version : err;
}

/* ---- records ------------------------------------------------------------------------------------
 */

/* A control message that holds the type of a record, and space for what else might come. */
union record_control {
	struct cmsghdr align;
	char bytes[128];
};

ssize_t kernel_record_send(int fd, uint8_t type, const void *bytes, size_t len, int flags)
{
	union record_control control = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = CMSG_SPACE(sizeof(type)) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct tls_crypto_info head;
	ssize_t n;

	if (len == 0 || len > RECORD_MAX)
		return -EINVAL;
	/* TCP ignores control messages that are not its own: it would send this in the clear. */
	if (get_head(fd, true, &head) != 0)
		return -ENOKEY;
	cmsg->cmsg_level = SOL_TLS;
	cmsg->cmsg_type = TLS_SET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(sizeof(type));
	memcpy(CMSG_DATA(cmsg), &type, sizeof(type));
	n = sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

static bool record_type(struct msghdr *msg, uint8_t *type)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_TLS || c->cmsg_type != TLS_GET_RECORD_TYPE)
			continue;
		memcpy(type, CMSG_DATA(c), sizeof(*type));
		return true;
	}
	return false;
}

ssize_t kernel_record_recvmsg(int fd, const struct iovec *iov, size_t iov_len, int flags,
			      uint8_t *type, bool *end)
{
	union record_control control;
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov,
			      .msg_iovlen = iov_len,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &msg, flags);

	if (n < 0)
		return -errno;
	if (!record_type(&msg, type))
		return n == 0 ? -ENODATA : -ENOKEY;
	*end = (msg.msg_flags & MSG_EOR) != 0;
	return n;
}

ssize_t kernel_record_recv(int fd, void *buf, size_t len, int flags, uint8_t *type)
{
	const struct iovec iov = { .iov_base = buf, .iov_len = len };
	bool end;

	return len == 0 ? -EINVAL : kernel_record_recvmsg(fd, &iov, 1, flags, type, &end);
}
