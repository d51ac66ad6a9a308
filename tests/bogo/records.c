/* SPDX-License-Identifier: MIT */
#include "tests/bogo/records.h"

#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <ktls.h>

#include "lib/crypto/util.h"
#include "lib/handshake/protect.h"
#include "lib/ktls/kernel.h"
#include "tests/bogo/rekey.h"

#define HEADER        PROTECT_HEADER
#define EXPANSION_MAX (8 + 1 + AEAD_TAG)
#define RECORD_MAX    (HEADER + RECORDS_DATA_MAX + EXPANSION_MAX)

static bool by_kernel; /* the real one */
static void (*listener)(const uint8_t *bytes, size_t len);

/* What the other one knows of its socket. */
static struct {
	struct schedule keys;    /* of which only the suite and both directions are used */
	uint8_t out[RECORD_MAX]; /* a sealed record */
	size_t out_len, out_at;
	uint8_t in[RECORD_MAX]; /* the record of which something was not given out yet */
	uint8_t in_type;
	const uint8_t *content;
	size_t content_len;
} kernel;

/* The linker takes these for functions of lib/ktls/kernel.h. */
ssize_t __wrap_kernel_record_send(int fd, uint8_t type, const void *bytes, size_t len, int flags);
ssize_t __wrap_kernel_record_recvmsg(int fd, const struct iovec *iov, size_t iov_len, int flags,
				     uint8_t *type, bool *end);
int __wrap_kernel_version(int fd);
int __real_kernel_version(int fd);
ssize_t __real_kernel_record_send(int fd, uint8_t type, const void *bytes, size_t len, int flags);
ssize_t __real_kernel_record_recvmsg(int fd, const struct iovec *iov, size_t iov_len, int flags,
				     uint8_t *type, bool *end);

static void install(struct traffic *t, const struct ktls_traffic_key *key)
{
	t->on = true;
	memcpy(t->key, key->key, sizeof(key->key));
	memcpy(t->iv, key->iv, sizeof(key->iv));
	for (size_t i = 0; i < sizeof(key->seq); i++)
		t->seq = t->seq << 8 | key->seq[i];
}

void records_attach(int fd)
{
	int error, result;

	by_kernel = getenv("KTLS_BOGO_KERNEL") != NULL;
	if (!by_kernel)
		return;
	result = kernel_ulp_attach(fd, &error);
	if (result < 0)
		errx(1, "the kernel: %s", ktls_reason_name(-result));
}

static void install_in_kernel(int fd, bool transmit, const struct ktls_traffic_key *key)
{
	int error, result = kernel_install(fd, transmit, key, &error);

	if (result < 0)
		errx(1, "the kernel: %s", ktls_reason_name(-result));
}

void records_carry(int fd, const struct ktls_traffic_key *tx, const struct ktls_traffic_key *rx)
{
	if (by_kernel) {
		install_in_kernel(fd, true, tx);
		install_in_kernel(fd, false, rx);
		return;
	}
	memset(&kernel, 0, sizeof(kernel));
	kernel.keys.suite = suite_find(tx->suite);
	install(&kernel.keys.tx, tx);
	install(&kernel.keys.rx, rx);
}

void records_rekey(int fd, bool transmit, const struct ktls_traffic_key *key)
{
	if (by_kernel)
		install_in_kernel(fd, transmit, key);
	else
		install(transmit ? &kernel.keys.tx : &kernel.keys.rx, key);
}

void records_wipe(void)
{
	secret_wipe(&kernel, sizeof(kernel));
}

static bool is_1_3(void)
{
	return kernel.keys.suite->version == KTLS_TLS_1_3;
}

void records_listen(void (*hear)(const uint8_t *bytes, size_t len))
{
	listener = hear;
}

/* ---- sending --------------------------------------------------------------------------------- */

static void seal(uint8_t type, const void *bytes, size_t len)
{
	struct traffic *tx = &kernel.keys.tx;

	memcpy(kernel.out + HEADER + protect_prefix(&kernel.keys, tx), bytes, len);
	kernel.out_at = 0;
	kernel.out_len =
		protect_seal(&kernel.keys, tx, type, KTLS_TLS_1_2, kernel.out, len, tx->seq++);
}

