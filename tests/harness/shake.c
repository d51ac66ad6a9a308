/* SPDX-License-Identifier: MIT */
#include "tests/harness/shake.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/x509/x509.h"
#include "tests/harness/peer.h"

/* ---- credentials ------------------------------------------------------------------------------
 */

void shake_load(struct auth *auth, const char *base)
{
	char cert_path[4096], key_path[4096], *cert, *key;
	struct x509_error error = { .text = "" };
	size_t cert_len, key_len;

	snprintf(cert_path, sizeof(cert_path), "%s.pem", base);
	snprintf(key_path, sizeof(key_path), "%s.key", base);
	cert = peer_read_file(cert_path, &cert_len);
	key = peer_read_file(key_path, &key_len);
	if (auth->n == AUTH_IDENTITIES)
		errx(2, "too many certificates");
	auth->identities[auth->n] = x509_identity_new(cert, cert_len, &error);
	if (auth->identities[auth->n] == NULL)
		errx(1, "%s: %s", cert_path, error.text);
	auth->keys[auth->n] = x509_key_new(key, key_len, &error);
	if (auth->keys[auth->n] == NULL)
		errx(1, "%s: %s", key_path, error.text);
	if (!x509_key_fits(auth->keys[auth->n], auth->identities[auth->n]))
		errx(1, "%s is not the key of %s", key_path, cert_path);
	auth->n++;
	free(cert);
	free(key);
}

void shake_trust(struct auth *auth, const char *path)
{
	struct x509_error error = { .text = "" };
	size_t len;
	char *pem = peer_read_file(path, &len);

	auth->trust = x509_trust_new(pem, len, &error);
	if (auth->trust == NULL)
		errx(1, "%s: %s", path, error.text);
	free(pem);
}

bool shake_is_host_name(const char *name)
{
	return strchr(name, ':') == NULL && strspn(name, "0123456789.") != strlen(name);
}

/* ---- the handshake ----------------------------------------------------------------------------
 */

bool shake_send(int fd, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* KTLS_OK, or why there is no more. */
static enum ktls_reason recv_exactly(int fd, uint8_t *bytes, size_t len)
{
	ssize_t n;

	for (; len > 0; bytes += n, len -= (size_t)n) {
		n = recv(fd, bytes, len, 0);
		if (n == 0)
			return KTLS_R_PEER_EOF;
		if (n < 0)
			return errno == EAGAIN       ? KTLS_R_DEADLINE
			       : errno == ECONNRESET ? KTLS_R_PEER_RESET
						     : KTLS_R_SOCKET_ERROR;
	}
	return KTLS_OK;
}

enum ktls_reason shake_hands(int fd, struct engine_end *end)
{
	static uint8_t in[KTLS_ENGINE_RECORD_MAX], out[KTLS_ENGINE_OUT_MIN];
	enum ktls_reason reason;
	size_t in_len = 0;

	for (;;) {
		struct ktls_engine_io io = {
			.in = in, .in_len = in_len, .out = out, .out_cap = sizeof(out)
		};

		end->state = ktls_engine_run(&end->engine, &io);
		if (!shake_send(fd, out, io.out_len) && end->state == KTLS_ENGINE_READ)
			return errno == EPIPE || errno == ECONNRESET ? KTLS_R_PEER_RESET
								     : KTLS_R_SOCKET_ERROR;
		if (end->state != KTLS_ENGINE_READ)
			return KTLS_OK;
		in_len -= io.consumed;
		memmove(in, in + io.consumed, in_len);
		reason = recv_exactly(fd, in + in_len, io.need - in_len);
		if (reason != KTLS_OK)
			return reason;
		in_len = io.need;
	}
}
