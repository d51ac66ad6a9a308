/* SPDX-License-Identifier: MIT */
#include "lib/ktls/probe.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <ktls.h>

#include "lib/ktls/cipher.h"
#include "lib/ktls/kernel.h"
#include "lib/ktls/loopback.h"
#include "lib/ktls/probe_faults.h"
#include "lib/ktls/uapi.h"

#define WAIT_MS    1000
#define HEADER_LEN 5
#define TAG_LEN    16
#define NONCE_LEN  8
#define SHORT_LEN  64 /* the least that TLS_TX_MAX_PAYLOAD_LEN takes for both versions */

static const uint16_t versions[KTLS_PROBE_VERSIONS] = { KTLS_TLS_1_2, KTLS_TLS_1_3 };

/* Longer than SHORT_LEN, and nothing that ciphertext would be by chance. */
static const char payload[] = "What goes in as plaintext comes out as plaintext at the other end, "
			      "and nobody in between can read it.";

struct record {
	uint8_t bytes[HEADER_LEN + NONCE_LEN + sizeof(payload) + 1 + TAG_LEN];
	size_t len;
};

/* A sender and a receiver with the probe between them: it has the other end of both. */
struct wire {
	int sender, from_sender;
	int receiver, to_receiver;
};

static void wire_close(struct wire *w)
{
	close(w->sender);
	close(w->from_sender);
	close(w->receiver);
	close(w->to_receiver);
}

/* Returns 0, or a negative reason with *error. */
static int wire_open(struct wire *w, int *error)
{
	int a[2], b[2], reason;

	*error = -loopback_pair(a);
	if (*error != 0)
		return -KTLS_R_SOCKET_ERROR;
	*error = -loopback_pair(b);
	if (*error != 0) {
		close(a[0]);
		close(a[1]);
		return -KTLS_R_SOCKET_ERROR;
	}
	*w = (struct wire){
		.sender = a[0], .from_sender = a[1], .receiver = b[0], .to_receiver = b[1]
	};
	reason = kernel_ulp_attach(w->sender, error);
	if (reason == 0)
		reason = kernel_ulp_attach(w->receiver, error);
	if (reason != 0)
		wire_close(w);
	return reason;
}

/* ---- one step each: 0, or the errno it ended with
 * ------------------------------------------------ */

static int install(int fd, bool transmit, const struct cipher *cipher, uint16_t version,
		   uint8_t fill)
{
	struct ktls_traffic_key key = { .version = version };
	struct crypto_info info;

	memset(key.key, fill, sizeof(key.key));
	memset(key.iv, fill + 1, sizeof(key.iv));
	crypto_info_build(cipher, &key, &info);
	if (setsockopt(fd, SOL_TLS, transmit ? TLS_TX : TLS_RX, info.bytes, (socklen_t)info.len) <
	    0)
		return errno;
	return 0;
}

static int wait_readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	return n == 0 ? ETIMEDOUT : 0;
}

