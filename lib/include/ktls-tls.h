/* SPDX-License-Identifier: MIT */
/*
 * Names that <ktls.h> (applications) and <ktls-handshake.h> (the engine) share: versions, suites,
 * groups, signature schemes and alerts as IANA numbers them, traffic keys, the reasons of failure.
 */
#ifndef KTLS_TLS_H
#define KTLS_TLS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define KTLS_ALIGNED(n)  alignas(n)
#define KTLS_AT_LEAST(n) /* an array of so many bytes, or more */
#else
#define KTLS_ALIGNED(n)  _Alignas(n)
#define KTLS_AT_LEAST(n) static n
#endif

/* Bytes somewhere else. */
struct ktls_span {
	const uint8_t *bytes;
	size_t len;
};

/* Names that a certificate presents: its subject and its subjectAltNames (RFC 5280, 4.2.1.6). */
enum ktls_name_kind {
	KTLS_NAME_SUBJECT = 1, /* distinguished name as RFC 2253 writes it: "CN=alice,O=Example" */
	KTLS_NAME_DNS = 2,     /* as it stands there, a wildcard too */
	KTLS_NAME_IP = 3,      /* "192.0.2.1", "2001:db8::1" */
	KTLS_NAME_EMAIL = 4,   /* "alice@example.org" */
	KTLS_NAME_URI = 5,     /* "spiffe://example.org/web" */
};

struct ktls_name {
	enum ktls_name_kind kind;
	const char *text; /* printable ASCII, ended by 0 */
};

enum ktls_role {
	KTLS_SERVER = 0,
	KTLS_CLIENT = 1,
};

/* ProtocolVersion, RFC 9846 B.3.1.1. */
#define KTLS_TLS_1_2 0x0303
#define KTLS_TLS_1_3 0x0304

/* Cipher suites, RFC 9846 B.4. */
#define KTLS_AES_128_GCM_SHA256       0x1301
#define KTLS_AES_256_GCM_SHA384       0x1302
#define KTLS_CHACHA20_POLY1305_SHA256 0x1303

/* Cipher suites of TLS 1.2: RFC 5289, RFC 7905. */
#define KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256 0xc02b
#define KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384 0xc02c
#define KTLS_ECDHE_RSA_AES_128_GCM_SHA256   0xc02f
#define KTLS_ECDHE_RSA_AES_256_GCM_SHA384   0xc030
#define KTLS_ECDHE_RSA_CHACHA20_POLY1305    0xcca8
#define KTLS_ECDHE_ECDSA_CHACHA20_POLY1305  0xcca9

/* Without forward secrecy: RFC 5288. */
#define KTLS_RSA_AES_128_GCM_SHA256 0x009c
#define KTLS_RSA_AES_256_GCM_SHA384 0x009d

/* Records that one key of AES-GCM may protect: 2^24.5 (RFC 9846, 5.5). */
#define KTLS_AES_GCM_RECORDS_MAX 23726566

/* Records that may be under way when a peer is asked to change its key. */
#define KTLS_RECORDS_UNDER_WAY 16384

/* Exporters, RFC 9846 7.5 and RFC 5705. */
#define KTLS_EXPORT_LABEL_MAX   249  /* bytes of a label */
#define KTLS_EXPORT_CONTEXT_MAX 1024 /* bytes of a context */

/* NamedGroup, RFC 9846 B.3.1.4. */
#define KTLS_GROUP_SECP256R1 0x0017
#define KTLS_GROUP_SECP384R1 0x0018 /* of certificates only */
#define KTLS_GROUP_X25519    0x001d

/* SignatureScheme, RFC 9846 B.3.1.3. */
#define KTLS_SCHEME_RSA_PKCS1_SHA256       0x0401
#define KTLS_SCHEME_RSA_PKCS1_SHA384       0x0501
#define KTLS_SCHEME_RSA_PKCS1_SHA512       0x0601
#define KTLS_SCHEME_ECDSA_SECP256R1_SHA256 0x0403
#define KTLS_SCHEME_ECDSA_SECP384R1_SHA384 0x0503
#define KTLS_SCHEME_RSA_PSS_RSAE_SHA256    0x0804
#define KTLS_SCHEME_RSA_PSS_RSAE_SHA384    0x0805
#define KTLS_SCHEME_RSA_PSS_RSAE_SHA512    0x0806
#define KTLS_SCHEME_ED25519                0x0807
#define KTLS_SCHEME_RSA_PSS_PSS_SHA256     0x0809 /* by keys that are for RSASSA-PSS only */
#define KTLS_SCHEME_RSA_PSS_PSS_SHA384     0x080a
#define KTLS_SCHEME_RSA_PSS_PSS_SHA512     0x080b

