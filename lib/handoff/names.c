/* SPDX-License-Identifier: MIT */
/* IANA's names of IANA's numbers, and our own. */
#include <ktls.h>

#include "lib/wire/reason.h"

struct name {
	unsigned int number;
	const char *name;
};

#define LOOK_UP(table, number, otherwise) \
	look_up(table, sizeof(table) / sizeof((table)[0]), number, otherwise)

static const char *look_up(const struct name *table, size_t len, unsigned int number,
			   const char *otherwise)
{
	for (size_t i = 0; i < len; i++)
		if (table[i].number == number)
			return table[i].name;
	return otherwise;
}

static const struct name versions[] = {
	{ KTLS_TLS_1_2, "TLS 1.2" },
	{ KTLS_TLS_1_3, "TLS 1.3" },
};

static const struct name suites[] = {
	{ KTLS_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256" },
	{ KTLS_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384" },
	{ KTLS_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256" },
	{ KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" },
	{ KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" },
	{ KTLS_ECDHE_ECDSA_CHACHA20_POLY1305, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" },
	{ KTLS_ECDHE_RSA_AES_128_GCM_SHA256, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
	{ KTLS_ECDHE_RSA_AES_256_GCM_SHA384, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" },
	{ KTLS_ECDHE_RSA_CHACHA20_POLY1305, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
	{ KTLS_RSA_AES_128_GCM_SHA256, "TLS_RSA_WITH_AES_128_GCM_SHA256" },
	{ KTLS_RSA_AES_256_GCM_SHA384, "TLS_RSA_WITH_AES_256_GCM_SHA384" },
};

static const struct name groups[] = {
	{ KTLS_GROUP_SECP256R1, "secp256r1" },
	{ KTLS_GROUP_SECP384R1, "secp384r1" },
	{ KTLS_GROUP_X25519, "x25519" },
};

static const struct name schemes[] = {
	{ KTLS_SCHEME_RSA_PKCS1_SHA256, "rsa_pkcs1_sha256" },
	{ KTLS_SCHEME_RSA_PKCS1_SHA384, "rsa_pkcs1_sha384" },
	{ KTLS_SCHEME_RSA_PKCS1_SHA512, "rsa_pkcs1_sha512" },
	{ KTLS_SCHEME_ECDSA_SECP256R1_SHA256, "ecdsa_secp256r1_sha256" },
	{ KTLS_SCHEME_ECDSA_SECP384R1_SHA384, "ecdsa_secp384r1_sha384" },
	{ KTLS_SCHEME_RSA_PSS_RSAE_SHA256, "rsa_pss_rsae_sha256" },
	{ KTLS_SCHEME_RSA_PSS_RSAE_SHA384, "rsa_pss_rsae_sha384" },
	{ KTLS_SCHEME_RSA_PSS_RSAE_SHA512, "rsa_pss_rsae_sha512" },
	{ KTLS_SCHEME_RSA_PSS_PSS_SHA256, "rsa_pss_pss_sha256" },
	{ KTLS_SCHEME_RSA_PSS_PSS_SHA384, "rsa_pss_pss_sha384" },
	{ KTLS_SCHEME_RSA_PSS_PSS_SHA512, "rsa_pss_pss_sha512" },
	{ KTLS_SCHEME_ED25519, "ed25519" },
};

static const struct name states[] = {
	{ KTLS_STATE_NONE, "none" },       { KTLS_STATE_SW, "sw" },       { KTLS_STATE_HW, "hw" },
	{ KTLS_STATE_UNKNOWN, "unknown" }, { KTLS_STATE_RELAY, "relay" },
};

static const struct {
	const char *name, *text;
} no_hw[] = {
	[KTLS_NO_HW_NONE] = { "NONE", "nothing is in the way" },
	[KTLS_NO_HW_VERSION] = { "VERSION", "devices take TLS 1.2 only" },
	[KTLS_NO_HW_CIPHER] = { "CIPHER", "devices take AES-GCM only" },
	[KTLS_NO_HW_LOOPBACK] = { "LOOPBACK", "the peer is on this machine" },
	[KTLS_NO_HW_NO_ROUTE] = { "NO_ROUTE", "no route to the peer" },
	[KTLS_NO_HW_NO_TLS_DRIVER] = { "NO_TLS_DRIVER", "the device's driver has no TLS offload" },
	[KTLS_NO_HW_FEATURE_OFF] = { "FEATURE_OFF", "the device's TLS offload is switched off" },
	[KTLS_NO_HW_CHECKSUM_OFF] = { "CHECKSUM_OFF",
				      "the device's checksum offload is switched off" },
	[KTLS_NO_HW_STACKED] = { "STACKED",
				 "a VLAN, tunnel, team or bridge is in between, or a bond that "
				 "does not go by addresses and ports" },
	[KTLS_NO_HW_DEVICE_DOWN] = { "DEVICE_DOWN", "the device is down" },
	[KTLS_NO_HW_KERNEL] = { "KERNEL", "the kernel was built without CONFIG_TLS_DEVICE" },
	[KTLS_NO_HW_REFUSED] = { "REFUSED", "the device could have, and did not" },
	[KTLS_NO_HW_RELAY] = { "RELAY", "a relay has the records" },
	[KTLS_NO_HW_MAY_NOT_LOOK] = { "MAY_NOT_LOOK", "nobody may look: another network namespace, "
						      "or no right to" },
	[KTLS_NO_HW_POLICY] = { "POLICY", "the policy avoids devices" },
	[KTLS_NO_HW_BOND] = { "BOND", "a bond's connections are sent in the clear, or not at all, "
				      "when a device of it goes down: switch their offload off" },
};

#define NO_HW_LEN (sizeof(no_hw) / sizeof(no_hw[0]))

/* The row of a reason that this version knows, NULL for another. */
static const struct reason *known(int reason)
{
	const struct reason *row = reason_find(reason);

	return (int)row->number == reason ? row : NULL;
}

const char *ktls_reason_name(int reason)
{
	const struct reason *row = known(reason);

	if (reason == KTLS_OK)
		return "OK";
	return row ? row->name : "UNKNOWN";
}

const char *ktls_reason_text(int reason)
{
	const struct reason *row = known(reason);

	if (reason == KTLS_OK)
		return "success";
	return row ? row->text : "a reason unknown to this version";
}

const char *ktls_alert_name(unsigned int alert)
{
	return alert_name(alert);
}

const char *ktls_version_name(unsigned int version)
{
	return LOOK_UP(versions, version, "unknown version");
}

const char *ktls_suite_name(unsigned int suite)
{
	return LOOK_UP(suites, suite, "unknown suite");
}

const char *ktls_group_name(unsigned int group)
{
	return LOOK_UP(groups, group, "unknown group");
}

const char *ktls_scheme_name(unsigned int scheme)
{
	return LOOK_UP(schemes, scheme, "unknown scheme");
}

const char *ktls_state_name(enum ktls_state state)
{
	return LOOK_UP(states, state, "unknown state");
}

const char *ktls_no_hw_name(enum ktls_no_hw why)
{
	return (unsigned int)why < NO_HW_LEN ? no_hw[why].name : "UNKNOWN";
}

const char *ktls_no_hw_text(enum ktls_no_hw why)
{
	return (unsigned int)why < NO_HW_LEN ? no_hw[why].text
					     : "something unknown to this version";
}
