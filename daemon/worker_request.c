/* SPDX-License-Identifier: MIT */
/*
 * A request: from the packet to the reply and the line in the log. Whatever becomes of it, its
 * descriptor is closed before the reply is sent, so that a reply means that ktlsd holds nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/clock.h"
#include "daemon/worker.h"
#include "lib/conn/reply.h"

/* ---- the log ----------------------------------------------------------------------------------
 */

/* get: getpeername or getsockname. */
static void describe_address(int fd, int (*get)(int, struct sockaddr *, socklen_t *), char *out,
			     size_t size)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a = { .any.sa_family = AF_UNSPEC };
	socklen_t len = sizeof(a);
	char text[INET6_ADDRSTRLEN];

	snprintf(out, size, "?");
	if (get(fd, &a.any, &len) != 0)
		return;
	if (a.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a.v6.sin6_addr)) {
		memcpy(&a.v4.sin_addr, &a.v6.sin6_addr.s6_addr[12], sizeof(a.v4.sin_addr));
		a.any.sa_family = AF_INET; /* the port is where it was */
	}
	if (a.any.sa_family == AF_INET && inet_ntop(AF_INET, &a.v4.sin_addr, text, sizeof(text)))
		snprintf(out, size, "%s:%u", text, ntohs(a.v4.sin_port));
	else if (a.any.sa_family == AF_INET6 &&
		 inet_ntop(AF_INET6, &a.v6.sin6_addr, text, sizeof(text)))
		snprintf(out, size, "[%s]:%u", text, ntohs(a.v6.sin6_port));
}

/* The peer; where there is none, as of a listening socket, the address that it has itself. */
static void describe_socket(int fd, char *out, size_t size)
{
	describe_address(fd, getpeername, out, size);
	if (strcmp(out, "?") == 0)
		describe_address(fd, getsockname, out, size);
}

void request_describe(const struct request *request, char *out, size_t size)
{
	snprintf(out, size, "uid %u pid %d profile %s %s %s%s", request->uid, (int)request->pid,
		 request->profile_name, request->role == KTLS_SERVER ? "server" : "client",
		 request->peer, request->service ? " service" : "");
}

/* " client=CN=alice" behind what a server's handshake was; "-" for one that showed nothing. */
static void describe_client(const struct request *request, const struct conn_result *result,
			    char *out, size_t size)
{
	const char *name = "-";

	*out = '\0';
	if (request->role != KTLS_SERVER ||
	    request->profile->conn.client_auth == KTLS_ENGINE_NO_CLIENT_AUTH)
		return;
	if (result->chain_len > 0)
		name = result->names_len > 0 ? result->names[0].text : "?";
	snprintf(out, size, " client=\"%s\"", name);
}

static void log_success(const struct request *request, const struct conn_result *result)
{
	const struct ktls_engine_facts *f = result->facts;
	char who[256], client[256];

	request_describe(request, who, sizeof(who));
	describe_client(request, result, client, sizeof(client));
	log_message(LOG_INFO,
		    "%s: OK%s %s %s %s %s name=%s alpn=%.*s%s tx=%s rx=%s, %u us, %u us of CPU",
		    who, f->resumed ? " resumed" : "", ktls_version_name(f->version),
		    ktls_suite_name(f->suite), ktls_group_name(f->group),
		    ktls_scheme_name(f->scheme), f->server_name[0] ? f->server_name : "-",
		    f->alpn_len > 0 ? f->alpn_len : 1,
		    f->alpn_len > 0 ? (const char *)f->alpn : "-", client,
		    ktls_state_name(result->carry ? KTLS_STATE_RELAY : result->tx),
		    ktls_state_name(result->carry ? KTLS_STATE_RELAY : result->rx), result->wall_us,
		    result->cpu_us);
}

