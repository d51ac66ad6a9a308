/* SPDX-License-Identifier: MIT */
/* Profiles as lib/conn wants them, from the supervisor's bundle. */
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/worker.h"
#include "lib/x509/identity.h"
#include "lib/x509/trust.h"

static bool read_crls(struct reader *r, struct ktls_span out[static CONFIG_CRLS_MAX],
		      struct x509_trust_spec *spec)
{
	struct reader crl;
	uint8_t n;

	if (!reader_u8(r, &n) || n > CONFIG_CRLS_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!reader_vec24(r, &crl))
			return false;
		out[i] = (struct ktls_span){ crl.at, crl.left };
	}
	spec->crls = out;
	spec->crls_len = n;
	return true;
}

static struct x509_trust *read_one_trust(struct reader *r)
{
	struct ktls_span crls[CONFIG_CRLS_MAX];
	struct x509_trust_spec spec = { 0 };
	struct reader pem, pins;
	struct x509_error err;
	uint8_t there, check;

	if (!reader_u8(r, &there) || !reader_vec24(r, &pem) || !reader_u8(r, &check) ||
	    check > X509_CRL_CHAIN || !read_crls(r, crls, &spec) || !reader_vec16(r, &pins) ||
	    pins.left % X509_PIN_LEN != 0)
		return NULL;
	if (there)
		spec.anchors = (struct ktls_span){ pem.at, pem.left };
	spec.crl_check = (enum x509_crl_check)check;
	spec.pins = (const uint8_t(*)[X509_PIN_LEN])pins.at;
	spec.pins_len = pins.left / X509_PIN_LEN;
	return x509_trust_make(&spec, &err);
}

static bool read_trusts(struct worker *w, struct reader *r)
{
	uint16_t n;

	if (!reader_u16(r, &n))
		return false;
	w->trusts = calloc(n, sizeof(*w->trusts));
	if (!w->trusts && n > 0)
		return false;
	for (w->trusts_len = 0; w->trusts_len < n; w->trusts_len++) {
		w->trusts[w->trusts_len] = read_one_trust(r);
		if (!w->trusts[w->trusts_len])
			return false;
	}
	return true;
}

static bool read_identity(struct profile *profile, struct reader *r, size_t i)
{
	struct x509_error err;
	struct reader pem;

	if (!reader_u16(r, &profile->keys[i]) || !reader_vec24(r, &pem))
		return false;
	profile->identities[i] = x509_identity_new(pem.at, pem.left, &err);
	return profile->identities[i] != NULL;
}

static bool read_identities(struct profile *profile, struct reader *r)
{
	uint8_t n;

	if (!reader_u8(r, &n))
		return false;
	profile->identities = calloc(n + 1U, sizeof(struct x509_identity *));
	profile->keys = calloc(n + 1U, sizeof(uint16_t));
	if (!profile->identities || !profile->keys)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!read_identity(profile, r, i))
			return false;
	}
	profile->conn.identities = (const struct x509_identity *const *)profile->identities;
	profile->conn.identities_len = n;
	return true;
}

static bool read_alpn(struct profile *profile, struct reader *r)
{
	struct reader names;
	uint8_t *copy;

	if (!reader_vec16(r, &names))
		return false;
	if (reader_empty(&names))
		return true;
	copy = malloc(names.left);
	if (!copy)
		return false;
	memcpy(copy, names.at, names.left);
	profile->conn.alpn = copy;
	profile->conn.alpn_len = names.left;
	return true;
}

/* One of the trusts, or none at all. */
static bool read_trust(const struct worker *w, struct reader *r, const struct x509_trust **out)
{
	uint16_t i;

	if (!reader_u16(r, &i) || (i >= w->trusts_len && i != BUNDLE_TRUST_NONE))
		return false;
	*out = i == BUNDLE_TRUST_NONE ? NULL : w->trusts[i];
	return true;
}

static bool read_policy(struct worker *w, struct reader *r, struct conn_profile *conn)
{
	uint8_t auth;

	if (!reader_u8(r, &auth) || auth > KTLS_ENGINE_REQUIRE_CLIENT_AUTH ||
	    !read_trust(w, r, &conn->client_trust) || !read_trust(w, r, &conn->trust))
		return false;
	conn->client_auth = (enum ktls_engine_client_auth)auth;
	conn_profile_seal(conn);
	return true;
}

static bool read_profile(struct worker *w, struct reader *r, struct profile *profile)
{
	struct reader name;
	uint8_t strict, psk_ke, static_rsa, plain;
	uint32_t records;
	uint8_t carrier, hardware, zerocopy, offload_1_2;

	if (!reader_vec8(r, &name) || name.left > KTLS_PROFILE_MAX ||
	    !reader_u8(r, &profile->roles) || !reader_u16(r, &profile->conn.version_min) ||
	    !reader_u16(r, &profile->conn.version_max) || !reader_u8(r, &strict) ||
	    !reader_u8(r, &profile->conn.tickets) || !reader_u8(r, &psk_ke) ||
	    !reader_u8(r, &static_rsa) || !reader_u8(r, &plain) || !reader_u32(r, &records) ||
	    !reader_u8(r, &carrier) || !reader_u8(r, &hardware) || hardware > KTLS_HARDWARE_AVOID ||
	    !reader_u8(r, &zerocopy) || !reader_u8(r, &offload_1_2))
		return false;
	memcpy(profile->name, name.at, name.left);
	profile->worker = w;
	profile->conn.strict_server_name = strict;
	profile->conn.psk_ke = psk_ke;
	profile->conn.static_rsa = static_rsa;
	profile->conn.plain_master_secret = plain;
	profile->conn.records_max = records;
	profile->carrier = carrier;
	profile->conn.hardware = (enum ktls_hardware)hardware;
	profile->conn.zerocopy = zerocopy;
	profile->conn.offload_1_2 = offload_1_2;
	profile->conn.decrypt = signer_decrypt;
	profile->conn.name = profile->name;
	profile->conn.sign = signer_sign;
	profile->conn.seal = signer_seal;
	profile->conn.open = signer_open;
	profile->conn.sign_arg = profile;
	return read_policy(w, r, &profile->conn) && read_alpn(profile, r) &&
	       read_identities(profile, r);
}

bool profiles_read(struct worker *w, struct reader *r)
{
	uint16_t n;

	if (!read_trusts(w, r) || !reader_u16(r, &n) || n > BUNDLE_PROFILES_MAX)
		return false;
	w->profiles = calloc(n, sizeof(*w->profiles));
	if (!w->profiles)
		return false;
	w->profiles_len = n;
	for (size_t i = 0; i < n; i++) {
		if (!read_profile(w, r, &w->profiles[i]))
			return false;
	}
	return reader_empty(r);
}

const struct profile *profile_find(const struct worker *w, const char *name)
{
	for (size_t i = 0; i < w->profiles_len; i++) {
		if (strcmp(w->profiles[i].name, name) == 0)
			return &w->profiles[i];
	}
	return NULL;
}
