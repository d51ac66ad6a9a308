/* SPDX-License-Identifier: MIT */
/*
 * Connections whose records the kernel does not carry, handed over to the relays. The reply is made
 * when the handshake is, and sent when a relay has the connection; it takes the application's end
 * of the relay's pair along.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/carry.h"
#include "daemon/config.h"
#include "daemon/worker.h"
#include "lib/conn/reply.h"
#include "lib/crypto/util.h"

/* ---- requests that a relay has been asked for -------------------------------------------------
 */

static void carried_push(struct request *request)
{
	struct worker *w = request->worker;

	request->next_carried = w->carried;
	w->carried = request;
}

static struct request *carried_take(struct worker *w, const struct relay_link *link, uint64_t token)
{
	struct request **at = &w->carried, *request;

	while (*at && !((*at)->relay == link && (*at)->token == token))
		at = &(*at)->next_carried;
	request = *at;
	if (request)
		*at = request->next_carried;
	return request;
}

static void forget_packet(struct request *request)
{
	if (request->packet)
		explicit_bzero(request->packet, request->packet_len);
	free(request->packet);
	request->packet = NULL;
}

static void unavailable(struct request *request, enum ktls_reason reason)
{
	struct handoff_reply reply = { .reason = KTLS_R_RELAY_UNAVAILABLE,
				       .alert = KTLS_ALERT_NONE };

	forget_packet(request);
	if (reason != KTLS_R_RELAY_UNAVAILABLE)
		snprintf(reply.text, sizeof(reply.text), "%s", ktls_reason_text((int)reason));
	request_log_failure(request, KTLS_R_RELAY_UNAVAILABLE, NULL);
	if (request->listening)
		listening_carried(request, -1);
	request_answer(request, &reply);
}

/* The application's end is taken over. */
static void pass_on(struct request *request, int fd)
{
	if (request->listening)
		listening_carried(request, fd);
	else if (request->client)
		client_send_fd(request->client, request->packet, request->packet_len, fd);
	else
		close(fd); /* and the relay ends */
	forget_packet(request);
	request_free(request);
}

/* ---- what relays say --------------------------------------------------------------------------
 */

static int on_carried(void *arg, struct reader *body, int fd)
{
	struct relay_link *link = arg;
	struct request *request;
	uint64_t token;

	if (!reader_u64(body, &token)) {
		close(fd);
		return -EPROTO;
	}
	request = carried_take(link->worker, link, token);
	if (!request) {
		close(fd);
		return -EPROTO;
	}
	pass_on(request, fd);
	return 0;
}

static int on_declined(void *arg, struct reader *body, int fd)
{
	struct relay_link *link = arg;
	struct request *request;
	uint64_t token;
	uint16_t reason;

	(void)fd;
	if (!reader_u64(body, &token) || !reader_u16(body, &reason))
		return -EPROTO;
	request = carried_take(link->worker, link, token);
	if (!request)
		return -EPROTO;
	unavailable(request, (enum ktls_reason)reason);
	return 0;
}

/* ---- tickets ----------------------------------------------------------------------------------
 */

/* Whose it is was sealed with the session: a user who was let in then. */
static int admit(void *arg, const char *profile, enum ktls_role role,
		 const struct conn_profile **out)
{
	const struct profile *found = profile_find(arg, profile);

	if (!found || !(found->roles & BUNDLE_ROLE(role)))
		return -KTLS_R_PROFILE_UNKNOWN;
	*out = &found->conn;
	return 0;
}

/* It is kept, or it is not: nobody waits to hear. */
static void ticket_done(void *arg, const struct conn_result *result)
{
	(void)arg;
	(void)result;
}

static int on_ticket(void *arg, struct reader *body, int fd)
{
	struct worker *w = ((struct relay_link *)arg)->worker;
	struct conn_service_request request = {
		.fd = -1, .relayed = true, .admit = admit, .done = ticket_done, .arg = w
	};
	struct carry_ticket ticket;
	struct conn *conn;

	(void)fd;
	if (!carry_ticket_read(body, &ticket))
		return -EPROTO;
	request.cookie = ticket.cookie;
	request.session = ticket.session;
	request.ticket = ticket.message;
	if (!w->stopping)
		(void)!conn_service_start(w->loop, &request, &conn);
	return 0;
}

static const struct channel_handler handlers[] = {
	{ CHANNEL_CARRIED, on_carried },
	{ CHANNEL_DECLINED, on_declined },
	{ CHANNEL_TICKET, on_ticket },
	{ 0 },
};

/* ---- channels ---------------------------------------------------------------------------------
 */