void request_log_failure(const struct request *request, enum ktls_reason reason,
			 const struct conn_result *result)
{
	const char *detail = result && result->text[0] ? result->text : ktls_reason_text(reason);
	char who[256];
	char alert[64] = "";
	char error[64] = "";

	request_describe(request, who, sizeof(who));
	if (result && result->alert != KTLS_ALERT_NONE)
		snprintf(alert, sizeof(alert), ", alert %s %s", ktls_alert_name(result->alert),
			 result->alert_received ? "received" : "sent");
	if (result && result->error)
		snprintf(error, sizeof(error), ", %s", strerrorname_np(result->error));
	log_limited(&request->worker->failures, LOG_NOTICE, "%s: %s%s%s, %ju us: %s", who,
		    ktls_reason_name(reason), alert, error,
		    (uintmax_t)(clock_us() - request->arrived), detail);
}

void request_log(const struct request *request, const struct conn_result *result)
{
	request->worker->succeeded += result->reason == KTLS_OK;
	request->worker->failed += result->reason != KTLS_OK;
	if (result->reason == KTLS_OK)
		log_success(request, result);
	else
		request_log_failure(request, result->reason, result);
}

/* ---- the life of a request --------------------------------------------------------------------
 */

static struct request **bucket_of(const struct client *client, uint64_t id)
{
	return &client->worker->buckets[(id ^ (uintptr_t)client >> 6) % REQUEST_BUCKETS];
}

static struct request *request_new(struct client *client, uint64_t id)
{
	struct request *request = malloc(sizeof(*request));

	if (!request)
		return NULL;
	*request = (struct request){ .worker = client->worker,
				     .client = client,
				     .next = client->requests,
				     .link = &client->requests,
				     .id = id,
				     .arrived = clock_us(),
				     .uid = client->uid,
				     .pid = client->pid,
				     .profile_name = "-",
				     .peer = "?" };
	if (client->requests)
		client->requests->link = &request->next;
	client->requests = request;
	request->next_in_bucket = *bucket_of(client, id);
	*bucket_of(client, id) = request;
	client->in_flight++;
	client->worker->requests_len++;
	return request;
}

static void request_detach(struct request *request)
{
	struct request **at;

	if (!request->client)
		return;
	at = bucket_of(request->client, request->id);
	while (*at != request)
		at = &(*at)->next_in_bucket;
	*at = request->next_in_bucket;
	*request->link = request->next;
	if (request->next)
		request->next->link = request->link;
	request->client->in_flight--;
	request->client = NULL;
}

struct request *request_of_connection(const struct request *listening, int fd)
{
	struct request *request = malloc(sizeof(*request));

	if (!request)
		return NULL;
	*request = *listening;
	request->client = NULL;
	request->arrived = clock_us();
	request->worker->requests_len++;
	describe_address(fd, getpeername, request->peer, sizeof(request->peer));
	return request;
}

void request_free(struct request *request)
{
	struct client *client = request->client;

	request_detach(request);
	request->worker->requests_len--;
	free(request);
	if (client)
		client_resume(client);
}

static void answer(struct request *request, const struct handoff_reply *reply)
{
	struct worker *w = request->worker;
	struct client *client = request->client;
	size_t len;

	if (!client)
		return;
	len = handoff_reply_build(reply, w->reply, sizeof(w->reply));
	client_send(client, w->reply, len);
	if (reply->exported_len > 0 || reply->tls_exporter.len > 0 || reply->key_tx.len > 0 ||
	    reply->key_rx.len > 0)
		explicit_bzero(w->reply, len);
}

uint64_t request_age(const struct request *request)
{
	return clock_us() - request->arrived;
}

void request_answer(struct request *request, struct handoff_reply *reply)
{
	reply->id = request->id;
	reply->time_us = request_age(request);
	answer(request, reply);
	request_free(request);
}

void requests_abandon(struct client *client)
{
	while (client->requests) {
		struct request *request = client->requests;

		request_detach(request);
		if (request->conn)
			conn_abandon(request->conn);
		if (request->listening)
			listening_abandon(request->listening);
	}
}

static struct request *request_find(const struct client *client, uint64_t id)
{
	struct request *r = *bucket_of(client, id);

	while (r && (r->client != client || r->id != id))
		r = r->next_in_bucket;
	return r;
}

/* ---- refusal ----------------------------------------------------------------------------------
 */

