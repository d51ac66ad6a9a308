/* SPDX-License-Identifier: MIT */
/*
 * Each message of a handshake, received where it belongs and under the right keys: its body is the
 * input's rest, however long (handshake.h).
 */
#include "tests/fuzz/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_course course;
	struct edits edits = { .n = 1 };
	struct reader r;

	reader_init(&r, data, size);
	if (!fuzz_read_course(&r, &course, &edits.list[0]))
		return 0;
	edits.list[0].what = r.at;
	edits.list[0].len = r.left;
	fuzz_edited(&course, &edits);
	return 0;
}
