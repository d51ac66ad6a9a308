/* SPDX-License-Identifier: MIT */
#include "daemon/explain_names.h"

#include "daemon/explain_suites.h"

static const struct name versions[] = {
	{ 0x0002, "SSL 2.0" },  { 0x0300, "SSL 3.0" },  { 0x0301, "TLS 1.0" },
	{ 0x0302, "TLS 1.1" },  { 0x0303, "TLS 1.2" },  { 0x0304, "TLS 1.3" },
	{ 0xfeff, "DTLS 1.0" }, { 0xfefd, "DTLS 1.2" },
};

static const struct name groups[] = {
	{ 19, "secp192r1" },
	{ 21, "secp224r1" },
	{ 22, "secp256k1" },
	{ 23, "secp256r1" },
	{ 24, "secp384r1" },
	{ 25, "secp521r1" },
	{ 26, "brainpoolP256r1" },
	{ 27, "brainpoolP384r1" },
	{ 28, "brainpoolP512r1" },
	{ 29, "x25519" },
	{ 30, "x448" },
	{ 31, "brainpoolP256r1tls13" },
	{ 32, "brainpoolP384r1tls13" },
	{ 33, "brainpoolP512r1tls13" },
	{ 256, "ffdhe2048" },
	{ 257, "ffdhe3072" },
	{ 258, "ffdhe4096" },
	{ 259, "ffdhe6144" },
	{ 260, "ffdhe8192" },
	{ 512, "MLKEM512" },
	{ 513, "MLKEM768" },
	{ 514, "MLKEM1024" },
	{ 4587, "SecP256r1MLKEM768" },
	{ 4588, "X25519MLKEM768" },
	{ 4589, "SecP384r1MLKEM1024" },
	{ 25497, "X25519Kyber768Draft00" },
};

static const struct name schemes[] = {
	{ 0x0201, "rsa_pkcs1_sha1" },
	{ 0x0202, "dsa_sha1" },
	{ 0x0203, "ecdsa_sha1" },
	{ 0x0301, "rsa_pkcs1_sha224" },
	{ 0x0302, "dsa_sha224" },
	{ 0x0303, "ecdsa_sha224" },
	{ 0x0401, "rsa_pkcs1_sha256" },
	{ 0x0402, "dsa_sha256" },
	{ 0x0403, "ecdsa_secp256r1_sha256" },
	{ 0x0501, "rsa_pkcs1_sha384" },
	{ 0x0502, "dsa_sha384" },
	{ 0x0503, "ecdsa_secp384r1_sha384" },
	{ 0x0601, "rsa_pkcs1_sha512" },
	{ 0x0602, "dsa_sha512" },
	{ 0x0603, "ecdsa_secp521r1_sha512" },
	{ 0x0804, "rsa_pss_rsae_sha256" },
	{ 0x0805, "rsa_pss_rsae_sha384" },
	{ 0x0806, "rsa_pss_rsae_sha512" },
	{ 0x0807, "ed25519" },
	{ 0x0808, "ed448" },
	{ 0x0809, "rsa_pss_pss_sha256" },
	{ 0x080a, "rsa_pss_pss_sha384" },
	{ 0x080b, "rsa_pss_pss_sha512" },
	{ 0x081a, "ecdsa_brainpoolP256r1tls13_sha256" },
	{ 0x081b, "ecdsa_brainpoolP384r1tls13_sha384" },
	{ 0x081c, "ecdsa_brainpoolP512r1tls13_sha512" },
	{ 0x0904, "mldsa44" },
	{ 0x0905, "mldsa65" },
	{ 0x0906, "mldsa87" },
};

