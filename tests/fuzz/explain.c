/* SPDX-License-Identifier: MIT */
/*
 * What "ktlsctl explain" makes of a peer's messages: each begins with its content type and a length
 * of two bytes. All that comes out must be printable.
 */
#include <string.h>

#include "daemon/explain.h"
#include "tests/fuzz/fuzz.h"

static void check_printable(const struct field *fields)
{
	for (const struct field *f = fields->first; f; f = f->next) {
		for (const char *c = f->text ? f->text : ""; *c; c++)
			FUZZ_CHECK(*c >= 0x20 && *c < 0x7f);
		check_printable(f);
	}
}

static void render(const struct trace *trace)
{
	const struct explain_options plain = { .color = false };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	FUZZ_CHECK(out != NULL);
	explain_text(trace, &plain, out);
	explain_json(trace, out);
	FUZZ_CHECK(fclose(out) == 0);
	for (size_t i = 0; i < len; i++)
		FUZZ_CHECK(text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f));
	free(text);
	out = open_memstream(&text, &len);
	FUZZ_CHECK(out != NULL);
	explain_svg(trace, out);
	FUZZ_CHECK(fclose(out) == 0);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace trace;
	struct decoder decoder = { .trace = &trace, .now = 1700000000 };
	struct reader input, message;
	struct step *step;
	uint8_t type;

	trace_init(&trace, KTLS_SERVER);
	trace.target = trace.date = trace.verdict.headline = "";
	reader_init(&input, data, size);
	while (reader_u8(&input, &type) && reader_vec16(&input, &message)) {
		step = trace_step(&trace,
				  type == 21   ? STEP_ALERT
				  : type == 20 ? STEP_CCS
					       : STEP_MESSAGE,
				  0);
		step->bytes = message.at;
		step->len = message.left;
		decode_step(&decoder, step);
		check_printable(&step->fields);
	}
	render(&trace);
	trace_free(&trace);
	return 0;
}
