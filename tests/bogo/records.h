/* SPDX-License-Identifier: MIT */
/*
 * Who carries the records behind the handshake (RFC 9846, 5): the kernel, where KTLS_BOGO_KERNEL is
 * in the environment, or this shim, which plays the kernel. The shim is linked so that
 * kernel_record_send() and kernel_record_recvmsg() of lib/ktls/kernel.h come here first; all that
 * stands on them, ktls_recv() above all, is libktls as it is.
 */
#ifndef KTLS_TESTS_BOGO_RECORDS_H
#define KTLS_TESTS_BOGO_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls-tls.h>

#define RECORDS_DATA_MAX 16384 /* bytes of data in a record */

/* For a socket that was connected just now. Ends the process where the kernel has no TLS. */
void records_attach(int fd);

/*
 * From now on the records of the socket, which is blocking and the only one, are carried. Ends the
 * process where the kernel refuses the keys. The caller wipes them.
 */
void records_carry(int fd, const struct ktls_traffic_key *tx, const struct ktls_traffic_key *rx);
void records_wipe(void);

/* Tells of handshake bytes that are received, as far as a read has them. */
void records_listen(void (*hear)(const uint8_t *bytes, size_t len));

/* A new key for one direction, from the next record on. The caller wipes it. */
void records_rekey(int fd, bool transmit, const struct ktls_traffic_key *key);

/* Data of any length, in full records. False where the connection is gone, here and below. */
bool records_send(int fd, const void *bytes, size_t len);

/* One record of data, of which only the first byte goes out before records_send_rest(). */
bool records_send_begin(int fd, const void *bytes, size_t len);
bool records_send_rest(int fd);

#endif
