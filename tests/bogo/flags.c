/* SPDX-License-Identifier: MIT */
#include "tests/bogo/flags.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	SET,             /* no value: true */
	NUMBER,          /* int */
	ID,              /* uint64_t */
	TEXT,            /* const char * */
	LIST,            /* one item more of a struct list */
	NEW_CREDENTIAL,  /* no value: those of the next three kinds are about the next one */
	CREDENTIAL_TEXT, /* const char * in struct credential_flags */
	CREDENTIAL_LIST, /* struct list in there */
	PASS_OVER,       /* no value, and nothing to be done */
	PASS_OVER_ITS_VALUE,
	MISSING, /* not built yet */
};

struct flag {
	const char *name;
	enum kind kind;
	size_t field;
	const char *missing; /* what is not built yet */
};

#define FIELD(name, kind, field)                                \
	{                                                       \
		name, kind, offsetof(struct flags, field), NULL \
	}
#define CREDENTIAL(name, kind, field)                                      \
	{                                                                  \
		name, kind, offsetof(struct credential_flags, field), NULL \
	}
#define NOTHING(name, kind)         \
	{                           \
		name, kind, 0, NULL \
	}
#define NOT_YET(name, what)            \
	{                              \
		name, MISSING, 0, what \
	}

static const struct flag table[] = {
	FIELD("-port", NUMBER, port),
	FIELD("-ipv6", SET, ipv6),
	FIELD("-shim-id", ID, id),

	FIELD("-server", SET, server),
	FIELD("-async", SET, async),
	FIELD("-min-version", NUMBER, min_version),
	FIELD("-max-version", NUMBER, max_version),
	FIELD("-no-tls12", SET, no_tls12),
	FIELD("-no-tls13", SET, no_tls13),
	FIELD("-curves", LIST, groups),
	FIELD("-key-shares", LIST, key_shares),
	FIELD("-verify-prefs", LIST, verify_schemes),
	FIELD("-host-name", TEXT, host_name),
	FIELD("-enable-grease", SET, grease),
	FIELD("-advertise-alpn", TEXT, alpn),
	FIELD("-select-alpn", TEXT, select_alpn),
	FIELD("-decline-alpn", SET, decline_alpn),
	FIELD("-reject-alpn", SET, reject_alpn),
	FIELD("-trust-cert", TEXT, trust_file),
	FIELD("-verify-fail", SET, verify_fail),
	FIELD("-verify-peer", SET, request_certificate),
	FIELD("-require-any-client-certificate", SET, require_certificate),
	FIELD("-fail-cert-callback", SET, fail_choice),
	NOTHING("-new-x509-credential", NEW_CREDENTIAL),
	CREDENTIAL("-cert-file", CREDENTIAL_TEXT, cert_file),
	CREDENTIAL("-key-file", CREDENTIAL_TEXT, key_file),
	CREDENTIAL("-signing-prefs", CREDENTIAL_LIST, schemes),
	FIELD("-resume-count", NUMBER, resume_count),
	FIELD("-resumption-delay", NUMBER, resumption_delay),
	FIELD("-no-ticket", SET, no_ticket),
	FIELD("-skip-ticket", SET, skip_ticket),
	FIELD("-handshake-never-done", SET, handshake_never_done),
	FIELD("-handshake-twice", SET, handshake_again),
	FIELD("-no-op-extra-handshake", SET, handshake_again),

	FIELD("-shim-writes-first", SET, writes_first),
	FIELD("-read-with-unfinished-write", SET, unfinished_write),
	FIELD("-shim-initial-write", TEXT, initial_write),
	FIELD("-repeat-shim-initial-write", NUMBER, initial_writes),
	FIELD("-write-different-record-sizes", SET, different_sizes),
	FIELD("-shim-shuts-down", SET, shuts_down),
	FIELD("-check-close-notify", SET, check_close_notify),
	FIELD("-send-alert", SET, send_alert),
	FIELD("-read-size", NUMBER, read_size),
	FIELD("-key-update", SET, key_update),
	FIELD("-export-keying-material", NUMBER, export_len),
	FIELD("-export-label", TEXT, export_label),
	FIELD("-export-context", TEXT, export_context),
	FIELD("-use-export-context", SET, use_export_context),
	FIELD("-export-traffic-secrets", SET, export_traffic_secrets),

	FIELD("-expect-version", NUMBER, expect_version),
	FIELD("-expect-cipher", NUMBER, expect_suite),
	FIELD("-expect-cipher-aes", NUMBER, expect_suite_aes),
	FIELD("-expect-cipher-no-aes", NUMBER, expect_suite_no_aes),
	FIELD("-expect-curve-id", NUMBER, expect_group),
	FIELD("-expect-peer-signature-algorithm", NUMBER, expect_scheme),
	FIELD("-expect-selected-credential", NUMBER, expect_credential),
	FIELD("-expect-hrr", SET, expect_retry),
	FIELD("-expect-no-hrr", SET, expect_no_retry),
	FIELD("-expect-server-name", TEXT, expect_server_name),
	FIELD("-expect-alpn", TEXT, expect_alpn),
	FIELD("-expect-peer-cert-file", TEXT, expect_chain_file),
	FIELD("-expect-no-peer-cert", SET, expect_no_chain),
	FIELD("-expect-session-miss", SET, expect_session_miss),
	FIELD("-expect-no-session", SET, expect_no_session),
	FIELD("-expect-ticket-renewal", SET, expect_ticket_renewal),

	/* There are no such versions to be left out. */
	NOTHING("-no-tls1", PASS_OVER),
	NOTHING("-no-tls11", PASS_OVER),
	/* There is one way only to do a handshake, to check a certificate, to choose one. */
	NOTHING("-implicit-handshake", PASS_OVER),
	NOTHING("-use-custom-verify-callback", PASS_OVER),
	NOTHING("-use-old-client-cert-callback", PASS_OVER),
	NOTHING("-expect-verify-result", PASS_OVER),
	/* Our order decides anyway. */
	NOTHING("-server-preference", PASS_OVER),
	/* Always so in TLS 1.3. */
	NOTHING("-expect-extended-master-secret", PASS_OVER),
	NOTHING("-expect-secure-renegotiation", PASS_OVER),
	/* Nobody is asked what a server shall select: its list decides. */
	NOTHING("-expect-advertised-alpn", PASS_OVER_ITS_VALUE),
	/* Refused in every mode. */
	NOTHING("-renegotiate-freely", PASS_OVER),
	NOTHING("-renegotiate-ignore", PASS_OVER),
	/* Early data is always passed over, for one and the same reason. */
	NOTHING("-expect-early-data-reason", PASS_OVER_ITS_VALUE),
	/* The engine calls back where it needs something, and nowhere else. */
	NOTHING("-use-early-callback", PASS_OVER),
	/* There are no sessions but those of tickets, and one way only to make these. */
	NOTHING("-expect-no-session-id", PASS_OVER),
	NOTHING("-use-ticket-callback", PASS_OVER),
	NOTHING("-use-ticket-aead-callback", PASS_OVER),
	/* Always so in TLS 1.3. */
	NOTHING("-renew-ticket", PASS_OVER),
	/* That it is tolerated shows in that the session is resumed. */
	NOTHING("-expect-ticket-age-skew", PASS_OVER_ITS_VALUE),

};