/* What it had been given and not answered is lost: nobody knows what it did with the socket. */
static void link_lose(struct relay_link *link)
{
	struct request **at = &link->worker->carried, *request;

	if (link->watch.fd < 0)
		return;
	epoll_ctl(link->worker->epoll, EPOLL_CTL_DEL, link->watch.fd, NULL);
	close(link->watch.fd);
	link->watch.fd = -1;
	link->channel.fd = -1;
	while (*at) {
		request = *at;
		if (request->relay != link) {
			at = &request->next_carried;
			continue;
		}
		*at = request->next_carried;
		unavailable(request, KTLS_R_RELAY_LOST);
	}
}

static void link_ready(struct watch *watch, uint32_t events)
{
	struct relay_link *link = (struct relay_link *)watch;

	(void)events;
	if (link->watch.fd >= 0 && channel_run(&link->channel, handlers, link, CHANNEL_TURN) != 0)
		link_lose(link);
}

void relays_init(struct worker *w)
{
	for (size_t i = 0; i < RELAYS_MAX; i++) {
		struct relay_link *link = &w->relays[i];

		link->worker = w;
		link->watch = (struct watch){ .ready = link_ready, .fd = -1 };
		snprintf(link->name, sizeof(link->name), "relay %zu", i + 1);
		link->channel = (struct channel){
			.fd = -1, .here = ROLE_WORKER, .there = ROLE_RELAY, .name = link->name
		};
	}
}

void relay_adopt(struct worker *w, uint16_t index, int fd)
{
	struct relay_link *link = &w->relays[index];

	link_lose(link);
	link->watch.fd = fd;
	link->channel.fd = fd;
	if (!watch_add(w, &link->watch, EPOLLIN))
		link_lose(link);
}

/* ---- handing over -----------------------------------------------------------------------------
 */

enum conn_records relay_records(const struct request *request, uint8_t wanted)
{
	if (wanted != KTLS_RECORDS_PREFER_KERNEL ||
	    request->profile->carrier == CONFIG_CARRIER_KERNEL ||
	    !(request->worker->capabilities & KTLS_CAN_RELAY))
		return CONN_KERNEL;
	return request->profile->carrier == CONFIG_CARRIER_RELAY ? CONN_CALLER : CONN_PREFER_KERNEL;
}

/* To any relay that takes it, each in its turn. NULL where there is none. */
static struct relay_link *send_to_any(struct worker *w, const struct channel_message *m, int fd)
{
	for (size_t i = 0; i < RELAYS_MAX; i++) {
		struct relay_link *link = &w->relays[w->next_relay++ % RELAYS_MAX];

		if (link->watch.fd >= 0 && channel_send(&link->channel, m, fd) == 0)
			return link;
	}
	return NULL;
}

static struct relay_link *hand_over(struct request *request, const struct conn_result *result)
{
	struct carry carry = { .secrets = { .role = result->secrets->role,
					    .version = result->secrets->version,
					    .suite = result->secrets->suite },
			       .tx = *result->tx_key,
			       .rx = *result->rx_key,
			       .content_max = result->facts->content_max,
			       .records_max = result->records_max };
	struct channel_message m;
	struct relay_link *link;

	memcpy(carry.secrets.tx, result->secrets->tx, sizeof(carry.secrets.tx));
	memcpy(carry.secrets.rx, result->secrets->rx, sizeof(carry.secrets.rx));
	request->token = ++request->worker->last_token;
	channel_begin(&m, CHANNEL_CARRY);
	writer_u64(&m.body, request->token);
	carry_write(&m.body, &carry);
	writer_bytes(&m.body, result->session.bytes, result->session.len);
	link = send_to_any(request->worker, &m, result->fd);
	channel_wipe(&m);
	secret_wipe(&carry, sizeof(carry));
	return link;
}

/* What the application is told, as soon as a relay has the connection. */
static bool keep_reply(struct request *request, const struct conn_result *result)
{
	struct conn_carried room;
	struct worker *w = request->worker;
	struct handoff_reply reply;
	size_t len;

	conn_reply(result, &reply);
	reply.id = request->id;
	reply.time_us = request_age(request);
	conn_reply_carried(result, &room, &reply);
	if (request->listening)
		listening_complete(request, &reply);
	len = handoff_reply_build(&reply, w->reply, sizeof(w->reply));
	request->packet = malloc(len);
	request->packet_len = len;
	if (request->packet)
		memcpy(request->packet, w->reply, len);
	explicit_bzero(w->reply, len);
	return request->packet;
}

void relay_carry(struct request *request, const struct conn_result *result)
{
	bool kept = keep_reply(request, result);

	request->relay = kept ? hand_over(request, result) : NULL;
	conn_loop_close(request->worker->loop, result->fd, NULL, NULL);
	if (request->relay)
		carried_push(request);
	else
		unavailable(request, kept ? KTLS_R_RELAY_UNAVAILABLE : KTLS_R_NO_MEMORY);
}
