/* SPDX-License-Identifier: MIT */
#include "daemon/channel.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/bundle.h"
#include "daemon/carry.h"
#include "daemon/log.h"
#include "daemon/netlink_role.h"
#include "daemon/question.h"
#include "lib/conn/sealing_keys.h"
#include "lib/conn/ticket_keys.h"
#include "lib/crypto/util.h"
#include "lib/handoff/packet.h"

struct rule {
	const char *name;
	unsigned int from, to; /* enum channel_role, several ORed */
	size_t min, max;       /* bytes of the body */
	bool fd;
};

#define LONGEST    (1 + 10 + QUESTION_MAX) /* bytes: a SIGN */
#define ANY_CHILD  (ROLE_WORKER | ROLE_SIGNER | ROLE_RELAY | ROLE_NETLINK)
#define CLIENT_LEN (4 + 4 + 2 * BUNDLE_PROFILES_MAX / 8)

static const struct rule rules[] = {
	[CHANNEL_SETUP] = { "SETUP", ROLE_SUPERVISOR, ANY_CHILD, 10, 10, true },
	[CHANNEL_SIGNER] = { "SIGNER", ROLE_SUPERVISOR, ROLE_WORKER, 2, 2, true },
	[CHANNEL_WORKER] = { "WORKER", ROLE_SUPERVISOR, ROLE_SIGNER | ROLE_RELAY | ROLE_NETLINK, 2,
			     2, true },
	[CHANNEL_CLIENT] = { "CLIENT", ROLE_SUPERVISOR, ROLE_WORKER, CLIENT_LEN, CLIENT_LEN, true },
	[CHANNEL_STOP] = { "STOP", ROLE_SUPERVISOR, ANY_CHILD, 0, 0, false },
	[CHANNEL_RETIRE] = { "RETIRE", ROLE_SUPERVISOR, ROLE_WORKER | ROLE_RELAY, 0, 0, false },
	[CHANNEL_READY] = { "READY", ANY_CHILD, ROLE_SUPERVISOR, 0, 0, false },
	[CHANNEL_LOAD] = { "LOAD", ROLE_WORKER, ROLE_SUPERVISOR, 28, 28, false },
	[CHANNEL_SUSPECT] = { "SUSPECT", ROLE_SIGNER, ROLE_SUPERVISOR, 2, 2, false },
	[CHANNEL_SIGN] = { "SIGN", ROLE_WORKER, ROLE_SIGNER, 10 + QUESTION_MIN, 10 + QUESTION_MAX,
			   false },
	[CHANNEL_DECRYPT] = { "DECRYPT", ROLE_WORKER, ROLE_SIGNER, 10 + DECRYPT_MIN,
			      10 + DECRYPT_MAX, false },
	[CHANNEL_SIGNED] = { "SIGNED", ROLE_SIGNER, ROLE_WORKER, 10, 10 + 512, false },
	[CHANNEL_KEYS] = { "KEYS", ROLE_SUPERVISOR, ROLE_SIGNER, 1 + TICKET_SECRET_MIN,
			   TICKET_KEYS_MAX *(1 + TICKET_SECRET_MAX), false },
	[CHANNEL_SEAL] = { "SEAL", ROLE_WORKER, ROLE_SIGNER, 11, 10 + TICKET_CONTENT_MAX, false },
	[CHANNEL_OPEN] = { "OPEN", ROLE_WORKER, ROLE_SIGNER, 11, 10 + KTLS_ENGINE_TICKET_MAX,
			   false },
	[CHANNEL_KEY_LOG] = { "KEY_LOG", ROLE_SUPERVISOR, ROLE_WORKER, 0, 0, true },
	[CHANNEL_SEALING] = { "SEALING", ROLE_SUPERVISOR, ROLE_SIGNER, SEALING_BOOT, SEALING_BOOT,
			      true },
	[CHANNEL_SEAL_SESSION] = { "SEAL_SESSION", ROLE_WORKER, ROLE_SIGNER,
				   16 + SEALED_HEADER_LEN + 1,
				   16 + SEALED_HEADER_LEN + SEALING_CONTENT_MAX, false },
	[CHANNEL_OPEN_SESSION] = { "OPEN_SESSION", ROLE_WORKER, ROLE_SIGNER, 16 + 1,
				   16 + HANDOFF_SESSION_MAX, false },
	[CHANNEL_RELAY] = { "RELAY", ROLE_SUPERVISOR, ROLE_WORKER, 2, 2, true },
	[CHANNEL_CARRY] = { "CARRY", ROLE_WORKER, ROLE_RELAY, 8 + CARRY_LEN,
			    8 + CARRY_LEN + HANDOFF_SESSION_MAX, true },
	[CHANNEL_CARRIED] = { "CARRIED", ROLE_RELAY, ROLE_WORKER, 8, 8, true },
	[CHANNEL_DECLINED] = { "DECLINED", ROLE_RELAY, ROLE_WORKER, 10, 10, false },
	[CHANNEL_TICKET] = { "TICKET", ROLE_RELAY, ROLE_WORKER, 8 + 2 + 2, CHANNEL_MAX - 1, false },
	[CHANNEL_HELD] = { "HELD", ROLE_RELAY, ROLE_SUPERVISOR, 36, 36, false },
	[CHANNEL_NETLINK] = { "NETLINK", ROLE_SUPERVISOR, ROLE_WORKER, 2, 2, true },
	[CHANNEL_ROUTE] = { "ROUTE", ROLE_WORKER, ROLE_NETLINK, 8 + ROUTE_QUESTION_LEN,
			    8 + ROUTE_QUESTION_LEN, false },
	[CHANNEL_ROUTED] = { "ROUTED", ROLE_NETLINK, ROLE_WORKER, 8 + ROUTE_ANSWER_LEN,
			     8 + ROUTE_ANSWER_LEN, false },
	[CHANNEL_LOOK] = { "LOOK", ROLE_WORKER, ROLE_NETLINK, 8 + LOOK_QUESTION_LEN,
			   8 + LOOK_QUESTION_LEN, false },
	[CHANNEL_LOOKED] = { "LOOKED", ROLE_NETLINK, ROLE_WORKER, 8 + LOOK_ANSWER_LEN,
			     8 + LOOK_ANSWER_LEN, false },
	[CHANNEL_OPENED] = { "OPENED", ROLE_SIGNER, ROLE_WORKER, 10, 10 + KTLS_ENGINE_TICKET_MAX,
			     false },
};

