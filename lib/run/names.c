/* SPDX-License-Identifier: MIT */
/*
 * Which name the program looked up for an address: what it then connects to is to be that. Where
 * one address has several names, the last look-up counts.
 */
#include <arpa/inet.h>
#include <string.h>

#include "lib/run/run.h"

#define NAMES 1024 /* the oldest goes first */

struct named {
	struct in6_addr address; /* IPv4 as a mapped one */
	char name[RUN_HOST_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct named names[NAMES];
static size_t names_len, names_next;

static void mapped(const struct in_addr *in, struct in6_addr *out)
{
	memset(out, 0, 10);
	memset(&out->s6_addr[10], 0xff, 2);
	memcpy(&out->s6_addr[12], in, 4);
}

static void address_of(const struct sockaddr_in6 *address, struct in6_addr *out)
{
	if (address->sin6_family == AF_INET)
		mapped(&((const struct sockaddr_in *)address)->sin_addr, out);
	else
		*out = address->sin6_addr;
}

static bool is_numeric(const char *name)
{
	struct in6_addr in6;
	struct in_addr in;

	return inet_pton(AF_INET, name, &in) == 1 || inet_aton(name, &in) == 1 ||
	       strchr(name, ':') || inet_pton(AF_INET6, name, &in6) == 1;
}

static struct named *find(const struct in6_addr *address)
{
	for (size_t i = 0; i < names_len; i++)
		if (memcmp(&names[i].address, address, sizeof(*address)) == 0)
			return &names[i];
	return NULL;
}

static void remember(const struct in6_addr *address, const char *name)
{
	struct named *named;

	pthread_mutex_lock(&lock);
	named = find(address);
	if (!named) {
		named = &names[names_next];
		names_next = (names_next + 1) % NAMES;
		names_len += names_len < NAMES;
	}
	named->address = *address;
	strcpy(named->name, name);
	pthread_mutex_unlock(&lock);
}

static void remember_list(const char *name, const struct addrinfo *list)
{
	struct sockaddr_in6 address;
	struct in6_addr in6;

	for (; list; list = list->ai_next) {
		if (!run_address_from(list->ai_addr, list->ai_addrlen, &address))
			continue;
		address_of(&address, &in6);
		remember(&in6, name);
	}
}

/* A name with a dot at its end is the same name. */
static bool to_keep(const char *name, char out[static RUN_HOST_MAX])
{
	size_t len = name ? strlen(name) : 0;

	if (!run_active || len == 0 || len >= RUN_HOST_MAX || is_numeric(name))
		return false;
	memcpy(out, name, len + 1);
	if (len > 1 && out[len - 1] == '.')
		out[len - 1] = '\0';
	return true;
}

bool run_name_find(const struct sockaddr_in6 *address, char out[static RUN_HOST_MAX])
{
	struct in6_addr in6;
	struct named *named;

	address_of(address, &in6);
	pthread_mutex_lock(&lock);
	named = find(&in6);
	if (named)
		memcpy(out, named->name, RUN_HOST_MAX);
	pthread_mutex_unlock(&lock);
	return named;
}

void run_names_after_fork(void)
{
	pthread_mutex_init(&lock, NULL);
}

/*
 * Of rules for a port that name a host: some programs know a host's address without libc (curl that
 * of localhost), and are not to go on in the clear for that.
 */
void run_names_of_rules(uint16_t port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const struct run_rule *rule;
	struct addrinfo *list;

	for (size_t i = 0; i < run_rules.len; i++) {
		rule = &run_rules.rules[i];
		if (rule->kind != RUN_RULE_CONNECT || rule->port != port || !rule->host[0] ||
		    is_numeric(rule->host) ||
		    REAL(getaddrinfo)(rule->host, NULL, &hints, &list) != 0)
			continue;
		remember_list(rule->host, list);
		freeaddrinfo(list);
	}
}

/* ---- the calls ----------------------------------------------------------------------------- */

RUN_EXPORT int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
			   struct addrinfo **list)
{
	int ret = REAL(getaddrinfo)(node, service, hints, list);
	char name[RUN_HOST_MAX];

	if (ret == 0 && to_keep(node, name))
		remember_list(name, *list);
	return ret;
}

static void remember_host(const char *node, const struct hostent *host)
{
	char name[RUN_HOST_MAX];
	struct in6_addr in6;

	if (!host || !to_keep(node, name))
		return;
	for (char **at = host->h_addr_list; *at; at++) {
		if (host->h_addrtype == AF_INET)
			mapped((const struct in_addr *)*at, &in6);
		else
			memcpy(&in6, *at, sizeof(in6));
		remember(&in6, name);
	}
}

RUN_EXPORT struct hostent *gethostbyname(const char *name)
{
	struct hostent *host = REAL(gethostbyname)(name);

	remember_host(name, host);
	return host;
}

RUN_EXPORT int gethostbyname_r(const char *name, struct hostent *host, char *buf, size_t len,
			       struct hostent **result, int *error)
{
	int ret = REAL(gethostbyname_r)(name, host, buf, len, result, error);

	if (ret == 0)
		remember_host(name, *result);
	return ret;
}