/* AlertDescription, RFC 9846 B.2. */
enum ktls_alert {
	KTLS_ALERT_CLOSE_NOTIFY = 0,
	KTLS_ALERT_UNEXPECTED_MESSAGE = 10,
	KTLS_ALERT_BAD_RECORD_MAC = 20,
	KTLS_ALERT_RECORD_OVERFLOW = 22,
	KTLS_ALERT_HANDSHAKE_FAILURE = 40,
	KTLS_ALERT_BAD_CERTIFICATE = 42,
	KTLS_ALERT_UNSUPPORTED_CERTIFICATE = 43,
	KTLS_ALERT_CERTIFICATE_REVOKED = 44,
	KTLS_ALERT_CERTIFICATE_EXPIRED = 45,
	KTLS_ALERT_CERTIFICATE_UNKNOWN = 46,
	KTLS_ALERT_ILLEGAL_PARAMETER = 47,
	KTLS_ALERT_UNKNOWN_CA = 48,
	KTLS_ALERT_ACCESS_DENIED = 49,
	KTLS_ALERT_DECODE_ERROR = 50,
	KTLS_ALERT_DECRYPT_ERROR = 51,
	KTLS_ALERT_PROTOCOL_VERSION = 70,
	KTLS_ALERT_INSUFFICIENT_SECURITY = 71,
	KTLS_ALERT_INTERNAL_ERROR = 80,
	KTLS_ALERT_INAPPROPRIATE_FALLBACK = 86,
	KTLS_ALERT_USER_CANCELED = 90,
	KTLS_ALERT_NO_RENEGOTIATION = 100,
	KTLS_ALERT_MISSING_EXTENSION = 109,
	KTLS_ALERT_UNSUPPORTED_EXTENSION = 110,
	KTLS_ALERT_UNRECOGNIZED_NAME = 112,
	KTLS_ALERT_CERTIFICATE_REQUIRED = 116,
	KTLS_ALERT_GENERAL_ERROR = 117,
	KTLS_ALERT_NO_APPLICATION_PROTOCOL = 120,
	KTLS_ALERT_NONE = 255, /* not on the wire: no alert */
};

/*
 * The traffic key of one direction (RFC 9846, 7.3), as the kernel needs it. Secret: whoever holds
 * one wipes it.
 */
struct ktls_traffic_key {
	uint16_t version; /* KTLS_TLS_1_3 */
	uint16_t suite;   /* IANA number; tells how much of key is used: 16 or 32 bytes */
	uint8_t key[32];
	uint8_t iv[12];
	uint8_t seq[8]; /* sequence number of the next record, big endian */
};

/*
 * The least that may be set. Below 64 it is for tests: one send uses up more, and with less than
 * KTLS_KEY_UPDATE_RECORDS between two KeyUpdates the other end takes many of them for a storm.
 */
#define KTLS_RECORDS_PER_KEY_MIN  2

#define KTLS_KEY_UPDATE_BURST     32   /* KeyUpdates of a peer that may come at once */
#define KTLS_KEY_UPDATE_REFILL_MS 1000 /* after which one more is granted */
#define KTLS_KEY_UPDATE_RECORDS   4    /* of the peer's, for which one more is granted, too */

/* How many KeyUpdates of a peer (RFC 9846, 4.7.3) were granted. Zeros first. */
struct ktls_key_update_limit {
	uint64_t since;   /* ms: when the first of those counted came */
	uint64_t records; /* for which nothing has been granted yet */
	uint32_t used;
	uint32_t asked; /* the caller adds those that it has asked for: answers cost nothing */
};

/*
 * Why something failed. One row a reason: name, number (part of the hand-off protocol, never
 * changed), the alert that the peer gets (RFC 9846, 6.2), the section that demands it, text for
 * people.
 */