static int read_exactly(int fd, uint8_t *buf, size_t len)
{
	while (len > 0) {
		int err = wait_readable(fd, WAIT_MS);
		ssize_t n = err == 0 ? recv(fd, buf, len, MSG_DONTWAIT) : -1;

		if (err != 0)
			return err;
		if (n == 0)
			return EPIPE;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return errno;
		if (n > 0) {
			buf += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Takes the next record off the wire. */
static int capture(const struct wire *w, struct record *r)
{
	size_t len;
	int err = read_exactly(w->from_sender, r->bytes, HEADER_LEN);

	if (err != 0)
		return err;
	len = (size_t)r->bytes[3] << 8 | r->bytes[4];
	if (r->bytes[0] != RECORD_APPLICATION_DATA || r->bytes[1] != 3 || r->bytes[2] != 3 ||
	    len > sizeof(r->bytes) - HEADER_LEN)
		return EPROTO;
	r->len = HEADER_LEN + len;
	return read_exactly(w->from_sender, r->bytes + HEADER_LEN, len);
}

static int send_all(int fd, const void *bytes, size_t len)
{
	ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return errno;
	return (size_t)n == len ? 0 : EMSGSIZE;
}

/* The payload as one record, sealed by the sender. */
static int seal(const struct wire *w, struct record *r)
{
	int err = send_all(w->sender, payload, sizeof(payload));

	if (err == 0)
		err = capture(w, r);
	if (err != 0)
		return err;
	if (r->len < HEADER_LEN + sizeof(payload) + TAG_LEN ||
	    memmem(r->bytes, r->len, payload, SHORT_LEN) != NULL)
		return EPROTO;
	return 0;
}

/* The receiver opens a record, of which it has got all. */
static int take(const struct wire *w)
{
	uint8_t buf[sizeof(payload) + 1], type;
	ssize_t n;

	do {
		int err = wait_readable(w->receiver, WAIT_MS);

		if (err != 0)
			return err;
		n = kernel_record_recv(w->receiver, buf, sizeof(buf), MSG_DONTWAIT, &type);
	} while (n == -EAGAIN || n == -EINTR);
	if (n < 0)
		return (int)-n;
	if (n != sizeof(payload) || type != RECORD_APPLICATION_DATA ||
	    memcmp(buf, payload, sizeof(payload)) != 0)
		return EPROTO;
	return 0;
}

/* ---- the questions ------------------------------------------------------------------------------
 */

static void probe_cipher(const struct cipher *cipher, uint16_t version, int *tx, int *rx)
{
	struct record r;
	struct wire w;
	int error;

	if (wire_open(&w, &error) != 0) {
		*tx = *rx = error;
		return;
	}
	*tx = install(w.sender, true, cipher, version, 1);
	*rx = *tx == ENOENT ? ENOENT : install(w.receiver, false, cipher, version, 1);
	if (*tx == 0)
		*tx = seal(&w, &r);
	if (*rx == 0)
		*rx = *tx != 0 ? *tx : send_all(w.to_receiver, r.bytes, r.len);
	if (*rx == 0)
		*rx = take(&w);
	wire_close(&w);
}

/*
 * A kernel without the AEAD has it for neither version: where that was the answer once, it is not
 * asked again, as each time costs it a search through the modules.
 */
static void probe_versions(const struct cipher *cipher, struct ktls_probe_cipher *out)
{
	bool missing = false;

	for (size_t v = 0; v < KTLS_PROBE_VERSIONS; v++) {
		out->tx[v] = out->rx[v] = ENOENT;
		if (!missing)
			probe_cipher(cipher, versions[v], &out->tx[v], &out->rx[v]);
		missing = out->tx[v] == ENOENT;
	}
}

static void probe_ciphers(enum ktls_probe_extent extent, struct ktls_probe *out)
{
	for (size_t i = 0; i < KTLS_PROBE_CIPHERS; i++) {
		const struct cipher *cipher = cipher_row(i);
		struct ktls_probe_cipher *c = &out->ciphers[i];

		c->name = cipher->name;
		if (extent == KTLS_PROBE_ALL || cipher_suite(KTLS_TLS_1_3, cipher) != 0)
			probe_versions(cipher, c);
		else
			c->tx[0] = c->tx[1] = c->rx[0] = c->rx[1] = KTLS_PROBE_NOT_ASKED;
	}
}

/* Everything below is asked of TLS 1.3 and a cipher that every kernel with TLS has. */
static int both_install(const struct wire *w, uint8_t fill)
{
	const struct cipher *cipher = cipher_of_suite(KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256);
	int err = install(w->sender, true, cipher, KTLS_TLS_1_3, fill);

	return err != 0 ? err : install(w->receiver, false, cipher, KTLS_TLS_1_3, fill);
}

static int both_carry(const struct wire *w)
{
	struct record r;
	int err = seal(w, &r);

	if (err == 0)
		err = send_all(w->to_receiver, r.bytes, r.len);
	return err != 0 ? err : take(w);
}

static int probe_rekey(const struct wire *w)
{
	int err = both_carry(w);

	if (err == 0)
		err = both_install(w, 7);
	return err != 0 ? err : both_carry(w);
}

static int probe_zerocopy(const struct wire *w)
{
	return -kernel_zerocopy(w->sender);
}

/* Moves a record that is no data, which the option does not expect, to the receiver. */
static int carry_control(const struct wire *w)
{
	struct record r;
	ssize_t n = kernel_record_send(w->sender, RECORD_HANDSHAKE, payload, sizeof(payload),
				       MSG_DONTWAIT);
	int err = n < 0 ? (int)-n : capture(w, &r);

	if (err == 0)
		err = send_all(w->to_receiver, r.bytes, r.len);
	return err != 0 ? err : wait_readable(w->receiver, WAIT_MS);
}

/*
 * What was not expected is decrypted twice, and some kernels copy it twice: the second time behind
 * what they return.
 */
static int probe_no_pad(const struct wire *w)
{
	uint8_t buf[4 * sizeof(payload)], type = 0;
	int err = -kernel_expect_no_pad(w->receiver);
	ssize_t n;

	if (err == 0)
		err = carry_control(w);
	if (err != 0)
		return err;
	memset(buf, 0, sizeof(buf));
	n = kernel_record_recv(w->receiver, buf, sizeof(buf), 0, &type);
	if (n < 0)
		return (int)-n;
	if (n != sizeof(payload) || type != RECORD_HANDSHAKE ||
	    memcmp(buf, payload, sizeof(payload)) != 0)
		return EPROTO;
	/* The one byte that the record has more is its type's. */
	for (size_t i = sizeof(payload) + 1 + TAG_LEN; i < sizeof(buf); i++)
		if (buf[i] != 0)
			return EOVERFLOW;
	return 0;
}

static int probe_max_payload(const struct wire *w)
{
	uint16_t len = SHORT_LEN;
	struct record r;
	int err;

	if (setsockopt(w->sender, SOL_TLS, TLS_TX_MAX_PAYLOAD_LEN, &len, sizeof(len)) < 0)
		return errno;
	err = send_all(w->sender, payload, sizeof(payload));
	if (err == 0)
		err = capture(w, &r);
	if (err != 0)
		return err;
	return r.len <= HEADER_LEN + SHORT_LEN + 1 + TAG_LEN ? 0 : EPROTO;
}

/* Waits until the receiver's TCP has got as many bytes in all. */
static int wait_arrived(const struct wire *w, uint64_t bytes)
{
	for (int ms = 0; ms < WAIT_MS; ms++) {
		struct tcp_info info = { 0 };
		socklen_t len = sizeof(info);

		if (getsockopt(w->receiver, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
			return errno;
		if (info.tcpi_bytes_received >= bytes)
			return 0;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return ETIMEDOUT;
}

static int probe_poll(const struct wire *w)
{
	const size_t part = HEADER_LEN + 10;
	struct record r;
	int err = seal(w, &r);

	if (err == 0)
		err = send_all(w->to_receiver, r.bytes, part);
	if (err == 0)
		err = wait_arrived(w, part);
	if (err != 0)
		return err;
	err = wait_readable(w->receiver, 0);
	if (err != ETIMEDOUT)
		return err != 0 ? err : EBUSY;
	err = send_all(w->to_receiver, r.bytes + part, r.len - part);
	return err != 0 ? err : take(w);
}

/* Asks one question of a wire of its own that has keys. */
static int ask(int (*question)(const struct wire *w))
{
	struct wire w;
	int err;

	if (wire_open(&w, &err) != 0)
		return err;
	err = both_install(&w, 1);
	if (err == 0)
		err = question(&w);
	wire_close(&w);
	return err;
}

static uint64_t capabilities(const struct ktls_probe *p)
{
	static const struct {
		uint16_t version, suite;
		uint64_t bit;
	} suites[] = {
		{ 0, KTLS_AES_128_GCM_SHA256, KTLS_CAN_TLS_1_2_AES_128_GCM },
		{ 0, KTLS_AES_256_GCM_SHA384, KTLS_CAN_TLS_1_2_AES_256_GCM },
		{ 0, KTLS_CHACHA20_POLY1305_SHA256, KTLS_CAN_TLS_1_2_CHACHA20_POLY1305 },
		{ 1, KTLS_AES_128_GCM_SHA256, KTLS_CAN_TLS_1_3_AES_128_GCM },
		{ 1, KTLS_AES_256_GCM_SHA384, KTLS_CAN_TLS_1_3_AES_256_GCM },
		{ 1, KTLS_CHACHA20_POLY1305_SHA256, KTLS_CAN_TLS_1_3_CHACHA20_POLY1305 },
	};
	uint64_t bits = 0;

	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		const struct cipher *cipher = cipher_of_suite(KTLS_TLS_1_3, suites[i].suite);
		const struct ktls_probe_cipher *c = &p->ciphers[cipher - cipher_row(0)];

		if (c->tx[suites[i].version] == 0 && c->rx[suites[i].version] == 0)
			bits |= suites[i].bit;
	}
	if (p->rekey == 0)
		bits |= KTLS_CAN_REKEY;
	if (p->zerocopy == 0)
		bits |= KTLS_CAN_ZEROCOPY;
	if (p->no_pad == 0)
		bits |= KTLS_CAN_EXPECT_NO_PAD;
	if (p->max_payload == 0)
		bits |= KTLS_CAN_RECORD_SIZE_LIMIT;
	if (p->splice == 0)
		bits |= KTLS_CAN_SPLICE;
	if (p->interrupt == 0)
		bits |= KTLS_CAN_INTERRUPT;
	return bits;
}

void ktls_probe(enum ktls_probe_extent extent, struct ktls_probe *out)
{
	struct wire w;

	*out = (struct ktls_probe){ 0 };
	out->reason = (enum ktls_reason) - wire_open(&w, &out->error);
	if (out->reason == KTLS_OK)
		wire_close(&w);
	probe_ciphers(extent, out);
	out->rekey = ask(probe_rekey);
	out->zerocopy = ask(probe_zerocopy);
	out->no_pad = ask(probe_no_pad);
	out->max_payload = ask(probe_max_payload);
	out->poll = ask(probe_poll);
	out->splice = out->reason == KTLS_OK ? probe_splice() : out->error;
	out->interrupt = out->reason == KTLS_OK ? probe_interrupt() : out->error;
	out->capabilities = capabilities(out);
}
