/* SPDX-License-Identifier: MIT */
/*
 * Each extension of each message that has some, received where it belongs and under the right keys:
 * u16 its type, then its body, the input's rest (handshake.h). It takes the place of the one that
 * is there, or comes last; a binder behind it can be made anew.
 */
#include "tests/fuzz/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_course course;
	struct edits edits = { .n = 1 };
	struct edit *edit = &edits.list[0];
	struct reader r;

	reader_init(&r, data, size);
	if (!fuzz_read_course(&r, &course, edit) || !reader_u16(&r, &edit->where))
		return 0;
	edit->kind = EDIT_EXTENSION;
	edit->what = r.at;
	edit->len = r.left;
	fuzz_edited(&course, &edits);
	return 0;
}