_Static_assert(1 + 10 + KTLS_ENGINE_TICKET_MAX <= CHANNEL_MAX, "a ticket must fit");

static const struct rule *find_rule(uint8_t type)
{
	if (type >= sizeof(rules) / sizeof(rules[0]) || !rules[type].name)
		return NULL;
	return &rules[type];
}

static const struct channel_handler *find_handler(const struct channel_handler *handlers,
						  uint8_t type)
{
	for (; handlers->type; handlers++) {
		if (handlers->type == type)
			return handlers;
	}
	return NULL;
}

/* Why a packet is not according to its rule; NULL if it is. */
static const char *break_of_rule(const struct channel *channel, const struct rule *rule,
				 const struct handoff_packet *packet)
{
	size_t len = packet->len - 1;

	if (packet->truncated || packet->fds_lost)
		return "was cut off";
	if (!(rule->from & channel->there) || !(rule->to & channel->here))
		return "is not for this channel";
	if (len < rule->min || len > rule->max)
		return "has a wrong length";
	if (packet->fds_len != (rule->fd ? 1 : 0))
		return "has a wrong number of descriptors";
	return NULL;
}

static int broken(const struct channel *channel, const char *what, const char *why)
{
	log_message(LOG_ERR, "%s sent a message that %s: %s", channel->name, why, what);
	return -EPROTO;
}

/* The packet's descriptors are closed here unless the handler got them. */
static int handle(const struct channel *channel, const struct channel_handler *handlers, void *arg,
		  const uint8_t *bytes, struct handoff_packet *packet)
{
	const struct rule *rule = packet->len > 0 ? find_rule(bytes[0]) : NULL;
	const struct channel_handler *handler;
	struct reader body;
	const char *why;
	int fd;
	int err;

	if (!rule)
		return broken(channel, "?", "has no known type");
	why = break_of_rule(channel, rule, packet);
	if (why)
		return broken(channel, rule->name, why);
	handler = find_handler(handlers, bytes[0]);
	if (!handler)
		return broken(channel, rule->name, "is not allowed now");
	fd = rule->fd ? packet->fds[0] : CHANNEL_FD_NONE;
	packet->fds_len = 0;
	reader_init(&body, bytes + 1, packet->len - 1);
	err = handler->run(arg, &body, fd);
	if (err == 0 && !reader_empty(&body))
		err = -EPROTO;
	return err == 0 ? 0 : broken(channel, rule->name, "has wrong contents");
}

int channel_run(const struct channel *channel, const struct channel_handler *handlers, void *arg,
		unsigned int most)
{
	uint8_t bytes[LONGEST];
	struct handoff_packet packet;

	for (unsigned int i = 0; i < most; i++) {
		int n = handoff_recv(channel->fd, bytes, sizeof(bytes), &packet);
		int err;

		if (n == -EAGAIN)
			return 0;
		if (n == 0)
			return -EPIPE;
		if (n < 0)
			return n;
		err = handle(channel, handlers, arg, bytes, &packet);
		handoff_close_fds(&packet);
		secret_wipe(bytes, packet.len < sizeof(bytes) ? packet.len : sizeof(bytes));
		if (err)
			return err;
	}
	return 0;
}

void channel_begin(struct channel_message *message, enum channel_type type)
{
	writer_init(&message->body, message->bytes, sizeof(message->bytes));
	writer_u8(&message->body, (uint8_t)type);
}

int channel_send(const struct channel *channel, const struct channel_message *message, int fd)
{
	if (!writer_ok(&message->body))
		return -EMSGSIZE;
	return handoff_send(channel->fd, message->bytes, message->body.len, fd);
}

int channel_send_bytes(const struct channel *channel, const uint8_t *message, size_t len)
{
	return handoff_send(channel->fd, message, len, CHANNEL_FD_NONE);
}

void channel_wipe(struct channel_message *message)
{
	secret_wipe(message->bytes, sizeof(message->bytes));
}
