/* SPDX-License-Identifier: MIT */
/*
 * What the roles need of the configuration, in two sealed memory files (memfd_create(2)): one for
 * workers, with certificates and trust, and one for signers, with the private keys. They are
 * written once, before anybody connects, and read by every worker and signer that is ever started:
 * keys and the certificates that they fit stay together whatever becomes of the files.
 *
 * Numbers are big endian, vectors have a length in front (lib/wire).
 *	settings  u32 user, u32 group, u8 journal, u16 workers, u32 handshakes, u32 deadline,
 *	          u32 session age, u32 connections of a relay
 *	workers   settings, u16 n, n trusts of { u8 anchors?, vec24 PEM, u8 crl-check, u8 n, n lists
 *	          of vec24 PEM or DER, vec16 pins of 32 bytes }, u16 n, n profiles of
 *	          { vec8 name, u8 roles, u16 tls-min, u16 tls-max, u8 strict, u8 tickets, u8 psk-ke,
 *	            u8 static-rsa, u8 plain master secret, u32 records a key, u8 who carries,
 *	            u8 hardware, u8 zerocopy, u8 TLS 1.2 for devices, u8 client-auth,
 *	            u16 trust as server, u16 trust as client, vec16 ALPN, u8 n,
 *	            n identities of { u16 key, vec24 PEM } }
 *	signers   settings, u16 n, n profiles of { vec8 name, u8 roles, u16 tls-min, u16 tls-max,
 *	          u8 static-rsa, u32 signatures a second }, u16 n, n keys of { u16 profile,
 *	          vec24 PEM }
 */
#ifndef KTLSD_BUNDLE_H
#define KTLSD_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

#define BUNDLE_PROFILES_MAX 256
#define BUNDLE_TRUST_NONE   0xffff

#define BUNDLE_ROLE(role)   (1u << (role)) /* of enum ktls_role, in a profile's roles */

struct bundle_settings {
	uid_t user;
	gid_t group;
	bool journal;
	uint16_t workers;
	uint32_t handshakes_max; /* per worker */
	uint32_t deadline_max;   /* milliseconds */
	uint32_t session_age;    /* seconds that a sealed session is good for */
	uint32_t relays_max;     /* connections per relay */
};

void bundle_settings_write(struct writer *w, const struct bundle_settings *settings);
WIRE_MUST_CHECK bool bundle_settings_read(struct reader *r, struct bundle_settings *settings);

/* An empty memory file, close-on-exec: a descriptor or a negative errno. */
int bundle_create(const char *name) __attribute__((warn_unused_result));

/* Fills it with len bytes that nobody can change any more. 0 or a negative errno. */
int bundle_seal(int fd, const void *bytes, size_t len) __attribute__((warn_unused_result));

/*
 * A sealed memory file, mapped to be read. 0 and *out (to be unmapped by bundle_unmap()), or a
 * negative errno; -EPERM where it is not sealed.
 */
struct bundle {
	void *bytes;
	size_t len;
};

int bundle_map(int fd, struct bundle *out) __attribute__((warn_unused_result));
void bundle_unmap(struct bundle *bundle);

#endif
