/* SPDX-License-Identifier: MIT */
/*
 * The configuration file: an INI file with one section [ktlsd] and a section [profile NAME] for
 * each set of certificates, trust and permissions that applications may ask for. Described for
 * people in Documentation/configuration.md and ktlsd.conf(5).
 *
 * Reading resolves users and groups to numbers and checks whatever the file alone can tell; whether
 * certificates and keys are there and fit is for loader.h. Nothing is guessed: an unknown
 * section or key, a value out of range, a name that does not exist is an error, and every error is
 * told as "file:line: what is wrong: what to do", all of them in one run.
 *
 * The supervisor owns the result; nothing in it is secret.
 */
#ifndef KTLSD_CONFIG_H
#define KTLSD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <ktls-handshake.h>
#include <ktls.h>

#include "daemon/log.h"
#include "lib/x509/trust.h"

#define CONFIG_FILE_DEFAULT  "/etc/ktlsd/ktlsd.conf"
#define CONFIG_GROUP_DEFAULT "ktls"  /* owns the socket */
#define CONFIG_USER_DEFAULT  "ktlsd" /* workers and signers run as */

#define CONFIG_PROFILES_MAX  256
#define CONFIG_PAIRS_MAX     16 /* certificates in one profile */
#define CONFIG_CRLS_MAX      16 /* files of revocation lists, for one role of a profile */
#define CONFIG_PINS_MAX      16 /* likewise */
#define CONFIG_PROCESSES_MAX 64 /* workers, signers */
#define CONFIG_ROLES         2  /* indexes are enum ktls_role */

/* A value and where it stands, for the errors of those who use it later. */
struct config_text {
	char *text; /* NULL if not given */
	unsigned int line;
};

/* A certificate file (leaf first, then intermediates) and the file of its private key. */
struct config_pair {
	struct config_text certificate;
	struct config_text key;
};

/* Who may use a profile in one role: a user or a member of a group named, or anyone ("*"). */
struct config_access {
	bool anyone;
	uid_t *users;
	size_t users_len;
	gid_t *groups;
	size_t groups_len;
};

/* At whose word a peer is believed, if not at that of a file. */
enum config_anchors {
	CONFIG_ANCHORS_DEFAULT, /* not said */
	CONFIG_ANCHORS_SYSTEM,
	CONFIG_ANCHORS_NONE, /* nobody's: for its pinned key */
};

/* Whom a profile believes in one role. */
struct config_trust {
	struct config_text file; /* PEM; text is NULL where it is none; the line is there */
	enum config_anchors anchors;
	struct config_text crls[CONFIG_CRLS_MAX];
	size_t crls_len;
	enum x509_crl_check crl_check;
	unsigned int crl_check_line; /* 0: not said */
	uint8_t pins[CONFIG_PINS_MAX][X509_PIN_LEN];
	size_t pins_len;
	unsigned int line; /* of the first key about it; 0: nothing was said */
};

/* Who may have the records, where a request leaves that open (KTLS_RECORDS_PREFER_KERNEL). */
enum config_carrier {
	CONFIG_CARRIER_EITHER, /* the kernel, or a relay where that cannot */
	CONFIG_CARRIER_KERNEL,
	CONFIG_CARRIER_RELAY, /* the kernel is not asked */
};

struct config_profile {
	char *name;
	unsigned int line; /* of the section */
	struct config_pair pairs[CONFIG_PAIRS_MAX];
	size_t pairs_len;
	struct config_trust trust[CONFIG_ROLES]; /* by our role: as a client, whom servers may be */
	enum ktls_engine_client_auth client_auth;
	unsigned int client_auth_line;
	struct config_access access[CONFIG_ROLES];
	uint8_t *alpn; /* names as RFC 7301, 3.1 writes them; NULL for none */
	size_t alpn_len;
	bool strict_sni;
	bool static_rsa;          /* TLS 1.2: RSA key exchange, too */
	bool plain_master_secret; /* TLS 1.2: peers without extended master secrets, too */
	uint16_t version_min;     /* KTLS_TLS_1_2 or KTLS_TLS_1_3 */
	uint16_t version_max;
	unsigned int version_line; /* of the last key about versions */
	unsigned int signatures;   /* at most, per second and signer */
	unsigned int tickets;      /* for a client, after a handshake */
	unsigned int records;      /* that a key may protect, at most; 0: what its cipher allows */
	enum config_carrier carrier;
	enum ktls_hardware hardware;
	bool zerocopy;    /* for each connection */
	bool offload_1_2; /* TLS 1.2 where a device would have the records, below version_min */
	bool psk_ke;      /* resumption without a key exchange */
};

struct config {
	char *file;
	struct config_text socket;
	uid_t socket_owner;
	gid_t socket_group;
	mode_t socket_mode;
	uid_t user; /* of workers and signers */
	gid_t group;
	unsigned int workers;
	unsigned int signers;
	unsigned int relays;
	unsigned int relays_max;     /* connections, per relay */
	unsigned int max_handshakes; /* in flight, per worker */
	unsigned int deadline_max;   /* milliseconds; a request that asks for more gets this */
	unsigned int session_age;    /* seconds that a sealed session is good for */
	enum log_target log;
	struct config_text ticket_keys; /* folder; text is NULL for keys of our own */
	struct config_text key_log;     /* file of secrets; text is NULL for none */
	struct config_profile *profiles;
	size_t profiles_len;
};

/*
 * Reads a file. Errors and warnings are written to out as lines. Returns the configuration, to be
 * freed by config_free(), or NULL after at least one error.
 */
struct config *config_read(const char *file, FILE *out) __attribute__((warn_unused_result));

void config_free(struct config *config);

/* Whether the profile lets a user with these groups in, in this role. Root is a user like others.
 */
bool config_allows(const struct config_profile *profile, enum ktls_role role, uid_t uid,
		   const gid_t *groups, size_t groups_len);

#endif
