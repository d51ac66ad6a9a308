/* SPDX-License-Identifier: MIT */
#include "lib/handoff/sealed.h"

#include <ktls.h>

#include "lib/wire/writer.h"

#define FORMAT 1

void sealed_header_build(const struct sealed_header *header, uint8_t out[static SEALED_HEADER_LEN])
{
	struct writer w;

	writer_init(&w, out, SEALED_HEADER_LEN);
	writer_u8(&w, FORMAT);
	writer_u8(&w, header->role);
	writer_u16(&w, header->version);
	writer_u16(&w, header->suite);
	writer_u16(&w, 0);
	writer_u64(&w, header->records_max);
	writer_u32(&w, header->session_age);
	writer_u32(&w, 0);
}

bool sealed_header_parse(const void *sealed, size_t len, struct sealed_header *out)
{
	struct sealed_header h;
	uint8_t format;
	uint16_t pad;
	struct reader r;

	reader_init(&r, sealed, len);
	if (!reader_u8(&r, &format) || !reader_u8(&r, &h.role) || !reader_u16(&r, &h.version) ||
	    !reader_u16(&r, &h.suite) || !reader_u16(&r, &pad) || !reader_u64(&r, &h.records_max) ||
	    !reader_u32(&r, &h.session_age) || !reader_skip(&r, 4))
		return false;
	if (format != FORMAT || pad != 0 || h.role > KTLS_CLIENT)
		return false;
	*out = h;
	return true;
}
