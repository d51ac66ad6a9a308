/* SPDX-License-Identifier: MIT */
/* Profiles and keys, as the supervisor's bundle (bundle.h) has them. */
#include <stdlib.h>
#include <string.h>

#include "daemon/signer.h"
#include "lib/x509/key.h"

static bool read_profile(struct signer_profile *profile, struct reader *r)
{
	struct question_limits *limits = &profile->limits;
	struct reader name;
	uint8_t static_rsa;

	if (!reader_vec8(r, &name) || name.left > KTLS_PROFILE_MAX ||
	    !reader_u8(r, &limits->roles) || !reader_u16(r, &limits->version_min) ||
	    !reader_u16(r, &limits->version_max) || !reader_u8(r, &static_rsa) ||
	    !reader_u32(r, &profile->limit))
		return false;
	limits->static_rsa = static_rsa;
	memcpy(profile->name, name.at, name.left);
	profile->refusals.burst = 3;
	return true;
}

static bool read_profiles(struct signer *s, struct reader *r)
{
	uint16_t n;

	if (!reader_u16(r, &n) || n > BUNDLE_PROFILES_MAX)
		return false;
	s->profiles = calloc(n, sizeof(*s->profiles));
	if (!s->profiles)
		return false;
	s->profiles_len = n;
	for (size_t i = 0; i < n; i++) {
		if (!read_profile(&s->profiles[i], r))
			return false;
	}
	return true;
}

static bool read_key(struct signer *s, struct signer_key *key, struct reader *r)
{
	struct x509_error err;
	struct reader pem;
	uint16_t profile;

	if (!reader_u16(r, &profile) || profile >= s->profiles_len || !reader_vec24(r, &pem))
		return false;
	key->profile = &s->profiles[profile];
	key->key = x509_key_new(pem.at, pem.left, &err);
	return key->key != NULL;
}

bool signer_read_bundle(struct signer *s, const struct bundle *bundle)
{
	struct reader r;
	uint16_t n;

	reader_init(&r, bundle->bytes, bundle->len);
	if (!bundle_settings_read(&r, &s->settings) || !read_profiles(s, &r) || !reader_u16(&r, &n))
		return false;
	s->keys = calloc(n + 1U, sizeof(*s->keys));
	if (!s->keys)
		return false;
	for (s->keys_len = 0; s->keys_len < n; s->keys_len++) {
		if (!read_key(s, &s->keys[s->keys_len], &r))
			return false;
	}
	return reader_empty(&r);
}
