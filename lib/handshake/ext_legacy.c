/* SPDX-License-Identifier: MIT */
/*
 * Extensions that only TLS 1.2 knows: extended_master_secret (RFC 7627), renegotiation_info
 * (RFC 5746), ec_point_formats (RFC 8422, 5.1.2). A client sends them where it may come to TLS 1.2.
 */
#include "lib/handshake/extensions.h"

#define UNCOMPRESSED 0 /* ECPointFormat */

bool extended_master_secret_wanted(const struct engine *e, enum message message)
{
	return message == MESSAGE_CLIENT_HELLO ? engine_may_use(e, KTLS_TLS_1_2)
					       : e->extended_master;
}

/* Its presence is all that it says. */
int extended_master_secret_parse(struct engine *e, struct extension_values *values,
				 struct reader *body)
{
	(void)e;
	(void)values;
	(void)body;
	return 0;
}

void extended_master_secret_build(struct engine *e, enum message message, struct writer *w)
{
	(void)e;
	(void)message;
	(void)w;
}

/* In a first handshake it is empty: anything else belongs to a renegotiation, which is not ours. */
int renegotiation_info_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	struct reader verify_data;

	(void)values;
	if (!reader_vec8(body, &verify_data))
		return -KTLS_R_MESSAGE_MALFORMED;
	e->signals_renegotiation = true;
	return reader_empty(&verify_data) ? 0 : -KTLS_R_RENEGOTIATION;
}

bool renegotiation_info_wanted(const struct engine *e, enum message message)
{
	if (message == MESSAGE_CLIENT_HELLO)
		return engine_may_use(e, KTLS_TLS_1_2);
	return e->signals_renegotiation;
}

void renegotiation_info_build(struct engine *e, enum message message, struct writer *w)
{
	(void)e;
	(void)message;
	writer_vec(w, 1, NULL, 0);
}

int point_formats_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	struct reader list;
	uint8_t format;

	(void)e;
	(void)values;
	if (!reader_vec8(body, &list) || reader_empty(&list))
		return -KTLS_R_MESSAGE_MALFORMED;
	while (reader_u8(&list, &format))
		if (format == UNCOMPRESSED)
			return 0;
	return -KTLS_R_EXTENSION_INVALID;
}

bool point_formats_wanted(const struct engine *e, enum message message)
{
	if (message == MESSAGE_CLIENT_HELLO)
		return engine_may_use(e, KTLS_TLS_1_2);
	return extension_received(e, EXTENSION_POINT_FORMATS) && !engine_is_static_rsa(e);
}

void point_formats_build(struct engine *e, enum message message, struct writer *w)
{
	static const uint8_t formats[] = { UNCOMPRESSED };

	(void)e;
	(void)message;
	writer_vec(w, 1, formats, sizeof(formats));
}
