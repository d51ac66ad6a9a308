/* SPDX-License-Identifier: MIT */
/*
 * For tests of kernel TLS: keys typed in by hand, and records made and opened in user space by
 * lib/crypto (RFC 9846, 5; RFC 5246, 6.2.3.3 with RFC 5288 and RFC 7905). A kernel TLS socket whose
 * peer is a plain TCP socket with this codec shows what is really on the wire.
 */
#ifndef KTLS_TESTS_KEYED_H
#define KTLS_TESTS_KEYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ktls-tls.h>

#define KEYED_HEADER     5
#define KEYED_RECORD_MAX (KEYED_HEADER + 8 + 16384 + 1 + 16) /* a full record without padding */

/*
 * Whether sockets can have kernel TLS here. If not, the test is marked as skipped (run-vm looks for
 * these words and does not let that pass) and has to return.
 */
bool keyed_or_skip(void);

/* A key whose bytes all depend on fill; seq is 0. */
struct ktls_traffic_key keyed_key(uint16_t version, uint16_t suite, uint8_t fill);

/* Makes the record of key->seq and steps that. Returns its length. */
size_t keyed_seal(struct ktls_traffic_key *key, uint8_t type, const void *bytes, size_t len,
		  uint8_t record[static KEYED_RECORD_MAX]);

/*
 * Opens the record of key->seq and steps that. Returns the length of the content, or -1 where it is
 * no such record.
 */
ssize_t keyed_open(struct ktls_traffic_key *key, const uint8_t *record, size_t record_len,
		   uint8_t *type, uint8_t content[static KEYED_RECORD_MAX]);

/* A TCP connection whose first end gets the ULP. ASSERTs that. */
void keyed_pair(int fd[static 2]);

/* Installs a key on a socket that has the ULP. ASSERTs that. */
void keyed_install(int fd, bool transmit, const struct ktls_traffic_key *key);

/* Exactly len bytes of a socket, written or read. ASSERTs that. */
void keyed_write(int fd, const void *bytes, size_t len);
void keyed_read(int fd, void *bytes, size_t len);

/* Reads one record off a plain socket, header included. Returns its length. */
size_t keyed_read_record(int fd, uint8_t record[static KEYED_RECORD_MAX]);

#endif
