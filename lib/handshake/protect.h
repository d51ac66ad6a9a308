/* SPDX-License-Identifier: MIT */
/*
 * Protection of single records: TLS 1.3 (RFC 9846, 5.2 and 5.3) and the AEAD suites of TLS 1.2
 * (RFC 5246, 6.2.3.3; RFC 5288; RFC 7905). The suite of the schedule tells which.
 */
#ifndef KTLS_HANDSHAKE_PROTECT_H
#define KTLS_HANDSHAKE_PROTECT_H

#include "lib/handshake/schedule.h"

#define PROTECT_HEADER 5

/* What records of one direction and key are protected by; pointers are the caller's. */
struct protection {
	const struct suite *suite;
	const struct aead *aead;
	const uint8_t *iv; /* AEAD_NONCE bytes, or the salt of TLS 1.2's AES-GCM */
};

/* Bytes of a protected record's body before and behind the content. */
size_t protection_prefix(const struct suite *suite);
size_t protection_suffix(const struct suite *suite);

/* protect_seal() and protect_open() below for a key that is kept expanded. */
size_t protection_seal(const struct protection *p, uint8_t type, uint16_t version, uint8_t *at,
		       size_t len, uint64_t seq);
bool protection_open(const struct protection *p, uint8_t *at, size_t len, uint64_t seq,
		     uint8_t **content, size_t *content_len) __attribute__((warn_unused_result));

/*
 * The opened content of TLS 1.3 ends with its type and zeros (5.4): takes them off. 0, or with
 * nothing written -KTLS_R_RECORD_NO_TYPE for zeros only.
 */
int protection_strip(const uint8_t *content, size_t *len, uint8_t *type)
	__attribute__((warn_unused_result));

/* Bytes of a record's body before and behind the content; 0 where records are not protected. */
size_t protect_prefix(const struct schedule *s, const struct traffic *t);
size_t protect_suffix(const struct schedule *s, const struct traffic *t);

/*
 * Makes a record at the address at, around the len bytes of content that stand PROTECT_HEADER and
 * the prefix behind it; behind them there is room for the suffix. seq is the record's number.
 * Returns the length of the record. Without protection only the header is written.
 */
size_t protect_seal(const struct schedule *s, const struct traffic *t, uint8_t type,
		    uint16_t version, uint8_t *at, size_t len, uint64_t seq);

/*
 * Opens in place the record number t->seq, whose header and body of len bytes stand at the address
 * at. True with the content's place; in TLS 1.3 its type is the last byte of it that is not 0.
 */
bool protect_open(const struct schedule *s, const struct traffic *t, uint8_t *at, size_t len,
		  uint8_t **content, size_t *content_len) __attribute__((warn_unused_result));

#endif
