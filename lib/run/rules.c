/* SPDX-License-Identifier: MIT */
#include "lib/run/rules.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void run_rules_init(struct run_rules *rules)
{
	memset(rules, 0, sizeof(*rules));
	rules->deadline_ms = KTLS_DEADLINE_DEFAULT;
	rules->records = KTLS_RECORDS_REQUIRE_KERNEL;
}

/* ---- options ------------------------------------------------------------------------------- */

/* Digits only, 1 to max; 0 for anything else. */
static uint32_t number(const char *text, size_t len, uint32_t max)
{
	uint32_t n = 0;

	if (len == 0 || len > 9)
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		n = n * 10 + (uint32_t)(text[i] - '0');
	}
	return n <= max ? n : 0;
}

/* Neither the variable's lines nor anything else is to be broken by what a name holds. */
static bool copy(char *to, size_t cap, const char *from, size_t len)
{
	if (len == 0 || len >= cap)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)from[i] <= ' ' || from[i] == 0x7f)
			return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

/* [HOST:]PORT, len bytes; an IPv6 address may be in brackets. */
static bool place(const char *text, size_t len, struct run_rule *rule)
{
	size_t at = len;

	while (at > 0 && text[at - 1] != ':')
		at--;
	rule->port = (uint16_t)number(text + at, len - at, 65535);
	if (rule->port == 0)
		return false;
	if (at == 0)
		return true;
	len = at - 1;
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	return copy(rule->host, sizeof(rule->host), text, len);
}

static const char *add(struct run_rules *rules, enum run_rule_kind kind, const char *value)
{
	struct run_rule rule = { .kind = kind };
	const char *equals = strchr(value, '=');
	size_t cap = kind == RUN_RULE_NAME ? sizeof(rule.what) : KTLS_PROFILE_MAX + 1;

	if (!equals)
		return "there is no \"=\" in it";
	if (!place(value, (size_t)(equals - value), &rule))
		return "no port from 1 to 65535 before the \"=\"";
	if (rule.host[0] && kind != RUN_RULE_CONNECT)
		return "only --connect takes a host";
	if (!copy(rule.what, cap, equals + 1, strlen(equals + 1)))
		return kind == RUN_RULE_NAME ? "no name of at most 255 bytes behind the \"=\""
					     : "no profile of at most 64 bytes behind the \"=\"";
	if (rules->len == RUN_RULES_MAX)
		return "there are too many of them";
	rules->rules[rules->len++] = rule;
	return NULL;
}

static const char *set_socket(struct run_rules *rules, const char *value)
{
	if (!copy(rules->socket, sizeof(rules->socket), value, strlen(value)))
		return "no path of at most 107 bytes, without blanks";
	return NULL;
}

static const char *set_deadline(struct run_rules *rules, const char *value)
{
	uint32_t ms = number(value, strlen(value), KTLS_DEADLINE_MAX);

	if (ms == 0)
		return "not a number of milliseconds from 1 to 300000";
	rules->deadline_ms = ms;
	return NULL;
}

static const char *set_records(struct run_rules *rules, const char *value)
{
	if (strcmp(value, "require-kernel") == 0)
		rules->records = KTLS_RECORDS_REQUIRE_KERNEL;
	else if (strcmp(value, "prefer-kernel") == 0)
		rules->records = KTLS_RECORDS_PREFER_KERNEL;
	else
		return "neither require-kernel nor prefer-kernel";
	return NULL;
}

const char *run_rules_option(struct run_rules *rules, const char *name, const char *value)
{
	if (strcmp(name, "listen") == 0)
		return add(rules, RUN_RULE_LISTEN, value);
	if (strcmp(name, "connect") == 0)
		return add(rules, RUN_RULE_CONNECT, value);
	if (strcmp(name, "name") == 0)
		return add(rules, RUN_RULE_NAME, value);
	if (strcmp(name, "socket") == 0)
		return set_socket(rules, value);
	if (strcmp(name, "deadline") == 0)
		return set_deadline(rules, value);
	if (strcmp(name, "records") == 0)
		return set_records(rules, value);
	if (strcmp(name, "verbose") != 0)
		return "unknown";
	rules->verbose = true;
	return NULL;
}

