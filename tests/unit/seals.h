/* SPDX-License-Identifier: MIT */
/* Seals that a test makes with the keys of a ktlsd, which it reads from the signers' file. */
#ifndef KTLS_TESTS_SEALS_H
#define KTLS_TESTS_SEALS_H

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon/sealing_file.h"
#include "lib/conn/internal.h"
#include "lib/conn/sealed_state.h"
#include "tests/harness/daemon.h"
#include "tests/harness/harness.h"

struct sealed {
	uint8_t bytes[HANDOFF_SESSION_MAX];
	size_t len;
};

static inline void load_keys(const struct daemon *d, struct sealing_keys *keys)
{
	int fd = open(daemon_path(d, "socket.keys"), O_RDONLY | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, sealing_boot_read(keys->boot));
	ASSERT_EQ(0, sealing_file_load(fd, keys));
	for (int i = 0; i < 1000 && keys->len == 0; i++) { /* ktlsd was ready before its signer */
		usleep(1000);
		ASSERT_EQ(0, sealing_file_load(fd, keys));
	}
	ASSERT_GE(keys->len, 1);
	close(fd);
}

/* Of a connection that is this socket's, and has secrets of zeros. */
static inline struct sealed seal_for(const struct daemon *d, int fd, const char *profile,
				     enum ktls_role role)
{
	struct sealed_state state = { .secrets = { .role = role,
						   .version = KTLS_TLS_1_3,
						   .suite = KTLS_AES_128_GCM_SHA256 } };
	const struct sealed_header header = { .role = (uint8_t)role,
					      .version = KTLS_TLS_1_3,
					      .suite = KTLS_AES_128_GCM_SHA256 };
	uint8_t content[SEALING_CONTENT_MAX], head[SEALED_HEADER_LEN];
	struct sealing_keys keys;
	struct sealed s;
	uint64_t cookie;
	size_t len;

	load_keys(d, &keys);
	strcpy(state.profile, profile);
	ASSERT_TRUE(conn_cookie(fd, &cookie));
	sealed_header_build(&header, head);
	len = sealed_state_build(&state, content, sizeof(content));
	s.len = sealing_seal(&keys, sealing_time(), cookie, head, content, len, s.bytes);
	ASSERT_GT(s.len, 0);
	return s;
}

#endif
