/* SPDX-License-Identifier: MIT */
/* From struct ktls_params to the protocol's words. */
#include <errno.h>
#include <string.h>

#include "lib/handoff/exports.h"
#include "lib/handoff/ops.h"
#include "lib/wire/writer.h"

/* As the protocol has it: 1 to max bytes of printable ASCII without blanks. */
static bool name_copy(char *out, const char *name, size_t max)
{
	size_t len = strnlen(name, max + 1);

	if (len == 0 || len > max)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	memcpy(out, name, len + 1);
	return true;
}

/* RFC 7301, 3.1. */
static bool alpn_copy(uint8_t *out, const char *const *names, struct ktls_span *span)
{
	struct writer w;

	writer_init(&w, out, KTLS_ALPN_MAX);
	for (; *names; names++) {
		if (!**names)
			return false;
		writer_vec(&w, 1, *names, strnlen(*names, 256));
	}
	*span = (struct ktls_span){ .bytes = out, .len = w.len };
	return writer_ok(&w);
}

static bool numbers_valid(const struct ktls_params *params)
{
	for (size_t i = 0; i < sizeof(params->reserved) / sizeof(params->reserved[0]); i++)
		if (params->reserved[i])
			return false;
	return (params->role == KTLS_SERVER || params->role == KTLS_CLIENT) &&
	       (unsigned int)params->records <= KTLS_RECORDS_PREFER_KERNEL &&
	       (unsigned int)params->hardware <= KTLS_HARDWARE_AVOID &&
	       params->deadline_ms <= KTLS_DEADLINE_MAX &&
	       params->bindings <= (KTLS_BINDING_EXPORTER | KTLS_BINDING_SERVER_END_POINT) &&
	       params->flags <= KTLS_TX_ZEROCOPY && params->received_len <= KTLS_RECEIVED_MAX &&
	       (params->received || params->received_len == 0);
}

static bool exports_copy(const struct ktls_params *params, struct handoff_request *out)
{
	if (params->exports_len > KTLS_EXPORTS_MAX || (params->exports_len > 0 && !params->exports))
		return false;
	for (size_t i = 0; i < params->exports_len; i++) {
		const struct ktls_export *e = &params->exports[i];

		if (!e->label || e->len > KTLS_EXPORTED_MAX || (!e->context && e->context_len > 0))
			return false;
		out->exports[i] = (struct handoff_export){
			.len = (uint16_t)e->len,
			.has_context = e->context != NULL,
			.label = { (const uint8_t *)e->label,
				   strnlen(e->label, KTLS_EXPORT_LABEL_MAX + 1) },
			.context = { e->context, e->context_len },
		};
		if (!export_valid(&out->exports[i]))
			return false;
	}
	out->exports_len = params->exports_len;
	return true;
}

int ktls_params_to_request(const struct ktls_params *params, uint8_t alpn[static KTLS_ALPN_MAX],
			   struct handoff_request *out)
{
	struct handoff_request r = { 0 };
	const char *profile;

	if (!params || !numbers_valid(params))
		return -EINVAL;
	profile = params->profile ? params->profile : "default";
	if (!name_copy(r.profile, profile, KTLS_PROFILE_MAX))
		return -EINVAL;
	if (params->server_name &&
	    (params->role != KTLS_CLIENT ||
	     !name_copy(r.server_name, params->server_name, KTLS_SERVER_NAME_MAX)))
		return -EINVAL;
	if (params->alpn && !alpn_copy(alpn, params->alpn, &r.alpn))
		return -EINVAL;
	if (!exports_copy(params, &r))
		return -EINVAL;
	r.bindings = (uint8_t)params->bindings;
	r.flags = (uint8_t)params->flags;
	r.role = (uint8_t)params->role;
	r.records = (uint8_t)params->records;
	r.hardware = (uint8_t)params->hardware;
	r.deadline_ms = params->deadline_ms ? params->deadline_ms : KTLS_DEADLINE_DEFAULT;
	r.received = (struct ktls_span){ params->received, params->received_len };
	*out = r;
	return 0;
}