static ssize_t send_up_to(int fd, size_t end)
{
	while (kernel.out_at < end) {
		ssize_t n = send(fd, kernel.out + kernel.out_at, end - kernel.out_at, MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		kernel.out_at += (size_t)n;
	}
	return 0;
}

ssize_t __wrap_kernel_record_send(int fd, uint8_t type, const void *bytes, size_t len, int flags)
{
	ssize_t result;

	if (by_kernel)
		return __real_kernel_record_send(fd, type, bytes, len, flags);
	seal(type, bytes, len);
	result = send_up_to(fd, kernel.out_len);
	return result < 0 ? result : (ssize_t)len;
}

int __wrap_kernel_version(int fd)
{
	return by_kernel ? __real_kernel_version(fd) : kernel.keys.suite->version;
}

bool records_send(int fd, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	if (!rekey_pay())
		return false;
	while (len > 0) {
		size_t want = len < RECORDS_DATA_MAX ? len : RECORDS_DATA_MAX;
		ssize_t n = kernel_record_send(fd, RECORD_APPLICATION_DATA, at, want, 0);

		if (n < 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool records_send_begin(int fd, const void *bytes, size_t len)
{
	/* The kernel cannot be made to stop in the middle. */
	if (by_kernel)
		return records_send(fd, bytes, len);
	seal(RECORD_APPLICATION_DATA, bytes, len);
	return send_up_to(fd, 1) == 0;
}

bool records_send_rest(int fd)
{
	return send_up_to(fd, kernel.out_len) == 0;
}

/* ---- receiving ------------------------------------------------------------------------------- */

static ssize_t recv_all(int fd, uint8_t *at, size_t len)
{
	ssize_t n;

	for (; len > 0; len -= (size_t)n, at += n) {
		n = recv(fd, at, len, 0);
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
	}
	return 0;
}

/* One record as it came, with the errors of kernel_record_recv(). */
static ssize_t read_record(int fd, size_t *len)
{
	const struct schedule *keys = &kernel.keys;
	size_t expansion = protect_prefix(keys, &keys->rx) + protect_suffix(keys, &keys->rx);
	uint8_t *in = kernel.in;
	ssize_t result = recv_all(fd, in, HEADER);

	if (result < 0)
		return result;
	*len = (size_t)in[3] << 8 | in[4];
	if (in[1] != 3 || in[2] != 3)
		return -EINVAL;
	/* Linux, too, grants no more padding than data would have room for. */
	if (*len > RECORDS_DATA_MAX + expansion)
		return -EMSGSIZE;
	return recv_all(fd, in + HEADER, *len);
}

static ssize_t open_record(int fd)
{
	uint8_t *content;
	size_t len;
	ssize_t result = read_record(fd, &len);

	if (result < 0)
		return result;
	kernel.in_type = kernel.in[0];
	if (!protect_open(&kernel.keys, &kernel.keys.rx, kernel.in, len, &content, &len))
		return -EBADMSG;
	kernel.keys.rx.seq++;
	if (is_1_3() && (kernel.in_type != RECORD_APPLICATION_DATA ||
			 protection_strip(content, &len, &kernel.in_type) < 0))
		return -EBADMSG;
	kernel.content = content;
	kernel.content_len = len;
	return 0;
}

static ssize_t recv_opened(int fd, void *buf, size_t len, uint8_t *type, bool *end)
{
	ssize_t result;
	size_t n;

	result = kernel.content_len > 0 ? 0 : open_record(fd);
	if (result < 0)
		return result;
	n = len < kernel.content_len ? len : kernel.content_len;
	memcpy(buf, kernel.content, n);
	kernel.content += n;
	kernel.content_len -= n;
	*type = kernel.in_type;
	*end = kernel.content_len == 0;
	return (ssize_t)n;
}

ssize_t __wrap_kernel_record_recvmsg(int fd, const struct iovec *iov, size_t iov_len, int flags,
				     uint8_t *type, bool *end)
{
	void *buf = iov->iov_base;
	ssize_t n;
	int heard;

	do {
		n = by_kernel ? __real_kernel_record_recvmsg(fd, iov, iov_len, flags, type, end)
			      : recv_opened(fd, buf, iov->iov_len, type, end);
		heard = n > 0 && *type == RECORD_HANDSHAKE ? rekey_hear(buf, (size_t)n) : 0;
	} while (heard > 0);
	if (heard < 0)
		return -ECONNABORTED;
	if (n > 0 && *type == RECORD_HANDSHAKE && listener)
		listener(buf, (size_t)n);
	return n;
}
