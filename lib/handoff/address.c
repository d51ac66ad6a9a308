/* SPDX-License-Identifier: MIT */
/* Addresses in a reply: a port, then 4 or 16 bytes, in network order as in struct sockaddr. */
#include <string.h>

#include "lib/handoff/protocol.h"

#define PORT_LEN 2

size_t handoff_address_build(const struct sockaddr *address,
			     uint8_t out[static HANDOFF_ADDRESS_MAX])
{
	const struct sockaddr_in6 *in6 = (const void *)address;
	const struct sockaddr_in *in = (const void *)address;

	switch (address->sa_family) {
	case AF_INET:
		memcpy(out, &in->sin_port, PORT_LEN);
		memcpy(out + PORT_LEN, &in->sin_addr, sizeof(in->sin_addr));
		return PORT_LEN + sizeof(in->sin_addr);
	case AF_INET6:
		memcpy(out, &in6->sin6_port, PORT_LEN);
		memcpy(out + PORT_LEN, &in6->sin6_addr, sizeof(in6->sin6_addr));
		return PORT_LEN + sizeof(in6->sin6_addr);
	default:
		return 0;
	}
}

bool handoff_address_parse(const struct ktls_span *value, struct sockaddr_in6 *out)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct reader r;

	reader_init(&r, value->bytes, value->len);
	if (value->len == PORT_LEN + sizeof(in.sin_addr)) {
		if (!reader_copy(&r, &in.sin_port, PORT_LEN) ||
		    !reader_copy(&r, &in.sin_addr, sizeof(in.sin_addr)))
			return false;
		memset(out, 0, sizeof(*out));
		memcpy(out, &in, sizeof(in));
		return true;
	}
	if (value->len != HANDOFF_ADDRESS_MAX || !reader_copy(&r, &in6.sin6_port, PORT_LEN) ||
	    !reader_copy(&r, &in6.sin6_addr, sizeof(in6.sin6_addr)))
		return false;
	*out = in6;
	return true;
}
