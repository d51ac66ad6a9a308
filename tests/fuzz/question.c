/* SPDX-License-Identifier: MIT */
/*
 * A worker's question to the signer. What can be read is the same after it was written and
 * read again; what is signed lies within it, or is built of its fields.
 */
#include <string.h>

#include "daemon/bundle.h"
#include "daemon/question.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct question_limits limits = {
		.roles = BUNDLE_ROLE(KTLS_CLIENT) | BUNDLE_ROLE(KTLS_SERVER),
		.version_min = KTLS_TLS_1_2,
		.version_max = KTLS_TLS_1_3,
	};
	static uint8_t built[QUESTION_MAX];
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_engine_sign what;
	struct ktls_span content;
	struct reader r;
	struct writer w;

	reader_init(&r, data, size);
	if (!question_read(&r, &what))
		return 0;
	FUZZ_CHECK(reader_empty(&r));
	writer_init(&w, built, sizeof(built));
	question_write(&w, &what);
	FUZZ_CHECK(writer_ok(&w) && w.len == size && memcmp(built, data, size) == 0);
	content = ktls_engine_sign_content(&what, scratch);
	if (content.len == 0 || !question_allowed(&what, &limits))
		return 0;
	FUZZ_CHECK(size <= question_size(&what));
	if (content.bytes == scratch)
		FUZZ_CHECK(content.len <= sizeof(scratch));
	else
		FUZZ_CHECK(content.bytes >= data && content.bytes + content.len <= data + size);
	return 0;
}