static void refused(struct request *request)
{
	struct handoff_reply reply = { .id = request->id,
				       .reason = (uint16_t)request->refusal,
				       .alert = KTLS_ALERT_NONE,
				       .time_us = clock_us() - request->arrived };

	request_log_failure(request, request->refusal, NULL);
	answer(request, &reply);
	request_free(request);
}

static void on_closed(void *arg)
{
	struct request *request = arg;

	if (--request->closing == 0)
		refused(request);
}

static void close_all(struct worker *w, struct handoff_packet *packet)
{
	for (size_t i = 0; i < packet->fds_len; i++)
		conn_loop_close(w->loop, packet->fds[i], NULL, NULL);
	packet->fds_len = 0;
}

/* Closes what came with it, then tells. */
static void refuse(struct request *request, enum ktls_reason reason, struct handoff_packet *packet)
{
	struct worker *w = request->worker;

	request->refusal = reason;
	request->closing = (unsigned int)packet->fds_len;
	if (packet->fds_len == 0) {
		refused(request);
		return;
	}
	for (size_t i = 0; i < packet->fds_len; i++)
		conn_loop_close(w->loop, packet->fds[i], on_closed, request);
	packet->fds_len = 0;
}

/* ---- handshakes -------------------------------------------------------------------------------
 */

/* lib/conn has closed the descriptor by now. */
static void on_done(void *arg, const struct conn_result *result)
{
	struct request *request = arg;
	struct handoff_reply reply;

	request->conn = NULL;
	request_log(request, result);
	if (result->carry) {
		relay_carry(request, result);
		return;
	}
	conn_reply(result, &reply);
	request_answer(request, &reply);
}

static bool allowed(const struct client *client, const struct profile *profile, unsigned int role)
{
	size_t i = (size_t)(profile - client->worker->profiles);

	return client->allowed[role][i / 8] & (1U << (i % 8));
}

int request_admit(struct request *request, const char *profile, enum ktls_role role)
{
	request->role = role;
	snprintf(request->profile_name, sizeof(request->profile_name), "%s", profile);
	request->profile = profile_find(request->worker, profile);
	if (!request->profile)
		return -KTLS_R_PROFILE_UNKNOWN;
	if (!(request->profile->roles & BUNDLE_ROLE(role)))
		return -KTLS_R_PROFILE_ROLE;
	return allowed(request->client, request->profile, role) ? 0 : -KTLS_R_PROFILE_DENIED;
}

static int start(struct request *request, const struct handoff_request *wanted, int fd)
{
	struct worker *w = request->worker;
	struct conn_request conn = { .fd = fd,
				     .role = request->role,
				     .profile = &request->profile->conn,
				     .server_name =
					     wanted->server_name[0] ? wanted->server_name : NULL,
				     .alpn = wanted->alpn.bytes,
				     .alpn_len = wanted->alpn.len,
				     .timeout_ms = wanted->deadline_ms,
				     .owner = request->uid,
				     .preread = wanted->received.bytes,
				     .preread_len = wanted->received.len,
				     .exports = wanted->exports,
				     .exports_len = wanted->exports_len,
				     .bindings = wanted->bindings,
				     .records = relay_records(request, wanted->records),
				     .hardware = (enum ktls_hardware)wanted->hardware,
				     .zerocopy = wanted->flags & KTLS_TX_ZEROCOPY,
				     .done = on_done,
				     .arg = request };

	if (w->stopping && !wanted->listen)
		return -KTLS_R_TOO_MANY;
	if (conn.timeout_ms > w->settings.deadline_max)
		conn.timeout_ms = w->settings.deadline_max;
	if (wanted->listen)
		return listening_start(request, &conn, wanted->listen, fd);
	return conn_start(w->loop, &conn, &request->conn);
}

/* What is wrong with a packet as such; 0 or a negative reason. */
static int check_packet(const struct client *client, const struct handoff_header *header,
			const struct handoff_packet *packet)
{
	const struct handoff_rule *rule = handoff_rule(header->type);

	if (packet->len > HANDOFF_MESSAGE_MAX)
		return -KTLS_R_REQUEST_TOO_LONG;
	if (packet->fds_lost)
		return -KTLS_R_REQUEST_TRUNCATED;
	if (!rule || rule->direction != HANDOFF_TO_DAEMON)
		return -KTLS_R_REQUEST_MALFORMED;
	if (packet->fds_len > rule->fds_max)
		return -KTLS_R_REQUEST_DESCRIPTORS;
	if (packet->fds_len < rule->fds_min)
		return -KTLS_R_REQUEST_NO_DESCRIPTOR;
	if (request_find(client, header->id))
		return -KTLS_R_REQUEST_ID;
	return 0;
}

