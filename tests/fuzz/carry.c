/* SPDX-License-Identifier: MIT */
/* A connection that a worker hands to a relay. What can be read is the same after it was written.
 */
#include <string.h>

#include "daemon/carry.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t built[CARRY_LEN];
	struct carry carry;
	struct reader r;
	struct writer w;

	reader_init(&r, data, size);
	if (!carry_read(&r, &carry))
		return 0;
	FUZZ_CHECK(size >= CARRY_LEN && r.left == size - CARRY_LEN);
	FUZZ_CHECK(carry.tx.suite == carry.secrets.suite);
	FUZZ_CHECK(carry.rx.version == carry.secrets.version);
	writer_init(&w, built, sizeof(built));
	carry_write(&w, &carry);
	FUZZ_CHECK(writer_ok(&w) && w.len == CARRY_LEN && memcmp(built, data, CARRY_LEN) == 0);
	return 0;
}
