/* SPDX-License-Identifier: MIT */
/* Extensions that carry names: server_name (RFC 6066, 3) and ALPN (RFC 7301). */
#include <string.h>

#include "lib/handshake/extensions.h"

#define HOST_NAME 0 /* NameType */

static char to_lower(uint8_t c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* A host name: printable ASCII without what no host name has. */
static int take_host_name(struct engine *e, const struct reader *name)
{
	struct reader r = *name;
	char text[sizeof(e->facts.server_name)];
	size_t n = 0;
	uint8_t c;

	if (reader_empty(&r) || r.left >= sizeof(text))
		return -KTLS_R_MESSAGE_MALFORMED;
	while (reader_u8(&r, &c)) {
		if (c <= ' ' || c >= 0x7f)
			return -KTLS_R_EXTENSION_INVALID;
		text[n++] = to_lower(c);
	}
	text[n] = '\0';
	memcpy(e->facts.server_name, text, n + 1);
	return 0;
}

int server_name_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	struct reader list, name;
	uint8_t type;

	/* The server acknowledges with an empty extension. */
	if (values->message != MESSAGE_CLIENT_HELLO)
		return 0;
	if (!reader_vec16(body, &list) || !reader_u8(&list, &type) || !reader_vec16(&list, &name))
		return -KTLS_R_MESSAGE_MALFORMED;
	/* One type is defined, and of each type there may be one name. */
	if (type != HOST_NAME)
		return -KTLS_R_EXTENSION_INVALID;
	if (!reader_empty(&list))
		return -KTLS_R_MESSAGE_MALFORMED;
	return take_host_name(e, &name);
}

bool server_name_wanted(const struct engine *e, enum message message)
{
	if (message == MESSAGE_CLIENT_HELLO)
		return e->config.server_name != NULL;
	/* "When resuming a session, the server MUST NOT include a server_name extension", 3. */
	return !e->facts.resumed && e->facts.server_name[0] != '\0';
}

void server_name_build(struct engine *e, enum message message, struct writer *w)
{
	struct writer_vec list;

	if (message != MESSAGE_CLIENT_HELLO)
		return;
	list = writer_open(w, 2);
	writer_u8(w, HOST_NAME);
	writer_vec(w, 2, e->config.server_name, strlen(e->config.server_name));
	writer_close(w, list);
}

static bool list_has(struct reader list, const struct reader *protocol)
{
	struct reader item;

	while (reader_vec8(&list, &item))
		if (reader_equal(&item, protocol->at, protocol->left))
			return true;
	return false;
}

static bool list_is_valid(struct reader list)
{
	struct reader item;

	if (reader_empty(&list))
		return false;
	while (!reader_empty(&list))
		if (!reader_vec8(&list, &item) || reader_empty(&item))
			return false;
	return true;
}

static void take_protocol(struct engine *e, struct reader protocol)
{
	size_t len = protocol.left;

	if (len <= sizeof(e->facts.alpn) && reader_copy(&protocol, e->facts.alpn, len))
		e->facts.alpn_len = (uint8_t)len;
}

/* The first protocol of ours that the client has too. */
static int choose_protocol(struct engine *e, struct reader theirs)
{
	struct reader ours, item;

	reader_init(&ours, e->config.alpn, e->config.alpn_len);
	while (reader_vec8(&ours, &item)) {
		if (list_has(theirs, &item)) {
			take_protocol(e, item);
			return 0;
		}
	}
	/* Without any protocol of our own, the extension is ignored. */
	return e->config.alpn_len == 0 ? 0 : -KTLS_R_ALPN_NONE_SHARED;
}

int alpn_parse(struct engine *e, struct extension_values *values, struct reader *body)
{
	struct reader list, ours, item;

	if (!reader_vec16(body, &list) || !list_is_valid(list))
		return -KTLS_R_MESSAGE_MALFORMED;
	if (values->message == MESSAGE_CLIENT_HELLO)
		return choose_protocol(e, list);
	/* The server's answer holds exactly one name, one of ours. */
	if (!reader_vec8(&list, &item) || !reader_empty(&list))
		return -KTLS_R_MESSAGE_MALFORMED;
	reader_init(&ours, e->config.alpn, e->config.alpn_len);
	if (!list_has(ours, &item))
		return -KTLS_R_ALPN_INVALID;
	take_protocol(e, item);
	return 0;
}

bool alpn_wanted(const struct engine *e, enum message message)
{
	return message == MESSAGE_CLIENT_HELLO ? e->config.alpn_len > 0 : e->facts.alpn_len > 0;
}

void alpn_build(struct engine *e, enum message message, struct writer *w)
{
	struct writer_vec list;

	if (message == MESSAGE_CLIENT_HELLO) {
		writer_vec(w, 2, e->config.alpn, e->config.alpn_len);
		return;
	}
	list = writer_open(w, 2);
	writer_vec(w, 1, e->facts.alpn, e->facts.alpn_len);
	writer_close(w, list);
}
