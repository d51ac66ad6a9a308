/* SPDX-License-Identifier: MIT */
/*
 * What ktlsrun has been told, and how the program's process learns of it: an environment variable
 * with a line for each option, which the program's children inherit.
 *
 *	listen 443=web
 *	connect redis.example.org:6380=backend
 *	name 6380=redis.example.org
 *	socket /run/ktlsd/ktlsd.sock
 *	deadline 5000
 *	records prefer-kernel
 *	verbose 1
 */
#ifndef KTLS_RUN_RULES_H
#define KTLS_RUN_RULES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <ktls.h>

#define RUN_VARIABLE  "KTLSRUN"
#define RUN_RULES_MAX 64
#define RUN_HOST_MAX  256

enum run_rule_kind {
	RUN_RULE_LISTEN = 1,
	RUN_RULE_CONNECT,
	RUN_RULE_NAME,
};

struct run_rule {
	enum run_rule_kind kind;
	uint16_t port;
	char host[RUN_HOST_MAX]; /* a name or an address; "": any */
	char what[RUN_HOST_MAX]; /* a profile; or the name to expect */
};

struct run_rules {
	struct run_rule rules[RUN_RULES_MAX];
	size_t len;
	char socket[108]; /* "": KTLS_SOCKET_PATH */
	uint32_t deadline_ms;
	enum ktls_records records;
	bool verbose;
};

/* Defaults. */
void run_rules_init(struct run_rules *rules);

/*
 * One option, by its name without dashes. NULL, or what is wrong with it, for people, and rules are
 * as they were.
 */
const char *run_rules_option(struct run_rules *rules, const char *name, const char *value);

/* The variable's value, and back. False: it does not fit; or it was not made by the other. */
bool run_rules_build(const struct run_rules *rules, char *out, size_t cap);
bool run_rules_parse(struct run_rules *rules, const char *value);

/* The first rule for a port. host, for RUN_RULE_CONNECT: the name, if the program looked one up. */
const struct run_rule *run_rules_find(const struct run_rules *rules, enum run_rule_kind kind,
				      const struct sockaddr_in6 *address, const char *host);

/* An address as libktls wants it for a server's name: without brackets, IPv4 if it is a mapped one.
 */
void run_address_text(const struct sockaddr_in6 *address, char out[static INET6_ADDRSTRLEN]);

uint16_t run_address_port(const struct sockaddr_in6 *address);

#endif