static const struct name extensions[] = {
	{ 0, "server_name" },
	{ 1, "max_fragment_length" },
	{ 2, "client_certificate_url" },
	{ 3, "trusted_ca_keys" },
	{ 4, "truncated_hmac" },
	{ 5, "status_request" },
	{ 6, "user_mapping" },
	{ 7, "client_authz" },
	{ 8, "server_authz" },
	{ 9, "cert_type" },
	{ 10, "supported_groups" },
	{ 11, "ec_point_formats" },
	{ 12, "srp" },
	{ 13, "signature_algorithms" },
	{ 14, "use_srtp" },
	{ 15, "heartbeat" },
	{ 16, "application_layer_protocol_negotiation" },
	{ 17, "status_request_v2" },
	{ 18, "signed_certificate_timestamp" },
	{ 19, "client_certificate_type" },
	{ 20, "server_certificate_type" },
	{ 21, "padding" },
	{ 22, "encrypt_then_mac" },
	{ 23, "extended_master_secret" },
	{ 24, "token_binding" },
	{ 25, "cached_info" },
	{ 26, "tls_lts" },
	{ 27, "compress_certificate" },
	{ 28, "record_size_limit" },
	{ 29, "pwd_protect" },
	{ 30, "pwd_clear" },
	{ 31, "password_salt" },
	{ 32, "ticket_pinning" },
	{ 33, "tls_cert_with_extern_psk" },
	{ 34, "delegated_credential" },
	{ 35, "session_ticket" },
	{ 41, "pre_shared_key" },
	{ 42, "early_data" },
	{ 43, "supported_versions" },
	{ 44, "cookie" },
	{ 45, "psk_key_exchange_modes" },
	{ 47, "certificate_authorities" },
	{ 48, "oid_filters" },
	{ 49, "post_handshake_auth" },
	{ 50, "signature_algorithms_cert" },
	{ 51, "key_share" },
	{ 52, "transparency_info" },
	{ 54, "connection_id" },
	{ 55, "external_id_hash" },
	{ 56, "external_session_id" },
	{ 57, "quic_transport_parameters" },
	{ 58, "ticket_request" },
	{ 59, "dnssec_chain" },
	{ 13172, "next_protocol_negotiation" },
	{ 17513, "application_settings" },
	{ 17613, "application_settings" },
	{ 30032, "channel_id" },
	{ 64768, "ech_outer_extensions" },
	{ 65037, "encrypted_client_hello" },
	{ 65281, "renegotiation_info" },
};

static const struct name messages[] = {
	{ 0, "HelloRequest" },
	{ 1, "ClientHello" },
	{ 2, "ServerHello" },
	{ 4, "NewSessionTicket" },
	{ 5, "EndOfEarlyData" },
	{ 8, "EncryptedExtensions" },
	{ 11, "Certificate" },
	{ 12, "ServerKeyExchange" },
	{ 13, "CertificateRequest" },
	{ 14, "ServerHelloDone" },
	{ 15, "CertificateVerify" },
	{ 16, "ClientKeyExchange" },
	{ 20, "Finished" },
	{ 21, "CertificateURL" },
	{ 22, "CertificateStatus" },
	{ 24, "KeyUpdate" },
	{ 25, "CompressedCertificate" },
};

static const struct name records[] = {
	{ 20, "change_cipher_spec" }, { 21, "alert" },     { 22, "handshake" },
	{ 23, "application_data" },   { 24, "heartbeat" },
};

static const struct name certificates[] = {
	{ 1, "rsa_sign" },          { 2, "dss_sign" },    { 3, "rsa_fixed_dh" },
	{ 4, "dss_fixed_dh" },      { 64, "ecdsa_sign" }, { 65, "rsa_fixed_ecdh" },
	{ 66, "ecdsa_fixed_ecdh" },
};

static const struct name compressions[] = {
	{ 1, "zlib" },
	{ 2, "brotli" },
	{ 3, "zstd" },
};

static const struct name psk_modes[] = {
	{ 0, "psk_ke" },
	{ 1, "psk_dhe_ke" },
};

static const struct name point_formats[] = {
	{ 0, "uncompressed" },
	{ 1, "ansiX962_compressed_prime" },
	{ 2, "ansiX962_compressed_char2" },
};

#define TABLE(rows)                                    \
	{                                              \
		rows, sizeof(rows) / sizeof((rows)[0]) \
	}