void flags_missing(const char *what)
{
	const char *name = getenv("KTLS_BOGO_MISSING");
	FILE *f = name ? fopen(name, "ae") : NULL;

	fprintf(stderr, "missing: %s\n", what);
	if (f != NULL) {
		fprintf(f, "%s\n", what);
		fclose(f);
	}
	exit(STATUS_UNIMPLEMENTED);
}

bool list_has(const struct list *list, uint16_t item)
{
	for (size_t i = 0; i < list->len; i++)
		if (list->items[i] == item)
			return true;
	return false;
}

static const struct flag *find(const char *name)
{
	char unknown[128];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].name, name) != 0)
			continue;
		if (table[i].kind == MISSING)
			flags_missing(table[i].missing);
		return &table[i];
	}
	snprintf(unknown, sizeof(unknown), "flag %s", name);
	flags_missing(unknown);
}

static int64_t number(const char *value, int64_t min, int64_t max)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || n < min || n > max)
		errx(1, "%s: not a number of those allowed", value);
	return n;
}

static void append(struct list *list, const char *value)
{
	if (list->len == LIST_MAX)
		errx(1, "%s: too many", value);
	list->items[list->len++] = (uint16_t)number(value, 0, UINT16_MAX);
}

static bool has_value(const struct flag *flag)
{
	return flag->kind != SET && flag->kind != NEW_CREDENTIAL && flag->kind != PASS_OVER;
}

static void apply(const struct flag *flag, const char *value, struct flags *flags)
{
	char *field = (char *)flags + flag->field;

	if (flag->kind == CREDENTIAL_TEXT || flag->kind == CREDENTIAL_LIST)
		field = (char *)&flags->credentials[flags->credentials_len] + flag->field;
	switch (flag->kind) {
	case SET:
		*(bool *)(void *)field = true;
		break;
	case NUMBER:
		*(int *)(void *)field = (int)number(value, INT32_MIN, INT32_MAX);
		break;
	case ID:
		*(uint64_t *)(void *)field = (uint64_t)number(value, 0, INT64_MAX);
		break;
	case TEXT:
	case CREDENTIAL_TEXT:
		*(const char **)(void *)field = value;
		break;
	case LIST:
	case CREDENTIAL_LIST:
		append((struct list *)(void *)field, value);
		break;
	case NEW_CREDENTIAL:
		if (flags->credentials_len++ == CREDENTIALS_MAX)
			errx(1, "too many credentials");
		break;
	default:
		break;
	}
}

/* The rest of name behind prefix, the hyphen included; NULL where it begins otherwise. */
static const char *behind(const char *prefix, const char *name)
{
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 && name[len] == '-' ? name + len : NULL;
}

void flags_parse(int argc, char **argv, struct flags out[2])
{
	const struct flags defaults = {
		.initial_write = "hello",
		.initial_writes = 1,
		.read_size = 512,
		.expect_credential = CREDENTIAL_ANY,
	};

	out[FLAGS_INITIAL] = out[FLAGS_RESUME] = defaults;
	out[FLAGS_RESUME].resumes = true;
	for (int i = 1; i < argc; i++) {
		const char *initial = behind("-on-initial", argv[i]);
		const char *resume = behind("-on-resume", argv[i]);
		const struct flag *flag = find(initial ? initial : resume ? resume : argv[i]);
		const char *value = has_value(flag) ? argv[++i] : NULL;

		if (has_value(flag) && value == NULL)
			errx(1, "%s needs a value", flag->name);
		if (!resume)
			apply(flag, value, &out[FLAGS_INITIAL]);
		if (!initial)
			apply(flag, value, &out[FLAGS_RESUME]);
	}
}
