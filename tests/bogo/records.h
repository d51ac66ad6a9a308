/* SPDX-License-Identifier: MIT */
/*
 * Who carries the records behind the handshake (RFC 9846, 5): the kernel, or this shim, which plays
 * the kernel where there is no kernel TLS. The shim is linked so that kernel_record_send() and
 * kernel_record_recv() of lib/ktls/kernel.h come here first; all that stands on them, ktls_recv()
 * above all, is libktls as it is.
 */
#ifndef KTLS_TESTS_BOGO_RECORDS_H
#define KTLS_TESTS_BOGO_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

#include <ktls-tls.h>

#define RECORDS_DATA_MAX 16384 /* bytes of data in a record */

/*
 * From now on this process carries the records of its socket, which is blocking and the only one.
 * The caller wipes the keys.
 */
void records_carry(const struct ktls_traffic_key *tx, const struct ktls_traffic_key *rx);
void records_wipe(void);

/* Data of any length, in full records. False where the connection is gone, here and below. */
bool records_send(int fd, const void *bytes, size_t len);

/* One record of data, of which only the first byte goes out before records_send_rest(). */
bool records_send_begin(int fd, const void *bytes, size_t len);
bool records_send_rest(int fd);

#endif