static const struct {
	const struct name *rows;
	size_t len;
} tables[] = {
	[NAMES_VERSION] = TABLE(versions),         [NAMES_GROUP] = TABLE(groups),
	[NAMES_SCHEME] = TABLE(schemes),           [NAMES_EXTENSION] = TABLE(extensions),
	[NAMES_MESSAGE] = TABLE(messages),         [NAMES_RECORD] = TABLE(records),
	[NAMES_CERTIFICATE] = TABLE(certificates), [NAMES_COMPRESSION] = TABLE(compressions),
	[NAMES_PSK_MODE] = TABLE(psk_modes),       [NAMES_POINT_FORMAT] = TABLE(point_formats),
};

static const char *find(const struct name *rows, size_t len, unsigned int number)
{
	for (size_t i = 0; i < len; i++)
		if (rows[i].number == number)
			return rows[i].name;
	return NULL;
}

const char *name_find(enum names table, unsigned int number)
{
	if (table == NAMES_SUITE)
		return find(name_suites, name_suites_len, number);
	return find(tables[table].rows, tables[table].len, number);
}

bool name_is_grease(unsigned int number)
{
	return (number & 0x0f0f) == 0x0a0a && number >> 8 == (number & 0xff);
}

static bool has_two_bytes(enum names table)
{
	return table <= NAMES_EXTENSION || table == NAMES_COMPRESSION;
}

/* RFC 8701, 2: one-byte values are 0x0b + 0x1f * n. */
static bool is_grease(enum names table, unsigned int number)
{
	if (table == NAMES_PSK_MODE)
		return number % 0x1f == 0x0b;
	return has_two_bytes(table) && name_is_grease(number);
}

const char *name_text(struct trace *trace, enum names table, unsigned int number)
{
	const char *name = name_find(table, number);
	int digits = has_two_bytes(table) ? 4 : 2;

	if (name)
		return name;
	return trace_text(trace, "%s (0x%0*x)", is_grease(table, number) ? "GREASE" : "unknown",
			  digits, number);
}

/* RFC 9846, 6; 5246, 7.2. */
static const struct name alerts[] = {
	{ 0, "the sender has nothing more to say" },
	{ 10, "a message came that had no place here" },
	{ 20, "a record could not be decrypted: the two ends have different keys, or somebody "
	      "changed it" },
	{ 21, "a record could not be decrypted (an old alert)" },
	{ 22, "a record was longer than allowed" },
	{ 30, "data could not be decompressed" },
	{ 40, "the two ends have nothing in common to agree on, or the sender does not say why" },
	{ 41, "there was no certificate (an alert of SSL 3.0)" },
	{ 42, "the certificate is damaged, weak or for something else" },
	{ 43, "the certificate is of a kind that the sender does not take" },
	{ 44, "the certificate was revoked" },
	{ 45, "the certificate has expired, or is not valid yet" },
	{ 46, "the certificate is not acceptable for some other reason" },
	{ 47, "a field had a value that makes no sense" },
	{ 48, "the certificate was issued by nobody whom the sender trusts" },
	{ 49, "the certificate is good, but its owner may not come in" },
	{ 50, "a message could not be parsed" },
	{ 51, "a signature or a Finished did not verify" },
	{ 60, "export restrictions (an old alert)" },
	{ 70, "there is no TLS version that both have" },
	{ 71, "the sender wants stronger cryptography than was offered" },
	{ 80, "something went wrong inside the sender; it is nobody else's fault" },
	{ 86, "the client tried again with a lower version than it had to" },
	{ 90, "somebody called it off" },
	{ 100, "the sender does not renegotiate" },
	{ 109, "an extension was missing that has to be there" },
	{ 110, "an extension was sent that nobody asked for" },
	{ 112, "the server has nothing by that name" },
	{ 113, "the OCSP response is bad" },
	{ 115, "the pre-shared key is unknown" },
	{ 116, "the server wants a certificate from the client, and got none" },
	{ 117, "the handshake failed for some reason" },
	{ 120, "there is no application protocol (ALPN) that both have" },
	{ 121, "encrypted client hello is required" },
};

const char *alert_meaning(unsigned int alert)
{
	const char *text = find(alerts, sizeof(alerts) / sizeof(alerts[0]), alert);

	return text ? text : "unknown";
}