/* clang-format off */
#define KTLS_REASONS(R) \
	/* records */ \
	R(NOT_TLS, 1, UNEXPECTED_MESSAGE, "RFC 9846 5.1", "the peer does not speak TLS") \
	R(RECORD_TYPE, 2, UNEXPECTED_MESSAGE, "RFC 9846 5", "record of an unexpected type") \
	R(RECORD_TOO_LONG, 3, RECORD_OVERFLOW, "RFC 9846 5.1, 5.2", "record longer than allowed") \
	R(RECORD_EMPTY, 4, UNEXPECTED_MESSAGE, "RFC 9846 5.1", "record of zero length where that is not allowed") \
	R(RECORD_MAC, 5, BAD_RECORD_MAC, "RFC 9846 5.2", "record cannot be decrypted") \
	R(RECORD_NO_TYPE, 6, UNEXPECTED_MESSAGE, "RFC 9846 5.4", "record of padding only") \
	R(RECORD_PLAINTEXT, 7, UNEXPECTED_MESSAGE, "RFC 9846 5", "unprotected record where a protected one was due") \
	R(CHANGE_CIPHER_SPEC, 8, UNEXPECTED_MESSAGE, "RFC 9846 5", "change_cipher_spec with a wrong value or in a wrong place") \
	R(MESSAGE_UNEXPECTED, 9, UNEXPECTED_MESSAGE, "RFC 9846 4", "handshake message out of order") \
	R(MESSAGE_INTERLEAVED, 10, UNEXPECTED_MESSAGE, "RFC 9846 5.1", "another record in the middle of a handshake message") \
	R(MESSAGE_SPANS_KEY_CHANGE, 11, UNEXPECTED_MESSAGE, "RFC 9846 5.1", "more bytes in the record of the message before a key change") \
	R(MESSAGE_TOO_LONG, 12, ILLEGAL_PARAMETER, "RFC 9846 6.2", "handshake message longer than the limit") \
	R(MESSAGE_MALFORMED, 13, DECODE_ERROR, "RFC 9846 6.2", "message cannot be parsed") \
	R(EARLY_DATA_TOO_LONG, 14, UNEXPECTED_MESSAGE, "RFC 9846 4.3.10", "more early data than is skipped") \
	R(APPLICATION_DATA, 15, UNEXPECTED_MESSAGE, "RFC 9846 5", "application data before the handshake was complete") \
	R(ALERT_MALFORMED, 16, DECODE_ERROR, "RFC 9846 6", "alert that cannot be parsed") \
	/* negotiation */ \
	R(VERSION_UNSUPPORTED, 20, PROTOCOL_VERSION, "RFC 9846 4.3.1, 6.2", "no TLS version in common") \
	R(SUITES_NONE_SHARED, 21, HANDSHAKE_FAILURE, "RFC 9846 4.2.1", "no cipher suite in common") \
	R(GROUPS_NONE_SHARED, 22, HANDSHAKE_FAILURE, "RFC 9846 4.2.1", "no key exchange group in common") \
	R(SCHEMES_NONE_SHARED, 23, HANDSHAKE_FAILURE, "RFC 9846 4.5.1.2", "no certificate for a signature scheme that the peer accepts") \
	R(COMPRESSION, 24, ILLEGAL_PARAMETER, "RFC 9846 4.2.2, 4.2.3", "compression offered or chosen") \
	R(EXTENSION_DUPLICATE, 25, ILLEGAL_PARAMETER, "RFC 9846 4.3", "extension sent twice") \
	R(EXTENSION_MISSING, 26, MISSING_EXTENSION, "RFC 9846 9.2", "mandatory extension missing") \
	R(EXTENSION_UNSOLICITED, 27, UNSUPPORTED_EXTENSION, "RFC 9846 4.3", "extension in a reply that was not asked for") \
	R(EXTENSION_MISPLACED, 28, ILLEGAL_PARAMETER, "RFC 9846 4.3", "extension in a message that may not carry it") \
	R(EXTENSION_INVALID, 29, ILLEGAL_PARAMETER, "RFC 9846 4.3", "extension with a wrong value") \
	R(KEY_SHARE_INVALID, 30, ILLEGAL_PARAMETER, "RFC 9846 4.3.8.2, 7.4.2", "key share that is no public key of its group") \
	R(KEY_SHARE_MISMATCH, 31, ILLEGAL_PARAMETER, "RFC 9846 4.3.8", "key share of a group that was not offered or asked for") \
	R(SERVER_NAME_UNKNOWN, 32, UNRECOGNIZED_NAME, "RFC 6066 3", "no certificate for the server name asked for") \
	R(ALPN_NONE_SHARED, 33, NO_APPLICATION_PROTOCOL, "RFC 7301 3.2", "no application protocol in common") \
	R(ALPN_INVALID, 34, ILLEGAL_PARAMETER, "RFC 7301 3.1", "application protocol chosen that was not offered") \
	R(SUITE_INVALID, 35, ILLEGAL_PARAMETER, "RFC 9846 4.2.3", "cipher suite chosen that was not offered") \
	R(SESSION_ID_ECHO, 36, ILLEGAL_PARAMETER, "RFC 9846 4.2.3", "session id not echoed as it was sent") \
	R(VERSION_INVALID, 37, ILLEGAL_PARAMETER, "RFC 9846 4.3.1", "version chosen that was not offered") \
	R(DOWNGRADE, 38, ILLEGAL_PARAMETER, "RFC 9846 4.2.3", "somebody between the ends lowered the version") \
	R(RETRY_REPEATED, 39, UNEXPECTED_MESSAGE, "RFC 9846 4.2.4", "second HelloRetryRequest") \
	R(RETRY_NO_CHANGE, 40, ILLEGAL_PARAMETER, "RFC 9846 4.2.4", "HelloRetryRequest that asks for no change") \
	R(RETRY_MISMATCH, 41, ILLEGAL_PARAMETER, "RFC 9846 4.2.2, 4.2.4", "hello after a HelloRetryRequest that changes what it may not") \
	R(RENEGOTIATION, 43, HANDSHAKE_FAILURE, "RFC 5746 3.4, 3.6", "renegotiation is not signalled as the RFC demands") \
	R(FALLBACK, 44, INAPPROPRIATE_FALLBACK, "RFC 7507 3", "the client fell back to a version lower than it had to") \
	R(MASTER_SECRET, 45, HANDSHAKE_FAILURE, "RFC 7627 5.2, 5.3", "no extended master secret, or not as in the session") \
	R(SESSION_SUITE, 46, ILLEGAL_PARAMETER, "RFC 5246 7.4.1.3", "session resumed with a cipher suite that is not its own") \
	R(PSK_INVALID, 47, ILLEGAL_PARAMETER, "RFC 9846 4.3.11", "pre-shared key chosen that was not offered, or does not fit") \
	R(LEGACY_VERSION, 42, PROTOCOL_VERSION, "RFC 9846 4.2.2, 4.2.3", "legacy_version of an unsupported protocol") \
	/* authentication */ \
	R(FINISHED_MISMATCH, 50, DECRYPT_ERROR, "RFC 9846 4.5.3", "Finished does not verify") \
	R(SIGNATURE_BAD, 51, DECRYPT_ERROR, "RFC 9846 4.5.2", "signature in CertificateVerify does not verify") \
	R(SCHEME_INVALID, 52, ILLEGAL_PARAMETER, "RFC 9846 4.5.2", "signature scheme that was not offered or does not fit the key") \
	R(CERTIFICATE_EMPTY, 53, DECODE_ERROR, "RFC 9846 4.5.1.3", "server sent no certificate") \
	R(CHAIN_TOO_LONG, 54, BAD_CERTIFICATE, "RFC 9846 4.5.1", "certificate chain longer than the limit") \
	R(CERTIFICATE_REQUIRED, 55, CERTIFICATE_REQUIRED, "RFC 9846 4.5.1.3", "client sent no certificate") \
	R(CERTIFICATE_REQUIRED_1_2, 58, HANDSHAKE_FAILURE, "RFC 5246 7.4.6", "client of TLS 1.2 sent no certificate") \
	R(REQUEST_CONTEXT, 56, ILLEGAL_PARAMETER, "RFC 9846 4.4.2, 4.5.1", "certificate_request_context not as the handshake demands") \
	R(BINDER_MISMATCH, 57, DECRYPT_ERROR, "RFC 9846 4.3.11", "binder of a pre-shared key does not verify") \
	R(CERTIFICATE_MALFORMED, 60, BAD_CERTIFICATE, "RFC 9846 6.2", "certificate cannot be parsed") \
	R(CERTIFICATE_EXPIRED, 61, CERTIFICATE_EXPIRED, "RFC 9846 6.2", "certificate has expired") \
	R(CERTIFICATE_NOT_YET_VALID, 62, CERTIFICATE_EXPIRED, "RFC 9846 6.2", "certificate is not valid yet") \
	R(CERTIFICATE_UNKNOWN_CA, 63, UNKNOWN_CA, "RFC 9846 6.2", "certificate issued by nobody in the trust store") \
	R(CERTIFICATE_SELF_SIGNED, 64, UNKNOWN_CA, "RFC 9846 6.2", "self-signed certificate that is not in the trust store") \
	R(CERTIFICATE_REVOKED, 65, CERTIFICATE_REVOKED, "RFC 9846 6.2", "certificate was revoked") \
	R(CERTIFICATE_NAME, 66, BAD_CERTIFICATE, "RFC 6125 6", "certificate is for another name") \
	R(CERTIFICATE_USAGE, 67, UNSUPPORTED_CERTIFICATE, "RFC 9846 4.5.1.2; RFC 5280 4.2.1", "certificate or issuer may not be used for this") \
	R(CERTIFICATE_SIGNATURE, 68, BAD_CERTIFICATE, "RFC 9846 6.2", "signature of a certificate does not verify") \
	R(CERTIFICATE_WEAK, 69, BAD_CERTIFICATE, "RFC 9846 4.5.1.3", "certificate with a key or signature that is too weak") \
	R(CERTIFICATE_KEY_TYPE, 70, UNSUPPORTED_CERTIFICATE, "RFC 9846 4.5.1.2", "certificate with a key of an unsupported type") \
	R(CERTIFICATE_CONSTRAINT, 71, BAD_CERTIFICATE, "RFC 5280 6.1", "chain breaks a constraint of one of its certificates") \
	R(CERTIFICATE_OTHER, 72, CERTIFICATE_UNKNOWN, "RFC 9846 6.2", "certificate refused for another reason") \
	R(CERTIFICATE_NOT_PINNED, 73, CERTIFICATE_UNKNOWN, "RFC 9846 6.2", "certificate with a key that is none of those pinned") \
	R(CERTIFICATE_CRL_MISSING, 74, CERTIFICATE_UNKNOWN, "RFC 5280 6.3", "certificate of whose issuer there is no revocation list") \
	R(CERTIFICATE_CRL_EXPIRED, 75, CERTIFICATE_UNKNOWN, "RFC 5280 6.3", "the revocation list of the certificate's issuer is out of date") \
	R(CERTIFICATE_CRL_INVALID, 76, CERTIFICATE_UNKNOWN, "RFC 5280 6.3", "the revocation list of the certificate's issuer cannot be used") \
	/* the peer's word */ \
	R(PEER_ALERT, 80, NONE, "RFC 9846 6.2", "the peer ended the connection with an alert") \
	R(PEER_CLOSE_NOTIFY, 81, NONE, "RFC 9846 6.1", "the peer closed before the handshake was complete") \
	/* ourselves */ \
	R(INTERNAL, 90, INTERNAL_ERROR, "RFC 9846 6.2", "internal error") \
	R(SIGNER, 91, INTERNAL_ERROR, "RFC 9846 6.2", "the private key could not be used") \
	R(NO_MEMORY, 92, INTERNAL_ERROR, "RFC 9846 6.2", "out of memory or of buffers") \
	R(MISUSE, 93, INTERNAL_ERROR, "RFC 9846 6.2", "a call in a wrong state or with wrong arguments") \
	/* the kernel */ \
	R(KERNEL_NO_TLS, 100, INTERNAL_ERROR, "RFC 9846 6.2", "the kernel has no TLS: try 'modprobe tls', or a kernel built with CONFIG_TLS") \
	R(KERNEL_NO_SUITE, 101, INTERNAL_ERROR, "RFC 9846 6.2", "the kernel lacks the cipher of the negotiated suite") \
	R(KERNEL_REFUSED, 102, INTERNAL_ERROR, "RFC 9846 6.2", "the kernel refused the keys") \
	R(KERNEL_HALF_INSTALLED, 103, NONE, "RFC 9846 6.2", "the kernel took the transmit keys and refused the receive keys; the connection was shut down") \
	R(RELAY_UNAVAILABLE, 104, INTERNAL_ERROR, "RFC 9846 6.2", "the records were to be carried by a relay, and there is none for them") \
	R(HARDWARE_UNAVAILABLE, 105, INTERNAL_ERROR, "RFC 9846 6.2", "a network device was to have the records, and cannot") \
	R(DEVICE_REFUSED, 106, INTERNAL_ERROR, "RFC 9846 6.2", "a network device was to have the records, and did not take the keys; the connection was shut down") \
	/* the socket */ \
	R(SOCKET_NOT_SOCKET, 110, NONE, "-", "the descriptor is no socket") \
	R(SOCKET_NOT_TCP, 111, NONE, "-", "the socket is not TCP over IPv4 or IPv6") \
	R(SOCKET_MPTCP, 112, NONE, "-", "the socket is MPTCP, which has no kernel TLS") \
	R(SOCKET_NOT_CONNECTED, 113, NONE, "-", "the socket is not connected") \
	R(SOCKET_OTHER_ULP, 114, NONE, "-", "the socket has another upper layer protocol") \
	R(SOCKET_HAS_KEYS, 115, NONE, "-", "the socket has TLS keys already") \
	R(SOCKET_PEEK_OFF, 116, NONE, "-", "SO_PEEK_OFF is set on the socket") \
	R(SOCKET_DISTURBED, 117, NONE, "-", "somebody else read from the socket during the handshake") \
	R(SOCKET_ERROR, 118, NONE, "-", "the socket reported an error") \
	R(PEER_EOF, 119, NONE, "-", "the peer closed the connection during the handshake") \
	R(SOCKET_NOT_LISTENING, 121, NONE, "-", "the socket is not listening") \
	R(PEER_RESET, 120, NONE, "-", "the peer reset the connection") \
	/* the hand-off */ \
	R(REQUEST_MALFORMED, 140, NONE, "-", "malformed request") \
	R(REQUEST_TOO_LONG, 141, NONE, "-", "request longer than 65536 bytes") \
	R(REQUEST_NO_DESCRIPTOR, 142, NONE, "-", "request without a descriptor") \
	R(REQUEST_DESCRIPTORS, 143, NONE, "-", "request with more than one descriptor") \
	R(REQUEST_TRUNCATED, 144, NONE, "-", "request whose control message was truncated") \
	R(REQUEST_OPTION, 145, NONE, "-", "request with an unknown option") \
	R(REQUEST_VALUE, 146, NONE, "-", "request with a value out of range") \
	R(REQUEST_ID, 147, NONE, "-", "request with an id that is in use") \
	R(PROFILE_UNKNOWN, 150, NONE, "-", "no such profile") \
	R(PROFILE_DENIED, 151, NONE, "-", "the profile does not allow this user in this role") \
	R(PROFILE_ROLE, 152, NONE, "-", "the profile lacks what this role needs") \
	R(TOO_MANY, 153, NONE, "-", "too many handshakes at once") \
	R(DEADLINE, 160, USER_CANCELED, "RFC 9846 6.1", "the deadline passed before the handshake was complete") \
	R(CANCELLED, 161, USER_CANCELED, "RFC 9846 6.1", "cancelled") \
	R(WORKER_LOST, 162, NONE, "-", "the daemon's worker ended while it had this handshake") \
	R(DAEMON_UNREACHABLE, 163, NONE, "-", "the daemon cannot be reached") \
	R(PROTOCOL, 164, NONE, "-", "the other end of the hand-off socket broke the protocol") \
	R(SESSION_INVALID, 165, NONE, "-", "the sealed session cannot be opened: another socket's, too old, or damaged") \
	R(STALE_SESSION, 166, NONE, "RFC 9846 4.7.3", "the keys of the socket are none that this session leads to") \
	/* after the hand-off, in the application's own process */ \
	R(TRUNCATED, 180, NONE, "RFC 9846 6.1", "the connection ended without close_notify") \
	R(KEY_UPDATE_UNSUPPORTED, 181, INTERNAL_ERROR, "RFC 9846 4.7.3, 6.2", "the peer changed its keys, which this kernel or version cannot follow") \
	R(KEY_EXHAUSTED, 182, NONE, "RFC 9846 5.3, 5.5", "a key has protected as many records as it may") \
	R(KEY_UPDATE_INVALID, 183, ILLEGAL_PARAMETER, "RFC 9846 4.7.3", "KeyUpdate with a wrong value") \
	R(RENEGOTIATION_STORM, 185, NO_RENEGOTIATION, "RFC 5246 7.2.2, 7.4.1.1", "the peer wants to renegotiate again and again") \
	R(KEY_UPDATE_STORM, 184, UNEXPECTED_MESSAGE, "RFC 9846 4.7.3", "the peer changes its keys too often") \
	R(RELAY_LOST, 186, NONE, "RFC 9846 6.1", "the relay that carried the records is gone")
/* clang-format on */

enum ktls_reason {
	KTLS_OK = 0,
#define KTLS_REASON_ENUM(name, number, alert, section, text) KTLS_R_##name = (number),
	KTLS_REASONS(KTLS_REASON_ENUM)
#undef KTLS_REASON_ENUM
};

#ifdef __cplusplus
}
#endif

#endif
