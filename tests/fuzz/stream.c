/* SPDX-License-Identifier: MIT */
/*
 * Records after the handshake, in libktls: type, a byte for whether the part reaches to the end of
 * its record, length, content. Tickets come out whole, and no longer than they may be; whatever the
 * pieces, the same is said of them as of whole records.
 */
#include "lib/handoff/stream.h"

#include <string.h>

#include "lib/handoff/protocol.h"
#include "lib/ktls/kernel.h"
#include "tests/fuzz/fuzz.h"

static size_t tickets;

static void ticket(void *arg, const uint8_t *message, size_t len)
{
	FUZZ_CHECK(arg == &tickets);
	FUZZ_CHECK(len >= 4 && len <= HANDOFF_TICKET_MAX && message[0] == 4);
	FUZZ_CHECK(len == 4 + ((size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3]));
	tickets++;
}

/* In two pieces what is said is said once. */
static int in_pieces(struct stream *stream, uint8_t type, const uint8_t *bytes, size_t len)
{
	int first = stream_record(stream, type, bytes, len / 2, false);
	int second =
		first < 0 ? 0 : stream_record(stream, type, bytes + len / 2, len - len / 2, true);

	if (first < 0)
		return first;
	return second < 0 ? second : first | second;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream whole = { .ticket = ticket, .arg = &tickets }, cut = { 0 };
	uint8_t type, flags;
	struct reader r, content;
	int said = 0, in_two;

	reader_init(&r, data, size);
	while (said >= 0 && reader_u8(&r, &type) && reader_u8(&r, &flags) &&
	       reader_vec16(&r, &content)) {
		whole.server = cut.server = flags & 2;
		said = stream_record(&whole, type, content.at, content.left, true);
		FUZZ_CHECK(said < 32);
		if (content.left < 2 || type == RECORD_APPLICATION_DATA) {
			in_two = stream_record(&cut, type, content.at, content.left, true);
			FUZZ_CHECK(in_two == said);
			continue;
		}
		in_two = in_pieces(&cut, type, content.at, content.left);
		FUZZ_CHECK(in_two == said || said < 0);
		FUZZ_CHECK((in_two < 0) == (said < 0));
	}
	stream_wipe(&whole);
	stream_wipe(&cut);
	return 0;
}
