/* SPDX-License-Identifier: MIT */
#include "tests/harness/answering.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lib/crypto/util.h"
#include "tests/harness/harness.h"

#define STEPS_MAX 64

size_t answering_seal(const struct answering *a, uint8_t out[static 64])
{
	sealed_header_build(&a->header, out);
	memset(out + SEALED_HEADER_LEN, 0x5e, 64 - SEALED_HEADER_LEN);
	return 64;
}

/* ---- an answer ----------------------------------------------------------------------------- */

static bool find(const struct answering *a, int fd, enum ktls_direction direction,
		 struct handoff_keys *out)
{
	struct ktls_secrets s = a->secrets;
	struct ktls_traffic_key now;

	if (a->get(fd, direction == KTLS_TX, &now) != 0 ||
	    ktls_secrets_traffic_key(&s, direction, &out->follows) != 0)
		return false;
	for (int i = 0; i < STEPS_MAX; i++) {
		if (ktls_secrets_key_update(&s, direction, &out->next) != 0)
			return false;
		if (memcmp(now.key, out->follows.key, sizeof(now.key)) == 0)
			return true;
		out->follows = out->next;
	}
	return false;
}

static void keys(struct answering *a, int fd, enum ktls_direction direction,
		 uint8_t bytes[static HANDOFF_KEYS_LEN], struct ktls_span *span)
{
	struct handoff_keys found;

	if (!find(a, fd, direction, &found))
		return;
	if (a->outdated > 0) {
		a->outdated--;
		found.follows.key[0] ^= 1;
	}
	handoff_keys_build(&found, bytes);
	*span = (struct ktls_span){ bytes, HANDOFF_KEYS_LEN };
}

static void keep_ticket(struct answering *a, const struct ktls_span *ticket)
{
	ASSERT_LE(ticket->len, sizeof(a->ticket));
	memcpy(a->ticket, ticket->bytes, ticket->len);
	a->ticket_len = ticket->len;
	a->tickets++;
}

static void put_away(struct answering *a, struct handoff_packet *p)
{
	while (a->keeps && p->fds_len > 0) {
		ASSERT_LT(a->kept_len, 512);
		a->kept[a->kept_len++] = p->fds[--p->fds_len];
	}
	handoff_close_fds(p);
}

/* False where the lane is to be closed. The descriptor goes before the answer: see keeps. */
static bool serve(struct answering *a, int lane, const struct handoff_service *service,
		  struct handoff_packet *p)
{
	struct handoff_reply reply = { .id = service->id, .reason = (uint16_t)a->reason };
	uint8_t tx[HANDOFF_KEYS_LEN], rx[HANDOFF_KEYS_LEN], seal[64], packet[4096];
	size_t len;

	a->requests++;
	if (a->lose > 0) {
		a->lose--;
		return false;
	}
	if (service->ticket.len > 0)
		keep_ticket(a, &service->ticket);
	if (a->silent > 0) {
		a->silent--;
		return true;
	}
	if (service->renew & HANDOFF_RENEW_TX)
		keys(a, p->fds[0], KTLS_TX, tx, &reply.key_tx);
	if (service->renew & HANDOFF_RENEW_RX)
		keys(a, p->fds[0], KTLS_RX, rx, &reply.key_rx);
	if (reply.reason == 0)
		reply.session = (struct ktls_span){ seal, answering_seal(a, seal) };
	len = handoff_reply_build(&reply, packet, sizeof(packet));
	put_away(a, p);
	if (a->doubled > 0 && a->doubled-- && handoff_send(lane, packet, len, -1) != 0)
		return false;
	return handoff_send(lane, packet, len, -1) == 0;
}

/* ---- its thread ---------------------------------------------------------------------------- */

static bool hear(struct answering *a, int lane)
{
	static uint8_t packet[HANDOFF_MESSAGE_MAX];
	struct handoff_service service;
	struct handoff_header header;
	struct handoff_packet p;
	bool goes_on = true;
	int ret = handoff_recv(lane, packet, sizeof(packet), &p);

	if (ret <= 0)
		return ret == -EAGAIN;
	ASSERT_EQ(0, handoff_header_parse(packet, p.len, &header));
	if (header.type == HANDOFF_SERVICE) {
		ASSERT_EQ(0, handoff_service_parse(packet, p.len, &service));
		ASSERT_EQ(1, p.fds_len);
		goes_on = serve(a, lane, &service, &p);
	}
	put_away(a, &p);
	return goes_on;
}

static void lane_close(struct answering *a, int i)
{
	close(a->lanes[i]);
	a->lanes[i] = a->lanes[--a->lanes_len];
}

static void *run(void *arg)
{
	struct answering *a = arg;
	struct pollfd p[18];

	for (;;) {
		p[0] = (struct pollfd){ .fd = a->stop[0], .events = POLLIN };
		p[1] = (struct pollfd){ .fd = a->fake.listener, .events = POLLIN };
		for (int i = 0; i < a->lanes_len; i++)
			p[2 + i] = (struct pollfd){ .fd = a->lanes[i], .events = POLLIN };
		ASSERT_GE(poll(p, 2 + (nfds_t)a->lanes_len, -1), 0);
		if (p[0].revents)
			break;
		for (int i = a->lanes_len - 1; i >= 0; i--)
			if (p[2 + i].revents && !hear(a, a->lanes[i]))
				lane_close(a, i);
		if (p[1].revents) {
			ASSERT_LT(a->lanes_len, 16);
			a->lanes[a->lanes_len++] = fake_accept(&a->fake);
		}
	}
	while (a->lanes_len > 0)
		lane_close(a, 0);
	return NULL;
}

static void thread_start(struct answering *a)
{
	ASSERT_EQ(0, pipe(a->stop));
	ASSERT_EQ(0, pthread_create(&a->thread, NULL, run, a));
}

static void thread_stop(struct answering *a)
{
	ASSERT_EQ(1, write(a->stop[1], "", 1));
	pthread_join(a->thread, NULL);
	while (a->kept_len > 0)
		close(a->kept[--a->kept_len]);
	close(a->stop[0]);
	close(a->stop[1]);
}

void answering_start(struct answering *a)
{
	ASSERT_EQ(0, crypto_init());
	fake_open(&a->fake, 2);
	thread_start(a);
}

void answering_die(struct answering *a)
{
	thread_stop(a);
	fake_stop(&a->fake);
}

void answering_revive(struct answering *a)
{
	fake_listen(&a->fake);
	thread_start(a);
}

void answering_stop(struct answering *a)
{
	thread_stop(a);
	fake_close(&a->fake);
}
