/* SPDX-License-Identifier: MIT */
/* Keying material and channel bindings that a request asks for (RFC 9846, 7.5; RFC 9266; 5929). */
#ifndef KTLS_CONN_EXPORTS_H
#define KTLS_CONN_EXPORTS_H

#include "lib/conn/conn.h"
#include "lib/x509/end_point.h"

struct conn_exports {
	unsigned int bindings; /* KTLS_BINDING_... */
	struct handoff_export wanted[KTLS_EXPORTS_MAX];
	size_t len;
	struct ktls_span exported[KTLS_EXPORTS_MAX]; /* empty where there is none */
	size_t exported_len;                         /* 0 until they are made */
	uint8_t exporter[KTLS_CHANNEL_BINDING_LEN];
	size_t exporter_len; /* 0: none */
	uint8_t end_point[X509_END_POINT_MAX];
	size_t end_point_len; /* 0: none */
	size_t size;          /* bytes of all this */
	uint8_t bytes[];      /* labels and contexts, then the material */
};

/* What a request asks for, copied; *out is NULL where that is nothing. False without memory. */
bool conn_exports_new(const struct conn_request *request, struct conn_exports **out)
	__attribute__((warn_unused_result));

/* Makes it, when a handshake is complete; leaf is the server's certificate in DER, or nothing. */
void conn_exports_make(struct conn_exports *exports, const struct ktls_secrets *secrets,
		       const struct ktls_span *leaf);

/* NULL is a no-op. */
void conn_exports_free(struct conn_exports *exports);

#endif
