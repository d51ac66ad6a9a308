/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/control.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/crypto/hash.h"
#include "lib/crypto/util.h"
#include "tests/bench/ktls-bench/clocks.h"
#include "tests/bench/ktls-bench/net.h"

#define BANNER      "ktls-bench 1\n"
#define BANNER_LEN  13
#define NONCE       16
#define HEADER      4
#define PATIENCE_MS 10000
#define LOOK_MS     1000 /* how soon a signal is noticed that another thread got */

__attribute__((format(printf, 2, 3))) static int fail(struct control *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->failed, sizeof(c->failed), format, args);
	va_end(args);
	return -1;
}

/* ---- bytes ------------------------------------------------------------------------------------
 */

static int send_all(struct control *c, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(c, "the other end: %s", strerror(errno));
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int wait_for(struct control *c, uint64_t until)
{
	struct pollfd poller = { .fd = c->fd, .events = POLLIN };
	uint64_t now;

	while ((now = wall_now()) < until) {
		const uint64_t left_ms = (until - now) / 1000000 + 1;
		int n;

		if (c->stop && *c->stop)
			return fail(c, "interrupted");
		n = poll(&poller, 1, left_ms < LOOK_MS ? (int)left_ms : LOOK_MS);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			break;
	}
	return fail(c, "the other end: no answer");
}

/* All of it until a time: who sends a byte now and then does not hold us up. */
static int receive_all(struct control *c, void *bytes, size_t len, uint64_t until)
{
	uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n;

		if (wait_for(c, until) < 0)
			return -1;
		n = recv(c->fd, at, len, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return fail(c, "the other end: %s", strerror(errno));
		if (n == 0)
			return fail(c, "the other end has closed the connection");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static uint64_t in_ms(int ms)
{
	return wall_now() + (uint64_t)ms * 1000000;
}

/* ---- the key ----------------------------------------------------------------------------------
 */

static void prove(const uint8_t *key, const char *who, const uint8_t *nonces,
		  uint8_t out[static CONTROL_MAC])
{
	struct hmac mac;

	hmac_init(&mac, HASH_SHA256, key, CONTROL_KEY);
	hmac_update(&mac, who, strlen(who));
	hmac_update(&mac, nonces, (size_t)2 * NONCE);
	hmac_final(&mac, out);
}

static int check_proof(struct control *c, const uint8_t *key, const char *who,
		       const uint8_t *nonces, const uint8_t *proof)
{
	uint8_t expected[CONTROL_MAC];
	bool good;

	prove(key, who, nonces, expected);
	good = secret_equal(expected, proof, CONTROL_MAC);
	secret_wipe(expected, sizeof(expected));
	return good ? 0 : fail(c, "the other end has another key: --key-file");
}

static int begin_serving(struct control *c, const uint8_t *key, uint8_t *nonces)
{
	uint8_t hello[BANNER_LEN + NONCE], answer[NONCE + CONTROL_MAC], proof[CONTROL_MAC];

	memcpy(hello, BANNER, BANNER_LEN);
	random_bytes(nonces, NONCE);
	memcpy(hello + BANNER_LEN, nonces, NONCE);
	if (send_all(c, hello, sizeof(hello)) < 0 ||
	    receive_all(c, answer, sizeof(answer), in_ms(PATIENCE_MS)) < 0)
		return -1;
	memcpy(nonces + NONCE, answer, NONCE);
	if (check_proof(c, key, "run", nonces, answer + NONCE) < 0)
		return -1;
	prove(key, "serve", nonces, proof);
	return send_all(c, proof, sizeof(proof));
}

static int begin_running(struct control *c, const uint8_t *key, uint8_t *nonces)
{
	uint8_t hello[BANNER_LEN + NONCE], answer[NONCE + CONTROL_MAC], proof[CONTROL_MAC];

	if (receive_all(c, hello, sizeof(hello), in_ms(PATIENCE_MS)) < 0)
		return -1;
	if (memcmp(hello, BANNER, BANNER_LEN) != 0)
		return fail(c, "the other end is no ktls-bench of this version");
	memcpy(nonces, hello + BANNER_LEN, NONCE);
	random_bytes(nonces + NONCE, NONCE);
	memcpy(answer, nonces + NONCE, NONCE);
	prove(key, "run", nonces, answer + NONCE);
	if (send_all(c, answer, sizeof(answer)) < 0 ||
	    receive_all(c, proof, sizeof(proof), in_ms(PATIENCE_MS)) < 0)
		return fail(c, "the other end does not know this key: --key-file");
	return check_proof(c, key, "serve", nonces, proof);
}

int control_begin(struct control *c, int fd, bool serves, const uint8_t key[static CONTROL_KEY])
{
	uint8_t nonces[2 * NONCE];
	int r;

	/* What is said here fits into buffers: an end that takes none of it for so long is gone. */
	net_patience(fd, PATIENCE_MS / 1000);
	net_watch(fd);
	c->fd = fd;
	c->serves = serves;
	c->sent = c->received = 0;
	c->failed[0] = '\0';
	r = serves ? begin_serving(c, key, nonces) : begin_running(c, key, nonces);
	if (r == 0)
		prove(key, "messages", nonces, c->key);
	return r;
}

void control_wipe(struct control *c)
{
	secret_wipe(c->key, sizeof(c->key));
}

/* ---- messages ---------------------------------------------------------------------------------
 */

static void mac_of(const struct control *c, bool from_server, uint64_t number, const void *header,
		   const void *body, size_t len, uint8_t out[static CONTROL_MAC])
{
	const uint8_t direction = from_server;
	const uint64_t wire_number = htobe64(number);
	struct hmac mac;

	hmac_init(&mac, HASH_SHA256, c->key, sizeof(c->key));
	hmac_update(&mac, &direction, 1);
	hmac_update(&mac, &wire_number, sizeof(wire_number));
	hmac_update(&mac, header, HEADER);
	hmac_update(&mac, body, len);
	hmac_final(&mac, out);
}

int control_send(struct control *c, enum message_type type, const struct writer *body)
{
	const size_t len = body ? body->len : 0;
	uint8_t header[HEADER], mac[CONTROL_MAC];
	struct writer w;

	if (body && !writer_ok(body))
		return fail(c, "a message is too long");
	writer_init(&w, header, sizeof(header));
	writer_u8(&w, (uint8_t)type);
	writer_u24(&w, (uint32_t)len);
	mac_of(c, c->serves, c->sent++, header, body ? body->buf : header, len, mac);
	if (send_all(c, header, HEADER) < 0 || (len > 0 && send_all(c, body->buf, len) < 0))
		return -1;
	return send_all(c, mac, sizeof(mac));
}

int control_receive(struct control *c, int patience_ms, enum message_type *type,
		    struct reader *body)
{
	const uint64_t until = in_ms(patience_ms);
	uint8_t header[HEADER], mac[CONTROL_MAC], expected[CONTROL_MAC], kind;
	struct reader r;
	uint32_t len;

	if (receive_all(c, header, HEADER, until) < 0)
		return -1;
	reader_init(&r, header, HEADER);
	if (!reader_u8(&r, &kind) || !reader_u24(&r, &len) || len > MESSAGE_MAX)
		return fail(c, "the other end: a malformed message");
	if (receive_all(c, c->buffer, len, until) < 0 ||
	    receive_all(c, mac, sizeof(mac), until) < 0)
		return -1;
	mac_of(c, !c->serves, c->received++, header, c->buffer, len, expected);
	if (!secret_equal(mac, expected, CONTROL_MAC))
		return fail(c, "the other end: a message that is not its own");
	*type = (enum message_type)kind;
	reader_init(body, c->buffer, len);
	return 0;
}

int control_expect(struct control *c, int patience_ms, enum message_type wanted,
		   struct reader *body)
{
	enum message_type type;

	if (control_receive(c, patience_ms, &type, body) < 0)
		return -1;
	if (type == wanted)
		return 0;
	if (type != MESSAGE_FAILED || !failed_read(body, c->failed))
		return fail(c, "the other end: an unexpected message");
	return -1;
}

/* ---- files of keys ----------------------------------------------------------------------------
 */

static int make_key(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	uint8_t key[CONTROL_KEY];

	if (fd < 0)
		return -errno;
	random_bytes(key, sizeof(key));
	for (size_t i = 0; i < sizeof(key); i++)
		dprintf(fd, "%02x", key[i]);
	dprintf(fd, "\n");
	secret_wipe(key, sizeof(key));
	return close(fd) < 0 ? -errno : 0;
}

static bool hex_digit(int c, unsigned int *out)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c > 0 ? strchr(digits, c) : NULL;

	if (!at)
		return false;
	*out = (unsigned int)(at - digits);
	return true;
}

int control_key_load(const char *path, bool make, uint8_t key[static CONTROL_KEY])
{
	FILE *file = fopen(path, "re");
	unsigned int high, low;
	int r = 0;

	if (!file && errno == ENOENT && make) {
		r = make_key(path);
		file = r == 0 ? fopen(path, "re") : NULL;
	}
	if (!file)
		return r < 0 ? r : -errno;
	for (size_t i = 0; i < CONTROL_KEY && r == 0; i++) {
		if (hex_digit(fgetc(file), &high) && hex_digit(fgetc(file), &low))
			key[i] = (uint8_t)(high << 4 | low);
		else
			r = -EINVAL;
	}
	fclose(file);
	return r;
}
