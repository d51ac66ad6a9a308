/* SPDX-License-Identifier: MIT */
#include "lib/wire/reason.h"

static const struct reason reasons[] = {
#define ROW(name, number, alert, section, text) \
	{ #name, KTLS_R_##name, KTLS_ALERT_##alert, section, text },
	KTLS_REASONS(ROW)
#undef ROW
};

static const struct {
	enum ktls_alert alert;
	const char *name;
} alerts[] = {
	{ KTLS_ALERT_CLOSE_NOTIFY, "close_notify" },
	{ KTLS_ALERT_UNEXPECTED_MESSAGE, "unexpected_message" },
	{ KTLS_ALERT_BAD_RECORD_MAC, "bad_record_mac" },
	{ KTLS_ALERT_RECORD_OVERFLOW, "record_overflow" },
	{ KTLS_ALERT_HANDSHAKE_FAILURE, "handshake_failure" },
	{ KTLS_ALERT_BAD_CERTIFICATE, "bad_certificate" },
	{ KTLS_ALERT_UNSUPPORTED_CERTIFICATE, "unsupported_certificate" },
	{ KTLS_ALERT_CERTIFICATE_REVOKED, "certificate_revoked" },
	{ KTLS_ALERT_CERTIFICATE_EXPIRED, "certificate_expired" },
	{ KTLS_ALERT_CERTIFICATE_UNKNOWN, "certificate_unknown" },
	{ KTLS_ALERT_ILLEGAL_PARAMETER, "illegal_parameter" },
	{ KTLS_ALERT_UNKNOWN_CA, "unknown_ca" },
	{ KTLS_ALERT_ACCESS_DENIED, "access_denied" },
	{ KTLS_ALERT_DECODE_ERROR, "decode_error" },
	{ KTLS_ALERT_DECRYPT_ERROR, "decrypt_error" },
	{ KTLS_ALERT_PROTOCOL_VERSION, "protocol_version" },
	{ KTLS_ALERT_INSUFFICIENT_SECURITY, "insufficient_security" },
	{ KTLS_ALERT_INTERNAL_ERROR, "internal_error" },
	{ KTLS_ALERT_INAPPROPRIATE_FALLBACK, "inappropriate_fallback" },
	{ KTLS_ALERT_USER_CANCELED, "user_canceled" },
	{ KTLS_ALERT_NO_RENEGOTIATION, "no_renegotiation" },
	{ KTLS_ALERT_MISSING_EXTENSION, "missing_extension" },
	{ KTLS_ALERT_UNSUPPORTED_EXTENSION, "unsupported_extension" },
	{ KTLS_ALERT_UNRECOGNIZED_NAME, "unrecognized_name" },
	{ KTLS_ALERT_CERTIFICATE_REQUIRED, "certificate_required" },
	{ KTLS_ALERT_GENERAL_ERROR, "general_error" },
	{ KTLS_ALERT_NO_APPLICATION_PROTOCOL, "no_application_protocol" },
	{ KTLS_ALERT_NONE, "none" },
};

const struct reason *reason_row(size_t i)
{
	return i < sizeof(reasons) / sizeof(reasons[0]) ? &reasons[i] : NULL;
}

const struct reason *reason_find(int number)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if ((int)reasons[i].number == number)
			return &reasons[i];
	return reason_find(KTLS_R_INTERNAL);
}

const char *alert_name(unsigned int alert)
{
	for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
		if (alerts[i].alert == alert)
			return alerts[i].name;
	return "unknown alert";
}
