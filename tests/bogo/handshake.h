/* SPDX-License-Identifier: MIT */
/* One handshake of the engine over a blocking socket, configured and judged by the flags. */
#ifndef KTLS_TESTS_BOGO_HANDSHAKE_H
#define KTLS_TESTS_BOGO_HANDSHAKE_H

#include <ktls-handshake.h>

#include "tests/bogo/credentials.h"
#include "tests/bogo/flags.h"

struct handshake {
	const struct flags *flags;
	struct credentials *credentials;
	int fd;
	struct ktls_engine engine;
	struct ktls_engine_ops ops;
	struct ktls_engine_config config;
	uint8_t alpn[256]; /* server: its list */
	int later;         /* the result of the operation that is pending */
	uint8_t in[KTLS_ENGINE_RECORD_MAX];
	uint8_t out[KTLS_ENGINE_OUT_MIN];
};

/* Ends the process where the flags want something that the engine has not. */
void handshake_init(struct handshake *h, const struct flags *flags, struct credentials *credentials,
		    int fd);
void handshake_wipe(struct handshake *h);

/*
 * Performs it; not one byte behind the peer's Finished is taken from the socket. What went wrong,
 * or is not as the flags expect it, is told on stderr.
 */
bool handshake_run(struct handshake *h);
bool handshake_is_as_expected(const struct handshake *h);

#endif
