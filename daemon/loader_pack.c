/* SPDX-License-Identifier: MIT */
/* The bundles (bundle.h), from what the loader has read. */
#include <string.h>

#include "daemon/loader_files.h"

static void write_settings(struct writer *w, const struct config *config)
{
	struct bundle_settings settings = {
		.user = config->user,
		.group = config->group,
		.journal = log_to_journal(),
		.workers = (uint16_t)config->workers,
		.handshakes_max = config->max_handshakes,
		.deadline_max = config->deadline_max,
		.session_age = config->session_age,
		.relays_max = config->relays_max,
	};

	bundle_settings_write(w, &settings);
}

static uint8_t roles_of(const struct config_profile *profile)
{
	uint8_t roles = 0;

	if (loader_somebody(profile, KTLS_SERVER))
		roles |= BUNDLE_ROLE(KTLS_SERVER);
	if (loader_somebody(profile, KTLS_CLIENT))
		roles |= BUNDLE_ROLE(KTLS_CLIENT);
	return roles;
}

static void pack_worker_profile(struct writer *w, const struct config_profile *profile,
				const struct profile_files *files, uint16_t *key)
{
	writer_vec(w, 1, profile->name, strlen(profile->name));
	writer_u8(w, roles_of(profile));
	writer_u16(w, profile->version_min);
	writer_u16(w, profile->version_max);
	writer_u8(w, profile->strict_sni);
	writer_u8(w, (uint8_t)profile->tickets);
	writer_u8(w, profile->psk_ke);
	writer_u8(w, profile->static_rsa);
	writer_u8(w, profile->plain_master_secret);
	writer_u32(w, profile->records);
	writer_u8(w, (uint8_t)profile->carrier);
	writer_u8(w, (uint8_t)profile->hardware);
	writer_u8(w, profile->zerocopy);
	writer_u8(w, profile->offload_1_2);
	writer_u8(w, (uint8_t)profile->client_auth);
	for (size_t role = 0; role < CONFIG_ROLES; role++)
		writer_u16(w, files->trust[role]);
	writer_vec(w, 2, profile->alpn, profile->alpn_len);
	writer_u8(w, (uint8_t)profile->pairs_len);
	for (size_t i = 0; i < profile->pairs_len; i++) {
		const struct file *pem = &files->pairs[i].certificate;

		writer_u16(w, (*key)++);
		writer_vec(w, 3, pem->bytes, pem->len);
	}
}

static void pack_trust(struct writer *w, const struct trust_files *files)
{
	const struct config_trust *config = files->config;

	writer_u8(w, files->path != NULL);
	writer_vec(w, 3, files->anchors.bytes, files->anchors.len);
	writer_u8(w, (uint8_t)config->crl_check);
	writer_u8(w, (uint8_t)config->crls_len);
	for (size_t i = 0; i < config->crls_len; i++)
		writer_vec(w, 3, files->crls[i].bytes, files->crls[i].len);
	writer_vec(w, 2, config->pins, config->pins_len * X509_PIN_LEN);
}

void loader_pack_workers(struct writer *w, const struct loader *l)
{
	uint16_t key = 0;

	write_settings(w, l->config);
	writer_u16(w, l->trusts_len);
	for (size_t i = 0; i < l->trusts_len; i++)
		pack_trust(w, &l->trusts[i]);
	writer_u16(w, (uint16_t)l->config->profiles_len);
	for (size_t i = 0; i < l->config->profiles_len; i++)
		pack_worker_profile(w, &l->config->profiles[i], &l->profiles[i], &key);
}

static void pack_keys(struct writer *w, const struct loader *l)
{
	uint16_t count = 0;

	for (size_t i = 0; i < l->config->profiles_len; i++)
		count = (uint16_t)(count + l->config->profiles[i].pairs_len);
	writer_u16(w, count);
	for (size_t i = 0; i < l->config->profiles_len; i++) {
		for (size_t j = 0; j < l->config->profiles[i].pairs_len; j++) {
			const struct file *pem = &l->profiles[i].pairs[j].key;

			writer_u16(w, (uint16_t)i);
			writer_vec(w, 3, pem->bytes, pem->len);
		}
	}
}

void loader_pack_signers(struct writer *w, const struct loader *l)
{
	write_settings(w, l->config);
	writer_u16(w, (uint16_t)l->config->profiles_len);
	for (size_t i = 0; i < l->config->profiles_len; i++) {
		const struct config_profile *profile = &l->config->profiles[i];

		writer_vec(w, 1, profile->name, strlen(profile->name));
		writer_u8(w, roles_of(profile));
		/* Workers are held to what they may sign. */
		writer_u16(w, profile->offload_1_2 ? KTLS_TLS_1_2 : profile->version_min);
		writer_u16(w, profile->version_max);
		writer_u8(w, profile->static_rsa);
		writer_u32(w, profile->signatures);
	}
	pack_keys(w, l);
}

/* Room for all files and for the fields around them. */
size_t loader_size(const struct loader *l)
{
	size_t size = 4096;

	for (size_t i = 0; i < l->trusts_len; i++) {
		size += l->trusts[i].anchors.len + 16 + sizeof(l->trusts[i].config->pins);
		for (size_t j = 0; j < l->trusts[i].config->crls_len; j++)
			size += l->trusts[i].crls[j].len + 3;
	}
	for (size_t i = 0; i < l->config->profiles_len; i++) {
		const struct config_profile *profile = &l->config->profiles[i];

		size += 512 + profile->alpn_len;
		for (size_t j = 0; j < profile->pairs_len; j++)
			size += l->profiles[i].pairs[j].certificate.len +
				l->profiles[i].pairs[j].key.len + 32;
	}
	return size;
}