/* ---- the variable -------------------------------------------------------------------------- */

static void rule_print(FILE *out, const struct run_rule *rule)
{
	static const char *const names[] = { [RUN_RULE_LISTEN] = "listen",
					     [RUN_RULE_CONNECT] = "connect",
					     [RUN_RULE_NAME] = "name" };

	fprintf(out, "%s ", names[rule->kind]);
	if (rule->host[0])
		fprintf(out, "[%s]:", rule->host);
	fprintf(out, "%u=%s\n", rule->port, rule->what);
}

bool run_rules_build(const struct run_rules *rules, char *out, size_t cap)
{
	FILE *f = fmemopen(out, cap, "w");
	long len;

	if (!f)
		return false;
	for (size_t i = 0; i < rules->len; i++)
		rule_print(f, &rules->rules[i]);
	if (rules->socket[0])
		fprintf(f, "socket %s\n", rules->socket);
	fprintf(f, "deadline %u\nrecords %s\n", rules->deadline_ms,
		rules->records == KTLS_RECORDS_PREFER_KERNEL ? "prefer-kernel" : "require-kernel");
	if (rules->verbose)
		fputs("verbose 1\n", f);
	fflush(f);
	len = ftell(f);
	fclose(f);
	return len > 0 && (size_t)len < cap;
}

static bool parse_line(struct run_rules *rules, const char *line, size_t len)
{
	char name[16], value[2 * RUN_HOST_MAX + 16];
	const char *blank = memchr(line, ' ', len);
	size_t name_len = blank ? (size_t)(blank - line) : 0;

	if (!copy(name, sizeof(name), line, name_len) ||
	    !copy(value, sizeof(value), blank + 1, len - name_len - 1))
		return false;
	return !run_rules_option(rules, name, value);
}

bool run_rules_parse(struct run_rules *rules, const char *value)
{
	const char *end;

	run_rules_init(rules);
	for (; *value; value = end + 1) {
		end = strchr(value, '\n');
		if (!end || !parse_line(rules, value, (size_t)(end - value)))
			return false;
	}
	return true;
}

/* ---- looking up ---------------------------------------------------------------------------- */

uint16_t run_address_port(const struct sockaddr_in6 *address)
{
	/* Both families have it at the same place. */
	return ntohs(address->sin6_port);
}

void run_address_text(const struct sockaddr_in6 *address, char out[static INET6_ADDRSTRLEN])
{
	const uint8_t *bytes = address->sin6_addr.s6_addr;
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;

	if (address->sin6_family == AF_INET)
		inet_ntop(AF_INET, &in->sin_addr, out, INET6_ADDRSTRLEN);
	else if (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr))
		inet_ntop(AF_INET, bytes + 12, out, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, bytes, out, INET6_ADDRSTRLEN);
}

static bool host_is(const struct run_rule *rule, const struct sockaddr_in6 *address,
		    const char *host)
{
	char text[INET6_ADDRSTRLEN], canonical[INET6_ADDRSTRLEN];
	struct in6_addr in6;

	if (!rule->host[0] || (host && strcasecmp(rule->host, host) == 0))
		return true;
	run_address_text(address, text);
	if (inet_pton(AF_INET6, rule->host, &in6) == 1)
		return strcmp(inet_ntop(AF_INET6, &in6, canonical, sizeof(canonical)), text) == 0;
	return strcmp(rule->host, text) == 0;
}

const struct run_rule *run_rules_find(const struct run_rules *rules, enum run_rule_kind kind,
				      const struct sockaddr_in6 *address, const char *host)
{
	for (size_t i = 0; i < rules->len; i++) {
		const struct run_rule *rule = &rules->rules[i];

		if (rule->kind == kind && rule->port == run_address_port(address) &&
		    host_is(rule, address, host))
			return rule;
	}
	return NULL;
}
