/* SPDX-License-Identifier: MIT */
/* What workers and the netlink role tell each other. The first byte says which of the four it is.
 */
#include <string.h>

#include "daemon/netlink_role.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct route_question question;
	struct conn_route answer;
	struct look_question asked;
	struct conn_verdict verdict;
	uint8_t bytes[128];
	struct reader r;
	struct writer w;

	if (size == 0)
		return 0;
	reader_init(&r, data + 1, size - 1);
	writer_init(&w, bytes, sizeof(bytes));
	if (data[0] == 0 && route_question_read(&r, &question))
		route_question_write(&w, &question);
	else if (data[0] == 1 && route_answer_read(&r, &answer))
		route_answer_write(&w, &answer);
	else if (data[0] == 2 && look_question_read(&r, &asked))
		look_question_write(&w, &asked);
	else if (data[0] == 3 && look_answer_read(&r, &verdict))
		look_answer_write(&w, &verdict);
	/* What was read is what is written. */
	FUZZ_CHECK(writer_ok(&w) && w.len <= size - 1 && memcmp(data + 1, bytes, w.len) == 0);
	return 0;
}