/* 0, or a negative reason for which it does not begin. */
static int begin(struct request *request, const struct handoff_header *header,
		 const struct handoff_packet *packet)
{
	const uint8_t *bytes = request->worker->packet;
	struct handoff_service service;
	struct handoff_request wanted;
	int err;

	if (header->type == HANDOFF_SERVICE) {
		err = handoff_service_parse(bytes, packet->len, &service);
		return err ? err : service_start(request, &service, packet->fds[0]);
	}
	err = handoff_request_parse(bytes, packet->len, &wanted);
	if (err == 0)
		err = request_admit(request, wanted.profile, (enum ktls_role)wanted.role);
	return err ? err : start(request, &wanted, packet->fds[0]);
}

/* A request with an id: it is refused or becomes a handshake, or a service. */
static void handle_request(struct client *client, const struct handoff_header *header,
			   struct handoff_packet *packet)
{
	int err = check_packet(client, header, packet);
	struct request *request;

	request = request_new(client, header->id);
	if (!request) {
		close_all(client->worker, packet);
		client_drop(client);
		return;
	}
	if (packet->fds_len == 1)
		describe_socket(packet->fds[0], request->peer, sizeof(request->peer));
	if (err == 0)
		err = begin(request, header, packet);
	if (err)
		refuse(request, (enum ktls_reason) - err, packet);
}

/* It has no reply, so what is wrong with it cannot be told but by ending the connection. */
static bool handle_cancel(struct client *client, const struct handoff_packet *packet)
{
	struct request *request;
	uint64_t id;

	if (packet->fds_len > 0 || packet->fds_lost ||
	    handoff_cancel_parse(client->worker->packet, packet->len, &id) != 0)
		return false;
	request = request_find(client, id);
	if (request && request->conn)
		conn_cancel(request->conn, KTLS_R_CANCELLED);
	else if (request && request->listening)
		listening_cancel(request->listening);
	return true;
}

/* The same holds for this one. */
static bool handle_collected(struct client *client, const struct handoff_packet *packet)
{
	struct handoff_collected collected;
	struct request *request;

	if (packet->fds_len > 0 || packet->fds_lost ||
	    handoff_collected_parse(client->worker->packet, packet->len, &collected) != 0)
		return false;
	request = request_find(client, collected.id);
	if (!request || !request->listening)
		return true;
	return listening_collected(request->listening, collected.count);
}

/* The header of a packet too, of which only the beginning came: its id is good for the reply. */
static bool read_header(const struct worker *w, const struct handoff_packet *packet,
			struct handoff_header *header)
{
	uint8_t copy[HANDOFF_HEADER_LEN];

	if (!packet->truncated)
		return handoff_header_parse(w->packet, packet->len, header) == 0 && header->id != 0;
	memcpy(copy, w->packet, sizeof(copy));
	memcpy(copy + 4, (const uint8_t[]){ 0, 0, 0, HANDOFF_HEADER_LEN }, 4);
	return handoff_header_parse(copy, sizeof(copy), header) == 0 && header->id != 0;
}

bool request_receive(struct client *client, struct handoff_packet *packet)
{
	struct worker *w = client->worker;
	struct handoff_header header;
	bool ok = read_header(w, packet, &header);

	if (ok && header.type == HANDOFF_CANCEL)
		ok = handle_cancel(client, packet);
	else if (ok && header.type == HANDOFF_COLLECTED)
		ok = handle_collected(client, packet);
	else if (ok)
		handle_request(client, &header, packet);
	if (!ok) {
		close_all(w, packet);
		log_limited(&w->complaints, LOG_WARNING,
			    "uid %u pid %d sent what is no message of the protocol: closed",
			    client->uid, (int)client->pid);
	}
	return ok;
}
