/* SPDX-License-Identifier: MIT */
#include "lib/conn/exports.h"

#include <stdlib.h>
#include <string.h>

#include "lib/crypto/util.h"

/* Labels need an end. */
static size_t bytes_of(const struct handoff_export *wanted)
{
	return wanted->label.len + 1 + wanted->context.len + wanted->len;
}

static struct ktls_span copy(uint8_t **at, const struct ktls_span *from)
{
	struct ktls_span to = { .bytes = *at, .len = from->len };

	if (from->len > 0)
		memcpy(*at, from->bytes, from->len);
	*at += from->len;
	return to;
}

bool conn_exports_new(const struct conn_request *request, struct conn_exports **out)
{
	struct conn_exports *e;
	size_t size = sizeof(*e);
	uint8_t *at;

	*out = NULL;
	if (request->exports_len == 0 && request->bindings == 0)
		return true;
	for (size_t i = 0; i < request->exports_len; i++)
		size += bytes_of(&request->exports[i]);
	e = calloc(1, size);
	if (!e)
		return false;
	e->size = size;
	e->bindings = request->bindings;
	e->len = request->exports_len;
	at = e->bytes;
	for (size_t i = 0; i < e->len; i++) {
		e->wanted[i] = request->exports[i];
		e->wanted[i].label = copy(&at, &request->exports[i].label);
		at++;
		e->wanted[i].context = copy(&at, &request->exports[i].context);
		e->exported[i].bytes = at;
		at += e->wanted[i].len;
	}
	*out = e;
	return true;
}

static void export_one(struct conn_exports *e, size_t i, const struct ktls_secrets *secrets)
{
	const struct handoff_export *wanted = &e->wanted[i];
	uint8_t *out = e->bytes + (e->exported[i].bytes - e->bytes);
	int r = ktls_secrets_export(secrets, (const char *)wanted->label.bytes,
				    wanted->has_context ? wanted->context.bytes : NULL,
				    wanted->context.len, out, wanted->len);

	e->exported[i].len = r == 0 ? wanted->len : 0;
}

void conn_exports_make(struct conn_exports *e, const struct ktls_secrets *secrets,
		       const struct ktls_span *leaf)
{
	for (size_t i = 0; i < e->len; i++)
		export_one(e, i, secrets);
	e->exported_len = e->len;
	if ((e->bindings & KTLS_BINDING_EXPORTER) &&
	    ktls_secrets_channel_binding(secrets, e->exporter) == 0)
		e->exporter_len = sizeof(e->exporter);
	if ((e->bindings & KTLS_BINDING_SERVER_END_POINT) && leaf)
		e->end_point_len = x509_end_point(leaf->bytes, leaf->len, e->end_point);
}

void conn_exports_free(struct conn_exports *e)
{
	if (!e)
		return;
	secret_wipe(e, e->size);
	free(e);
}
