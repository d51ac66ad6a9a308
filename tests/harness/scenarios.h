/* SPDX-License-Identifier: MIT */
/*
 * Scenarios in which a handshake must end for a certain reason: what the peer does is played by a
 * puppet (puppet.h). The tables are in scenarios_*.c, by subject; tests/unit/engine_errors.c plays
 * them.
 */
#ifndef KTLS_TESTS_SCENARIOS_H
#define KTLS_TESTS_SCENARIOS_H

#include "tests/harness/puppet.h"

enum victim { CLIENT, SERVER };

struct scenario {
	const char *name;
	enum victim victim;
	enum ktls_reason reason; /* that the victim must name */
	void (*provoke)(void);   /* leaves the victim's input before it */
};

extern const struct scenario scenarios_record[], scenarios_hello[], scenarios_auth[],
	scenarios_1_2[], scenarios_resume[], scenarios_psk[];
extern const size_t scenarios_record_len, scenarios_hello_len, scenarios_auth_len,
	scenarios_1_2_len, scenarios_resume_len, scenarios_psk_len;

#define SCENARIO(victim, reason, provoke)                  \
	{                                                  \
#provoke, victim, KTLS_R_##reason, provoke \
	}

/* The two ends, started when a scenario begins. */
extern struct engine_end scenario_client, scenario_server;
extern const uint8_t scenario_junk[16000];

enum record_type { CCS = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23 };

enum extension_type {
	SERVER_NAME = 0,
	MAX_FRAGMENT_LENGTH = 1,
	GROUPS = 10,
	SCHEMES = 13,
	POINT_FORMATS = 11,
	ALPN = 16,
	EXTENDED_MASTER_SECRET = 23,
	RECORD_SIZE_LIMIT = 28,
	SESSION_TICKET = 35,
	PRE_SHARED_KEY = 41,
	EARLY_DATA = 42,
	VERSIONS = 43,
	COOKIE = 44,
	PSK_MODES = 45,
	KEY_SHARE = 51,
	RENEGOTIATION_INFO = 0xff01,
};

#define TO_SERVER(...)                                                    \
	scenario_feed(&scenario_server, (const uint8_t[]){ __VA_ARGS__ }, \
		      sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define TO_CLIENT(...)                                                    \
	scenario_feed(&scenario_client, (const uint8_t[]){ __VA_ARGS__ }, \
		      sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define BODY(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

void scenario_feed(struct engine_end *end, const uint8_t *bytes, size_t len);
/* The client's first hello lies before the server. */
void scenario_hello(void);
void scenario_hello_with(uint16_t type, const uint8_t *body, size_t len);
void scenario_hello_without(uint16_t type);
/* The server has sent its flight, the client has read it and is about to answer. */
void scenario_before_client_finished(void);
/* The ServerHello lies before the client. */
void scenario_server_hello(void);
void scenario_server_hello_with(uint16_t type, const uint8_t *body, size_t len);
/* The server is about to send the message of a state; the client has read what came before. */
void scenario_server_at(enum state state);
/* The server's HelloRetryRequest lies before the client, for secp256r1. */
void scenario_retry(void);
/* The second ClientHello lies before the server. */
void scenario_hello_again(void);
void scenario_set_body(struct engine_end *end, size_t at, uint8_t value);

#endif
