/* SPDX-License-Identifier: MIT */
/* Certificate and CertificateRequest in words: RFC 9846, 4.4.2, 4.5.1; RFC 5246, 7.4.2, 7.4.4. */
#include <time.h>

#include "daemon/explain_decode.h"

#include "lib/x509/describe.h"

#define DAY 86400

const char *decode_time(struct trace *trace, int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return "some time";
	return trace_text(trace, "%04d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year + 1900,
			  tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static const char *days(const struct decoder *d, int64_t n)
{
	return trace_text(d->trace, "%lld day%s", (long long)n, n == 1 ? "" : "s");
}

static const char *validity(const struct decoder *d, const struct x509_description *x)
{
	int64_t left = x->not_after - d->now;

	if (d->now < x->not_before)
		return trace_text(d->trace, "not valid yet: in %s",
				  days(d, (x->not_before - d->now + DAY - 1) / DAY));
	if (left < 0)
		return trace_text(d->trace, "EXPIRED %s ago", days(d, -left / DAY));
	return trace_text(d->trace, "%s left", days(d, left / DAY));
}

static void certificate_fields(struct decoder *d, struct field *out,
			       const struct x509_description *x)
{
	struct reader sha256;

	field_add(d->trace, out, "subject", "%s", x->subject[0] ? x->subject : "empty");
	field_add(d->trace, out, "issuer", "%s%s", x->issuer, x->self_issued ? " (itself)" : "");
	if (x->names_len > 0)
		field_add(d->trace, out, "names", "%s", x->names);
	else if (!x->ca)
		field_add(d->trace, out, "names", "none (no subjectAltName)");
	field_add(d->trace, out, "valid", "%s to %s, %s", decode_time(d->trace, x->not_before),
		  decode_time(d->trace, x->not_after), validity(d, x));
	field_add(d->trace, out, "key", "%s", x->key);
	field_add(d->trace, out, "signed with", "%s", x->signature);
	if (x->usage[0])
		field_add(d->trace, out, "usage", "%s%s", x->usage, x->ca ? ", is a CA" : "");
	field_add(d->trace, out, "serial", "%s", x->serial);
	reader_init(&sha256, x->sha256, sizeof(x->sha256));
	field_add(d->trace, out, "SHA-256", "%s", trace_hex(d->trace, sha256, HEX_WHOLE));
}

/* Whether the certificate stands in the list before. Servers are often told to send one twice. */
static bool sent_before(struct reader list, struct reader der, size_t i, bool new)
{
	struct reader other, extensions;

	for (size_t n = 0; n < i && reader_vec24(&list, &other); n++) {
		if (reader_equal(&other, der.at, der.left))
			return true;
		if (new && !reader_vec16(&list, &extensions))
			return false;
	}
	return false;
}

static void one_certificate(struct decoder *d, struct step *step, size_t i, struct reader der)
{
	struct x509_description x;
	struct field *out = field_add(d->trace, &step->fields, NULL, NULL);

	out->name = trace_text(d->trace, "certificate %zu%s", i, i == 0 ? " (leaf)" : "");
	if (!x509_describe(der.at, der.left, &x)) {
		decode_bytes(d, out, "not a certificate", der);
		return;
	}
	certificate_fields(d, out, &x);
	if (i > 0)
		return;
	step->brief[0] = trace_text(d->trace, "%s", x.subject);
	step->brief[1] = trace_text(d->trace, "issued by %s", x.issuer);
	step->brief[2] =
		trace_text(d->trace, "%s; until %.10s", x.key, decode_time(d->trace, x.not_after));
}

bool decode_certificate(struct decoder *d, struct step *step, struct reader *body)
{
	struct reader context, list, all, der;
	bool new = d->version == KTLS_TLS_1_3;
	size_t n = 0;

	step->meaning = "who the sender is, and who vouches for it";
	if (new && !reader_vec8(body, &context))
		return false;
	if (!reader_vec24(body, &list))
		return false;
	all = list;
	for (; !reader_empty(&list); n++) {
		if (!reader_vec24(&list, &der))
			return false;
		if (sent_before(all, der, n, new))
			field_add(d->trace, &step->fields,
				  trace_text(d->trace, "certificate %zu", n),
				  "one of those before once more, for nothing");
		else
			one_certificate(d, step, n, der);
		if (new && !decode_extensions(d, step->fields.last, IN_CERTIFICATE, &list))
			return false;
	}
	if (n == 0) {
		field_add(d->trace, &step->fields, "certificates", "none");
		step->brief[0] = "none";
	}
	return reader_empty(body);
}

/* ---- the request ----------------------------------------------------------------------------- */

static bool authorities(struct decoder *d, struct field *out, struct reader list)
{
	struct field *names = field_list(d->trace, out, "issuers");
	char text[X509_TEXT_MAX];
	struct reader name;

	while (reader_vec16(&list, &name))
		field_item(d->trace, names, "%s",
			   x509_describe_name(name.at, name.left, text) ? text : "malformed");
	if (!names->first)
		field_item(d->trace, names, "any");
	return reader_empty(&list);
}

static bool request_1_2(struct decoder *d, struct step *step, struct reader *body)
{
	struct field *types = field_list(d->trace, &step->fields, "certificate types");
	struct reader list, schemes, issuers;
	uint8_t type;

	if (!reader_vec8(body, &list) || !reader_vec16(body, &schemes) ||
	    !reader_vec16(body, &issuers))
		return false;
	while (reader_u8(&list, &type))
		field_item(d->trace, types, "%s", name_text(d->trace, NAMES_CERTIFICATE, type));
	decode_numbers(d, &step->fields, "signature schemes", NAMES_SCHEME, schemes);
	step->brief[0] = trace_text(d->trace, "%zu signature schemes", schemes.left / 2);
	return authorities(d, &step->fields, issuers) && reader_empty(body);
}

bool decode_certificate_request(struct decoder *d, struct step *step, struct reader *body)
{
	struct reader context, block, schemes, list, whole;

	step->meaning = "the server wants to know who the client is";
	if (d->version != KTLS_TLS_1_3)
		return request_1_2(d, step, body);
	if (!reader_vec8(body, &context))
		return false;
	whole = *body;
	if (!decode_extensions(d, &step->fields, IN_REQUEST, body))
		return false;
	if (reader_vec16(&whole, &block) && extension_find(block, 13, &schemes) &&
	    reader_vec16(&schemes, &list))
		step->brief[0] = trace_text(d->trace, "%zu signature schemes", list.left / 2);
	if (extension_find(block, 47, &list) && reader_vec16(&list, &schemes))
		return authorities(d, &step->fields, schemes) && reader_empty(body);
	return reader_empty(body);
}
